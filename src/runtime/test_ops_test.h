// Small operators for the tests of this room: each shows one thing that planning must get right. Shapes are checked by the session's own inference.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>

#include "graph/graph.h"

namespace omni::runtime::test {

using namespace graph;

inline constexpr Formal kX[] = {{"x"}};
inline constexpr Formal kXY[] = {{"x"}, {"y"}};
inline constexpr Formal kXW[] = {{"x"}, {"w", 0, ParamKind::kWeight}};
inline constexpr Formal kOut[] = {{"out"}};

inline const float* in(const KernelArgs& a, size_t i) { return a.inputs[i].as<float>(); }
inline float* out(const KernelArgs& a, size_t i = 0) { return a.outputs[i].as<float>(); }

// x + y, y of x's shape or one element.
inline void add_infer(InferContext& c) { c.set(0, Type(c.input(0).dtype, c.broadcast(c.input(0).dims, c.input(1).dims))); }
inline void add_kernel(const KernelArgs& a) noexcept {
  const int64_t n = a.outputs[0].count(), nx = a.inputs[0].count(), ny = a.inputs[1].count();
  a.pool->parallel_for((n + 15) / 16, [&](int64_t task) {
    for (int64_t i = task * 16; i < std::min(n, task * 16 + 16); ++i) out(a)[i] = in(a, 0)[nx == 1 ? 0 : i] + in(a, 1)[ny == 1 ? 0 : i];
  });
}
inline constexpr OpDef kAdd = {.name = "Add",
                               .domain = "test",
                               .inputs = kXY,
                               .outputs = kOut,
                               .traits = kElementwise | kInPlace,
                               .layout = LayoutRule::kAny,
                               .infer = add_infer,
                               .bind = [](const PlannedNode&) {
                                 return Binding{add_kernel, nullptr, 0};
                               }};

// [m, k] x [k, n]; packs (transposes) a constant w once, else reads it as it is. Uses scratch for the sums of a row, to show that it is there.
struct MatMulParams {
  std::vector<float> packed;
  std::shared_ptr<const void> keeper;
};
inline std::atomic<int> packed_count{0};
inline void matmul_infer(InferContext& c) {
  if (c.input(0).rank() != 2 || c.input(1).rank() != 2) c.fail("two matrices are needed");
  const Dim k = c.input(0).dim(1), rows = c.input(1).dim(0);
  if (k.is_constant() && rows.is_constant() && k != rows) c.fail("the inner dimensions differ");
  c.set(0, Type(DType::kF32, {c.input(0).dim(0), c.input(1).dim(1)}));
}
inline void matmul_kernel(const KernelArgs& a) noexcept {
  const auto& params = *static_cast<const MatMulParams*>(a.params);
  const int64_t m = a.inputs[0].shape[0], k = a.inputs[0].shape[1], n = a.inputs[1].shape[1];
  double* sums = reinterpret_cast<double*>(a.scratch);
  a.pool->parallel_for(m, [&](int64_t i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < k; ++p) {
        const float w = params.packed.empty() ? in(a, 1)[p * n + j] : params.packed[static_cast<size_t>(j * k + p)];
        sum += static_cast<double>(in(a, 0)[i * k + p]) * static_cast<double>(w);
      }
      sums[i * n + j] = sum;
    }
    for (int64_t j = 0; j < n; ++j) out(a)[i * n + j] = static_cast<float>(sums[i * n + j]);
  });
}
inline Binding matmul_bind(const PlannedNode& node) {
  auto params = std::make_shared<MatMulParams>();
  if (const Tensor* w = node.input(1).constant) {
    ++packed_count;
    const int64_t k = w->shape()[0], n = w->shape()[1];
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t p = 0; p < k; ++p) params->packed.push_back(w->values<float>()[static_cast<size_t>(p * n + j)]);
    }
  }
  return {matmul_kernel, params, static_cast<size_t>(node.output(0).shape.count()) * sizeof(double)};
}
inline constexpr OpDef kMatMul = {.name = "MatMul",
                                  .domain = "test",
                                  .inputs = kXW,
                                  .outputs = kOut,
                                  .infer = matmul_infer,
                                  .cost =
                                      [](const PlannedNode& n) {
                                        return Cost{2 * n.output(0).shape.count() * n.input(0).shape[1], 0};
                                      },
                                  .bind = matmul_bind};

// The shape of x; folds away.
inline constexpr OpDef kShapeOf = {.name = "ShapeOf",
                                   .domain = "test",
                                   .inputs = kX,
                                   .outputs = kOut,
                                   .infer = [](InferContext& c) { c.set(0, Type(DType::kI64, {Dim(c.input(0).rank())}), Contents(c.input(0).dims)); },
                                   .bind = [](const PlannedNode&) -> Binding {
                                     return {[](const KernelArgs& a) noexcept { a.status->fail(0, "ShapeOf ran"); }, nullptr, 0};
                                   }};

