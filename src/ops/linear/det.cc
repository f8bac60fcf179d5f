// Det (ai.onnx): determinants of a stack of square matrices, by elimination with row exchanges in double.
#include <cmath>

#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr OpVersion kVersions[] = {{22}, {11}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked) return c.set(0, Type::unranked(x.dtype));
  if (x.rank() < 2) c.fail("the input is no stack of matrices");
  const Dim rows = x.dim(-2), columns = x.dim(-1);
  if (rows.is_constant() && columns.is_constant() && rows != columns) c.fail("the matrices are not square");
  c.set(0, Type(x.dtype, std::vector<Dim>(x.dims.begin(), x.dims.end() - 2)));
}

double determinant(double* a, int64_t n) {
  double result = 1;
  for (int64_t k = 0; k < n; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; i < n; ++i) {
      if (std::abs(a[i * n + k]) > std::abs(a[pivot * n + k])) pivot = i;
    }
    if (pivot != k) {
      for (int64_t j = 0; j < n; ++j) std::swap(a[pivot * n + j], a[k * n + j]);
      result = -result;
    }
    result *= a[k * n + k];
    if (a[k * n + k] == 0) return result;
    for (int64_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] / a[k * n + k];
      for (int64_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return result;
}

template <class T>
void run(const KernelArgs& k) noexcept {
  const int64_t n = k.inputs[0].shape[-1];
  double* const a = reinterpret_cast<double*>(k.scratch);
  for (int64_t m = 0; m < k.outputs[0].count(); ++m) {
    const T* const x = k.inputs[0].as<T>() + m * n * n;
    for (int64_t i = 0; i < n * n; ++i) a[i] = static_cast<double>(x[i]);
    k.outputs[0].as<T>()[m] = static_cast<T>(determinant(a, n));
  }
}

Binding bind(const PlannedNode& n) {
  const Shape& x = n.input(0).shape;
  if (x[-1] != x[-2]) n.unsupported("the matrices are not square");
  const size_t scratch = static_cast<size_t>(x[-1] * x[-1]) * sizeof(double);
  if (n.input(0).dtype == DType::kF32) return {run<float>, nullptr, scratch};
  if (n.input(0).dtype == DType::kF64) return {run<double>, nullptr, scratch};
  n.unsupported("no kernel for this element type");
}

Cost cost(const PlannedNode& n) { return {.operations = n.input(0).shape.count() * n.input(0).shape[-1]}; }

}  // namespace

constinit const OpDef kDet = {
    .name = "Det", .inputs = kInputs, .outputs = kOutputs, .versions = kVersions, .infer = infer, .cost = cost, .bind = bind};

}  // namespace omni::ops
