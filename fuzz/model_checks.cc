#include "fuzz/model_checks.h"

#include <limits>
#include <map>

#include "core/allocation_limit.h"
#include "core/error.h"
#include "core/rng.h"
#include "formats/onnx/export.h"
#include "formats/onnx/import.h"
#include "runtime/cost.h"
#include "runtime/session.h"

namespace omni::fuzz {

namespace {

using core::DType;
using core::RandomStream;
using core::Shape;
using core::Tensor;

constexpr size_t kImportBytes = size_t{64} << 20;  // of one tensor
constexpr runtime::RunLimits kLimits = {.value_bytes = 4 << 20, .operations = 1 << 20, .body_runs = 64};

template <class F>
Outcome guarded(F&& f) {
  Outcome outcome;
  try {
    const core::AllocationLimit limit(kImportBytes);
    f(outcome);
    outcome.done = true;
  } catch (const Error& error) {
    outcome.ours = error.code() == ErrorCode::kInternal;
    outcome.error = error.what();
    if (error.summary().empty()) outcome.ours = true;
  }
  return outcome;
}

// A choice of sizes and numbers.
struct Choice {
  uint64_t number;

  RandomStream stream(std::string_view name) const { return {number, name}; }
  int64_t size_of(std::string_view symbol) const { return static_cast<int64_t>(stream(symbol).below(0, number % 2 == 0 ? 4 : 6)); }
};

std::vector<Shape> input_shapes(const graph::Graph& graph, const Choice& choice) {
  std::vector<Shape> shapes;
  for (const graph::ValueId id : graph.inputs()) {
    const graph::Type& type = graph.type(id);
    std::vector<int64_t> dims;
    if (!type.ranked) dims.assign(choice.stream(graph.value(id).name).below(1, 5), 2);
    for (const graph::Dim d : type.dims) dims.push_back(d.is_constant() ? d.value : choice.size_of(graph.dims().text(d)));
    shapes.emplace_back(std::span<const int64_t>(dims));
  }
  return shapes;
}

double odd_number(const RandomStream& random, uint64_t i, bool real) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kReals[] = {0, -0.0, 1e30, -1e30, 1e-40, kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN()};
  constexpr double kIntegers[] = {0, -1, 100, -100, 2147483647.0, -2147483648.0, 9e18, -9e18};
  const uint64_t at = random.below(3 * i + 1, 8);
  return real ? kReals[at] : kIntegers[at];
}

Tensor numbers(DType dtype, const Shape& shape, const RandomStream& random) {
  if (dtype == DType::kString) {
    constexpr const char* kTexts[] = {"", "a", "0", "-1.5", "a b", "\xff\xfe", "nan"};
    std::vector<std::string> texts;
    for (int64_t i = 0; i < shape.count(); ++i) texts.emplace_back(kTexts[random.below(static_cast<uint64_t>(i), std::size(kTexts))]);
    return Tensor::strings(shape, texts);
  }
  std::vector<double> values(static_cast<size_t>(shape.count()));
  for (uint64_t i = 0; i < values.size(); ++i) {
    const bool odd = random.below(3 * i + 2, 64) == 0, real = core::is_float(dtype);
    values[i] = odd    ? odd_number(random, i, real)
                : real ? static_cast<double>(random.normal(i)) * 2
                       : static_cast<double>(random.below(3 * i, 8)) - 2;
    if (dtype == DType::kBool) values[i] = static_cast<double>(random.below(3 * i, 2));
  }
  return core::from_double(dtype, shape, values);
}

Tensor input_of(const graph::Type& type, const Shape& shape, const RandomStream& random) {
  if (shape.count() > (1 << 16)) throw Error(ErrorCode::kUnsupported, "an input of more than 65536 elements");
  const Tensor tensor = numbers(type.dtype, shape, random);
  const bool sequence = type.kind == graph::TypeKind::kSequence || type.kind == graph::TypeKind::kOptionalSequence;
  return sequence ? Tensor::sequence(type.dtype, {tensor, tensor}) : tensor;
}

void infer_and_plan(const graph::Graph& imported, const Choice& choice) {
  const std::vector<Shape> shapes = input_shapes(imported, choice);
  std::map<std::string, int64_t, std::less<>> sizes;
  for (const graph::ValueId id : imported.inputs()) {
    for (const graph::Dim d : imported.type(id).dims) {
      if (!d.is_constant()) sizes[imported.dims().text(d)] = choice.size_of(imported.dims().text(d));
    }
  }
  try {
    (void)runtime::count_cost(imported, sizes);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInternal) throw;
  }
  runtime::Session session(imported.clone(), {.threads = 1, .limits = kLimits});
  verify(session.graph());
  (void)session.plan(shapes);
}

}  // namespace

Outcome check_import(std::span<const std::byte> bytes) {
  return guarded([&](Outcome& outcome) {
    (void)formats::is_onnx(bytes);
    const graph::Graph graph = formats::import_onnx(bytes);
    outcome.imported = true;
    verify(graph);
    (void)print(graph);
    (void)formats::export_onnx(graph);
  });
}

Outcome check_shapes(std::span<const std::byte> bytes) {
  return guarded([&](Outcome& outcome) {
    graph::Graph graph = formats::import_onnx(bytes);
    outcome.imported = true;
    infer_and_plan(graph, {1});
    graph.infer_all();
    verify(graph);
  });
}

Outcome check_run(std::span<const std::byte> bytes) {
  return guarded([&](Outcome& outcome) {
    graph::Graph graph = formats::import_onnx(bytes);
    outcome.imported = true;
    runtime::Session session(graph.clone(),
                             {.isa = bytes.size() % 2 == 0 ? core::detect_isa() : core::Isa::kScalar, .threads = 1, .limits = kLimits});
    std::string first;
    for (uint64_t round = 1; round <= 2; ++round) {
      const Choice choice{round};
      const std::vector<Shape> shapes = input_shapes(graph, choice);
      std::vector<Tensor> inputs;
      for (size_t i = 0; i < shapes.size(); ++i) {
        const graph::Value& v = graph.value(graph.inputs()[i]);
        inputs.push_back(input_of(v.type, shapes[i], choice.stream(v.name)));
      }
      std::vector<core::TensorView> views;
      const runtime::Result result = session.run(inputs, views);
      if (!result.ok() && result.code() == ErrorCode::kInternal) result.check();
      if (!result.ok()) first = result.message();
    }
    outcome.error = first;
  });
}

}  // namespace omni::fuzz