// x under the shape that y holds.
inline void reshape_infer(InferContext& c) {
  std::vector<Dim> dims;
  if (const Contents* contents = c.contents(1)) {
    dims = *contents;
  } else {
    for (int64_t i = 0; i < c.input(1).dim(0).value; ++i) dims.push_back(c.dims.fresh());
  }
  c.set(0, Type(c.input(0).dtype, dims));
}
inline constexpr OpDef kReshape = {.name = "Reshape", .domain = "test", .inputs = kXY, .outputs = kOut, .traits = kView, .infer = reshape_infer};

// x's only element in every place of the shape that y holds.
inline constexpr OpDef kFill = {
    .name = "Fill", .domain = "test", .inputs = kXY, .outputs = kOut, .infer = reshape_infer, .bind = [](const PlannedNode&) -> Binding {
      return {[](const KernelArgs& a) noexcept { std::fill_n(out(a), a.outputs[0].count(), in(a, 0)[0]); }, nullptr, 0};
    }};

// Places where x is not 0.
inline std::vector<Tensor> nonzero(const PlannedNode&, std::span<const Tensor> inputs, StatusSlot& status) {
  std::vector<int64_t> places;
  for (int64_t i = 0; i < inputs[0].count(); ++i) {
    const float v = inputs[0].values<float>()[static_cast<size_t>(i)];
    if (std::isnan(v)) {
      status.fail(i, "a value that is not a number", i);
      return {};
    }
    if (v != 0) places.push_back(i);
  }
  return {Tensor::of<int64_t>({static_cast<int64_t>(places.size())}, places)};
}
inline constexpr OpDef kNonZero = {.name = "NonZero",
                                   .domain = "test",
                                   .inputs = kX,
                                   .outputs = kOut,
                                   .traits = kDataDependent,
                                   .infer = [](InferContext& c) { c.set(0, Type(DType::kI64, {c.dims.fresh()})); },
                                   .produce = nonzero};

// y[i] = x[index[i]]; an index outside is a status.
inline void take_kernel(const KernelArgs& a) noexcept {
  for (int64_t i = 0; i < a.inputs[1].count(); ++i) {
    const int64_t at = a.inputs[1].as<int64_t>()[i];
    if (at < 0 || at >= a.inputs[0].count()) {
      a.status->fail(i, "index out of range", at, a.inputs[0].count());
      continue;
    }
    out(a)[i] = in(a, 0)[at];
  }
}
inline constexpr OpDef kTake = {.name = "Take",
                                .domain = "test",
                                .inputs = kXY,
                                .outputs = kOut,
                                .infer = [](InferContext& c) { c.set(0, Type(DType::kF32, c.input(1).dims)); },
                                .bind =
                                    [](const PlannedNode&) {
                                      return Binding{take_kernel, nullptr, 0};
                                    }};

// Whether every element is above 0.
inline void positive_kernel(const KernelArgs& a) noexcept {
  bool all = true;
  for (int64_t i = 0; i < a.inputs[0].count(); ++i) all = all && in(a, 0)[i] > 0;
  *a.outputs[0].as<uint8_t>() = all;
}
inline constexpr OpDef kPositive = {.name = "Positive",
                                    .domain = "test",
                                    .inputs = kX,
                                    .outputs = kOut,
                                    .infer = [](InferContext& c) { c.set(0, Type(DType::kBool, std::vector<Dim>{})); },
                                    .bind =
                                        [](const PlannedNode&) {
                                          return Binding{positive_kernel, nullptr, 0};
                                        }};

inline constexpr OpDef kNothing = {
    .name = "Nothing", .domain = "test", .inputs = kX, .outputs = kOut, .infer = [](InferContext& c) { c.set(0, c.input(0)); }};

inline const OpDef* lookup(std::string_view domain, std::string_view name) {
  for (const OpDef* op : {&kAdd, &kMatMul, &kShapeOf, &kReshape, &kFill, &kNonZero, &kTake, &kPositive, &kNothing}) {
    if (op->domain == domain && op->name == name) return op;
  }
  return nullptr;
}

inline Tensor floats(Shape shape, std::initializer_list<float> values) { return Tensor::of<float>(shape, values); }
inline Tensor ramp(Shape shape, float scale = 1) {
  Tensor t(DType::kF32, shape);
  for (int64_t i = 0; i < t.count(); ++i) t.mutable_values<float>()[static_cast<size_t>(i)] = scale * static_cast<float>(i % 17 - 8);
  return t;
}

}  // namespace omni::runtime::test
