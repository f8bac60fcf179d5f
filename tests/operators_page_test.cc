// docs/operators.md is what the registry generates: every operator with its versions, the element types that its kernels take, and whether gradients
// pass. OMNI_UPDATE_DOCS=1 writes the page instead of comparing it.
//
// Types are found by trying: the inputs of an ONNX node case (or of a sample below), those of the first input's type turned into each type in turn.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "core/error.h"
#include "operator_samples.h"
#include "ops/evaluate.h"
#include "ops/op_list.h"
#include "train/differentiate.h"
#include "train/grad_list.h"

namespace omni::suite {
namespace {

using namespace graph;

std::optional<Tensor> as_type(const Tensor& t, DType type) {
  if (t.dtype() == type) return t;
  if (t.dtype() == DType::kString) return std::nullopt;
  if (type != DType::kString) return from_double(type, t.shape(), to_double(t));
  return Tensor::strings(t.shape(), std::vector<std::string>(static_cast<size_t>(t.count()), "a"));
}

// Adds the node with its inputs as constants, or the first float one as a parameter.
std::vector<ValueId> add_node(Graph& g, const OpDef& op, const Sample& s, std::vector<ValueId>* parameters) {
  std::vector<ValueId> ids;
  for (const auto& t : s.inputs) {
    const bool trained = t && parameters != nullptr && parameters->empty() && t->dtype() == DType::kF32;
    ids.push_back(!t ? kNone : trained ? g.add_state("p", *t, Role::kParameter) : g.add_constant("x", *t));
    if (trained) parameters->push_back(ids.back());
  }
  return g.add(op, ids, s.attributes, {.output_count = s.outputs});
}

bool computes(const OpDef& op, Sample s, DType type) {
  if (s.inputs.empty() || !s.inputs[0]) return false;
  const DType first = s.inputs[0]->dtype();
  for (auto& t : s.inputs) {
    if (t && t->dtype() == first) t = as_type(*t, type);
    if (!t && &t == &s.inputs[0]) return false;
  }
  try {
    Graph g;
    const std::vector<ValueId> outputs = add_node(g, op, s, nullptr);
    ThreadPool pool(1);
    return ops::evaluate(g.node(g.value(outputs[0]).producer), s.inputs, pool, Isa::kScalar).has_value();
  } catch (const Error&) {
    return false;
  }
}

bool passes_gradients(const OpDef& op, const Sample& s) {
  try {
    Graph g;
    std::vector<ValueId> parameters;
    const ValueId y = add_node(g, op, s, &parameters)[0];
    if (parameters.empty() || g.type(y).dtype != DType::kF32) return false;
    const ValueId loss = g.add1(ops::kReduceSum, {y}, {{"keepdims", int64_t{0}}});
    g.add_output(loss);
    return train::differentiate(g, loss, parameters).at(0) != kNone;
  } catch (const Error&) {
    return false;
  }
}

std::string types_of(const OpDef& op, const std::vector<Sample>& samples) {
  std::string text;
  for (int t = 0; t < kDTypeCount; ++t) {
    const DType type = static_cast<DType>(t);
    const bool any = std::any_of(samples.begin(), samples.end(), [&](const Sample& s) { return computes(op, s, type); });
    if (any) text += (text.empty() ? "" : " ") + std::string(dtype_name(type));
  }
  return text.empty() ? "not tried" : text;
}

std::string row_of(const OpDef& op, const std::vector<Sample>& samples) {
  std::string versions;
  for (const OpVersion& v : op.versions) versions = std::to_string(v.since) + (versions.empty() ? "" : " ") + versions;
  const bool gradient = std::any_of(samples.begin(), samples.end(), [&](const Sample& s) { return passes_gradients(op, s); }) ||
                        (samples.empty() && train::find_gradient(op) != nullptr);
  const bool kernel = op.bind != nullptr || op.produce != nullptr || op.has(kView) || op.has(kControlFlow);
  return "| " + std::string(op.name) + " | " + (versions.empty() ? "1" : versions) + " | " + types_of(op, samples) + " | " + (gradient ? "yes" : "") +
         " | " + (kernel ? "kernel" : "composite") + " |\n";
}

std::string page() {
  const auto samples = operator_samples();
  std::map<std::string, std::map<std::string, const OpDef*>> domains;
  for (const OpDef* op : ops::all_ops()) {
    if (op->domain != "ai.omni") domains[op->domain.empty() ? "ai.onnx" : std::string(op->domain)][std::string(op->name)] = op;
  }
  std::string text =
      "# Operators\n\nGenerated from the registry by `tests/operators_page_test` (OMNI_UPDATE_DOCS=1 writes it); do not edit. A model of any opset "
      "from an operator's first version on\n"
      "is read: versions are raised to the newest. *Versions* are the opsets at which the operator changed. *Types* are those of the first input "
      "that a node case of the ONNX suite (or a\n"
      "sample) computes in; *not tried* means that there is neither, as for operators that run bodies. f16 and bf16 without a kernel of their own "
      "are computed in f32 and rounded once.\n"
      "*Gradient*: trained through. *By*: a kernel, or a composite of other operators.\n";
  for (const auto& [domain, ops] : domains) {
    text += "\n## " + domain + "\n\n| operator | versions | types | gradient | by |\n|---|---|---|---|---|\n";
    for (const auto& [name, op] : ops) {
      const auto found = samples.find(op);
      text += row_of(*op, found == samples.end() ? std::vector<Sample>() : found->second);
    }
  }
  return text;
}

TEST(OperatorsPage, IsWhatTheRegistryGenerates) {
  if (suite_folder().empty()) {
    if (std::getenv("CI") != nullptr) FAIL() << "install libonnx-testdata";
    GTEST_SKIP() << "libonnx-testdata is not installed";
  }
  const std::string path = OMNI_SOURCE_DIR "/docs/operators.md", wanted = page();
  if (std::getenv("OMNI_UPDATE_DOCS") != nullptr) {
    std::ofstream(path) << wanted;
    return;
  }
  std::ifstream file(path);
  std::stringstream found;
  found << file.rdbuf();
  std::istringstream rows(wanted);
  for (std::string row; std::getline(rows, row);)
    EXPECT_NE(found.str().find(row + "\n"), std::string::npos) << "docs/operators.md lacks: " << row << "; OMNI_UPDATE_DOCS=1 writes it";
  EXPECT_EQ(found.str().size(), wanted.size());
}

}  // namespace
}  // namespace omni::suite
