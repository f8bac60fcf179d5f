// The scalar truth of gemm_int8.
#include <algorithm>

#include "kernels/gemm_int8/gemm_int8.h"

namespace omni::kernels {
namespace {

// Element (m, k) of A in the u8 view.
uint8_t element(const Int8Rows& a, int64_t m, int64_t k) {
  const int64_t tap = k / a.channels, c = k % a.channels;
  const int64_t pixels = a.out_height * a.out_width, image = m / pixels, oy = m % pixels / a.out_width, ox = m % a.out_width;
  const int64_t y = oy * a.stride_y - a.pad_top + tap / a.kernel_width * a.dilation_y;
  const int64_t x = ox * a.stride_x - a.pad_left + tap % a.kernel_width * a.dilation_x;
  if (y < 0 || y >= a.height || x < 0 || x >= a.width) return a.pad;
  return a.data[image * a.image_stride + y * a.row_stride + x * a.pixel_stride + c] ^ a.flip;
}

void finish(const Int8GemmArgs& args, int64_t m, int64_t n, int64_t packed, int32_t acc) {
  const Int8Epilogue& e = args.epilogue;
  const int64_t at = m * args.out_stride + n;
  switch (args.layout->output) {
    case Int8Output::kInt32: static_cast<int32_t*>(args.out)[at] = acc; return;
    case Int8Output::kFloat: {
      const float product = static_cast<float>(acc) * e.multiplier[packed];
      static_cast<float*>(args.out)[at] = e.bias != nullptr ? product + e.bias[packed] : product;
      return;
    }
    case Int8Output::kBytes: {
      int32_t y = requantize(acc, e.multiplier[packed], e.range);
      if (e.residual != nullptr) {
        const int32_t b = (e.residual[at] ^ e.residual_flip) - e.residual_zero;
        y = add_quantized(y - e.range.zero, e.ma, b, e.mb, e.sum);
      }
      static_cast<uint8_t*>(args.out)[at] = static_cast<uint8_t>(y) ^ e.flip;
      return;
    }
  }
}

void run(const Int8GemmTask& task) noexcept {
  const Int8GemmArgs& args = *task.args;
  const Int8Layout& layout = *args.layout;
  for (int64_t m = task.row_begin; m < task.row_end; ++m) {
    for (int g = task.group_begin; g < task.group_end; ++g) {
      const Int8Group& group = layout.groups[static_cast<size_t>(g)];
      const int8_t* w = args.weights + group.offset;
      uint32_t acc = static_cast<uint32_t>(args.epilogue.start[group.packed]);
      for (int64_t d = 0; d < layout.depth; ++d) acc += static_cast<uint32_t>(element(args.a, m, d % layout.k) * w[d]);
      finish(args, m, group.column, group.packed, static_cast<int32_t>(acc));
    }
  }
}

}  // namespace

namespace scalar {
extern const Int8GemmKernel gemm_int8_kernel;
constinit const Int8GemmKernel gemm_int8_kernel = {core::Isa::kScalar, 1, 1, 1, INT64_MAX, run};
}  // namespace scalar

}  // namespace omni::kernels
