// Every operator that docs/operators.md calls trained through: its gradient in f64 against central differences in f64 (1e-5 relative), and the f32
// kernels against that gradient (1e-4).
//
// The first float input is the sample's, moved a little so that no two are equal and none stands on a kink. The loss is a fixed weighted sum of the
// first output.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "core/error.h"
#include "operator_samples.h"
#include "ops/evaluate.h"
#include "ops/op_list.h"
#include "train/differentiate.h"

namespace omni::suite {
namespace {

using namespace graph;

constexpr double kStep = 1e-5;
constexpr size_t kElements = 12;  // of one input, evenly spaced

std::vector<double> moved(const Tensor& t) {
  std::vector<double> v = to_double(t);
  for (size_t i = 0; i < v.size(); ++i) v[i] += 2e-3 * std::sin(12.9898 * static_cast<double>(i) + 1) - 7e-4 * (v[i] > 0 ? 1 : -1);
  return v;
}

// The node, its loss, and the gradient of its first f32 input, all in `type`.
struct Trained {
  Graph graph;
  ValueId parameter = kNone, loss = kNone, gradient = kNone;
  std::vector<double> at;
  Shape shape;
};

// `all`: other f32 inputs become `type` too (a Resize's scales stay f32).
Trained train_as(const OpDef& op, const Sample& s, DType type, bool all) {
  Trained t;
  std::vector<ValueId> ids;
  for (const auto& input : s.inputs) {
    if (!input) {
      ids.push_back(kNone);
      continue;
    }
    const bool is_number = input->dtype() == DType::kF32;
    if (is_number && t.parameter == kNone) {
      t.at = moved(*input);
      t.shape = input->shape();
      t.parameter = t.graph.add_state("p", from_double(type, t.shape, t.at), Role::kParameter);
      ids.push_back(t.parameter);
    } else {
      ids.push_back(t.graph.add_constant("x", is_number && all ? from_double(type, input->shape(), to_double(*input)) : *input));
    }
  }
  if (t.parameter == kNone) throw Error(ErrorCode::kUnsupported, "no f32 input");
  const ValueId y = t.graph.add(op, ids, s.attributes, {.output_count = s.outputs})[0];
  if (t.graph.type(y).dtype != type) throw Error(ErrorCode::kUnsupported, "no float output");
  const Shape shape = t.graph.type(y).shape().value_or(Shape{});
  std::vector<double> weights(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = std::cos(2.4 * static_cast<double>(i)) + 1.5;
  const ValueId weighted = t.graph.add1(ops::kMul, {y, t.graph.add_constant("weights", from_double(type, shape, weights))});
  t.loss = t.graph.add1(ops::kReduceSum, {weighted}, {{"keepdims", int64_t{0}}}, {.output_names = {"sum"}});
  const ValueId loss = type == DType::kF32 ? t.loss : t.graph.add1(ops::kCast, {t.loss}, {{"to", int64_t{1}}});
  t.graph.add_output(t.loss);
  if (loss != t.loss) t.graph.add_output(loss);
  t.gradient = train::differentiate(t.graph, loss, std::vector<ValueId>{t.parameter}).at(0);
  t.loss = t.graph.find("sum");
  if (t.gradient == kNone) throw Error(ErrorCode::kUnsupported, "no gradient");
  t.graph.add_output(t.gradient);
  return t;
}

Trained train_through(const OpDef& op, const Sample& s, DType type) {
  try {
    return train_as(op, s, type, true);
  } catch (const Error&) {
    if (type == DType::kF32) throw;
  }
  return train_as(op, s, type, false);
}

std::map<ValueId, Tensor> run(const Trained& t, const Tensor& parameter) {
  ThreadPool pool(1);
  std::map<ValueId, Tensor> known = {{t.parameter, parameter}};
  for (const ValueId id : t.graph.constants()) known.emplace(id, t.graph.value(id).data);
  for (const NodeId id : t.graph.order()) {
    const Node& n = t.graph.node(id);
    std::vector<std::optional<Tensor>> inputs;
    for (const ValueId v : n.inputs) inputs.push_back(v == kNone ? std::nullopt : std::optional(known.at(v)));
    const auto results = ops::evaluate(n, inputs, pool, Isa::kScalar);
    if (!results) throw Error(ErrorCode::kUnsupported, "it does not compute here");
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      if (n.outputs[i] != kNone) known[n.outputs[i]] = (*results)[i];
    }
  }
  return known;
}

void check(const OpDef& op, const Sample& s) {
  const Trained single = train_through(op, s, DType::kF32), exact = train_through(op, s, DType::kF64);
  const std::vector<double> f32 = to_double(run(single, from_double(DType::kF32, single.shape, single.at)).at(single.gradient));
  const std::vector<double> f64 = to_double(run(exact, from_double(DType::kF64, exact.shape, exact.at)).at(exact.gradient));
  double largest = 0;
  for (const double g : f64) largest = std::max(largest, std::abs(g));
  for (size_t i = 0; i < f64.size(); i += std::max<size_t>(1, f64.size() / kElements)) {
    double side[2];
    for (int k = 0; k < 2; ++k) {
      std::vector<double> at = exact.at;
      at[i] += k == 0 ? -kStep : kStep;
      side[k] = to_double(run(exact, from_double(DType::kF64, exact.shape, at)).at(exact.loss))[0];
    }
    const double slope = (side[1] - side[0]) / (2 * kStep);
    ASSERT_NEAR(f64[i], slope, 1e-5 * std::max({1e-1, std::abs(slope), largest})) << "element " << i;
    ASSERT_NEAR(f32[i], f64[i], 1e-4 * std::max({1e-1, std::abs(f64[i]), largest})) << "f32, element " << i;
  }
}

// Of f32 alone: ai.onnx.ml answers in f32 whatever goes in, and these multiply by bytes.
bool answers_f32(const OpDef& op) {
  return op.domain == "ai.onnx.ml" || op.name == "MatMulNBits" || op.name == "QAttention" || op.name == "DynamicQuantizeLSTM";
}

// The f32 gradient of such an operator against central differences of f32 at two steps, extrapolated (error h^4).
void check_single(const OpDef& op, const Sample& s) {
  const Trained t = train_as(op, s, DType::kF32, true);
  const std::vector<double> gradient = to_double(run(t, from_double(DType::kF32, t.shape, t.at)).at(t.gradient));
  const auto slope = [&](size_t i, double step) {
    std::vector<double> up = t.at, down = t.at;
    up[i] += step;
    down[i] -= step;
    const double above = to_double(run(t, from_double(DType::kF32, t.shape, up)).at(t.loss))[0];
    return (above - to_double(run(t, from_double(DType::kF32, t.shape, down)).at(t.loss))[0]) / (2 * step);
  };
  double largest = 0;
  for (const double g : gradient) largest = std::max(largest, std::abs(g));
  for (size_t i = 0; i < gradient.size(); ++i) {
    const double extrapolated = (4 * slope(i, 1.0 / 32) - slope(i, 1.0 / 16)) / 3;
    ASSERT_NEAR(gradient[i], extrapolated, 1e-4 * std::max({1e-1, std::abs(extrapolated), largest})) << "f32, element " << i;
  }
}

// Kernels of f32 alone: held to central differences in their own tests (src/ops/recurrent).
bool is_f32_only(const OpDef& op) { return op.name == "RNN" || op.name == "GRU" || op.name == "LSTM"; }

TEST(GradientBars, EveryTrainedOperator) {
  if (suite_folder().empty()) {
    if (std::getenv("CI") != nullptr) FAIL() << "install libonnx-testdata";
    GTEST_SKIP() << "libonnx-testdata is not installed";
  }
  size_t operators = 0;
  for (const auto& [op, samples] : operator_samples()) {
    size_t checked = 0;
    if (is_f32_only(*op)) continue;
    for (const Sample& s : samples) {
      SCOPED_TRACE(op_text(*op) + ", sample " + std::to_string(&s - samples.data()));
      try {
        Trained single = train_through(*op, s, DType::kF32);
        run(single, from_double(DType::kF32, single.shape, single.at));
      } catch (const std::exception&) {
        continue;  // not trained through, as the page says
      }
      try {
        if (answers_f32(*op)) check_single(*op, s);
        else check(*op, s);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
      ++checked;
    }
    operators += checked != 0 ? 1 : 0;
  }
  printf("%zu operators\n", operators);
  EXPECT_GE(operators, 100u);
}

}  // namespace
}  // namespace omni::suite
