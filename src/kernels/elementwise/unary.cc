#include "kernels/elementwise/unary.h"

#include <algorithm>

#include "kernels/cast/half.h"
#include "kernels/x86.h"

namespace omni::kernels {

using core::DType;

namespace {

constexpr int64_t kBlock = 512;  // elements widened at a time: two buffers of 2 KB stay in L1

// Transcendental functions cost some ten times a plain load and store, so a task of fewer elements is worth a thread.
bool is_costly(UnaryOp op) {
  switch (op) {
    case UnaryOp::kRelu:
    case UnaryOp::kLeakyRelu:
    case UnaryOp::kThresholdedRelu:
    case UnaryOp::kClip:
    case UnaryOp::kHardSigmoid:
    case UnaryOp::kHardSwish:
    case UnaryOp::kAbs:
    case UnaryOp::kNeg:
    case UnaryOp::kSign:
    case UnaryOp::kFloor:
    case UnaryOp::kCeil:
    case UnaryOp::kRound:
    case UnaryOp::kNot:
    case UnaryOp::kBitwiseNot:
    case UnaryOp::kIsNaN:
    case UnaryOp::kIsInf: return false;
    default: return true;
  }
}

bool is_half(DType t) { return t == DType::kF16 || t == DType::kBF16; }

void run_half(const UnaryKernel& kernel, const uint16_t* x, void* y, int64_t n, const UnaryParams& params) noexcept {
  const WidenFn widen = select_widen(kernel.input, kernel.isa);
  const bool half_out = is_half(kernel.output);
  const NarrowFn narrow = half_out ? select_narrow(kernel.output, kernel.isa) : nullptr;
  float in[kBlock], out[kBlock];
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t part = std::min(kBlock, n - i);
    widen(x + i, in, part);
    kernel.fn(in, half_out ? static_cast<void*>(out) : static_cast<bool*>(y) + i, part, params);
    if (half_out) narrow(out, static_cast<uint16_t*>(y) + i, part);
  }
}

}  // namespace

UnaryKernel select_unary(UnaryOp op, DType dtype, core::Isa isa) {
  UnaryKernel kernel;
  kernel.input = kernel.output = dtype;
  kernel.isa = isa;
  if (op == UnaryOp::kIsNaN || op == UnaryOp::kIsInf) kernel.output = DType::kBool;
  if (is_costly(op)) kernel.grain = 1 << 12;
  const DType compute = is_half(dtype) ? DType::kF32 : dtype;
#if defined(__x86_64__)
  if (compute == DType::kF32 && runs_avx512(isa))
    kernel.fn = avx512::unary_f32(op);
  else if (compute == DType::kF32 && runs_avx2(isa))
    kernel.fn = avx2::unary_f32(op);
#endif
  if (kernel.fn == nullptr) kernel.fn = scalar::unary(op, compute);
  return kernel;
}

void run_unary(const UnaryKernel& kernel, const void* x, void* y, int64_t n, const UnaryParams& params, core::ThreadPool& pool) noexcept {
  const int64_t in_size = static_cast<int64_t>(core::dtype_size(kernel.input)), out_size = static_cast<int64_t>(core::dtype_size(kernel.output));
  const int64_t grain = kernel.grain;
  pool.parallel_for((n + grain - 1) / grain, [&](int64_t task) {
    const int64_t begin = task * grain, part = std::min(grain, n - begin);
    const char* from = static_cast<const char*>(x) + begin * in_size;
    char* to = static_cast<char*>(y) + begin * out_size;
    if (is_half(kernel.input))
      run_half(kernel, reinterpret_cast<const uint16_t*>(from), to, part, params);
    else
      kernel.fn(from, to, part, params);
  });
}

}  // namespace omni::kernels
