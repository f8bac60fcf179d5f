// Matrix products in the element types that the GEMM kernels do not have: f64 and integers, by plain loops. Integers wrap.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "core/kernel_args.h"
#include "graph/op_def.h"

namespace omni::ops {

using namespace graph;

// Y = alpha · op(A) op(B) + beta · C for every item of a batch; C (may be absent) is input 2, [1 or m, 1 or n].
struct PlainMatmul {
  int64_t m = 0, n = 0, k = 0, batch = 1;
  bool trans_a = false, trans_b = false;
  double alpha = 1, beta = 1;
  int64_t c_row = 0, c_column = 0;
  std::vector<int64_t> a_offsets = {}, b_offsets = {};  // in elements; empty: 0
};

template <class T, class Sum>
void run_plain_matmul(const KernelArgs& args) noexcept {
  const PlainMatmul& p = *static_cast<const PlainMatmul*>(args.params);
  const T* const c = args.inputs.size() > 2 ? args.inputs[2].as<T>() : nullptr;
  args.pool->parallel_for(p.batch * p.m, [&](int64_t task) {
    const size_t item = static_cast<size_t>(task / p.m);
    const int64_t i = task % p.m;
    const T* const a = args.inputs[0].as<T>() + (p.a_offsets.empty() ? 0 : p.a_offsets[item]);
    const T* const b = args.inputs[1].as<T>() + (p.b_offsets.empty() ? 0 : p.b_offsets[item]);
    T* const y = args.outputs[0].as<T>() + task * p.n;
    for (int64_t j = 0; j < p.n; ++j) {
      Sum sum = 0;
      for (int64_t k = 0; k < p.k; ++k)
        sum += static_cast<Sum>(a[p.trans_a ? k * p.m + i : i * p.k + k]) * static_cast<Sum>(b[p.trans_b ? j * p.k + k : k * p.n + j]);
      if (p.alpha != 1) sum = static_cast<Sum>(p.alpha * static_cast<double>(static_cast<T>(sum)));
      if (c != nullptr) {
        const T addend = c[i * p.c_row + j * p.c_column];
        sum += p.beta == 1 ? static_cast<Sum>(addend) : static_cast<Sum>(static_cast<T>(p.beta * static_cast<double>(addend)));
      }
      y[j] = static_cast<T>(sum);
    }
  });
}

// nullptr for element types that it does not have.
inline KernelFn plain_matmul(DType type) {
  switch (type) {
    case DType::kF64: return run_plain_matmul<double, double>;
    case DType::kI32: return run_plain_matmul<int32_t, uint64_t>;
    case DType::kI64: return run_plain_matmul<int64_t, uint64_t>;
    case DType::kU32: return run_plain_matmul<uint32_t, uint64_t>;
    case DType::kU64: return run_plain_matmul<uint64_t, uint64_t>;
    default: return nullptr;
  }
}

}  // namespace omni::ops
