// f32 convolution and its gradients on channels-last activations ([image][y][x][channel]): the entry points of the family.
//
// Weights are ONNX's [out_c][in_c / groups][kernel_h][kernel_w]; a 1-D convolution has height 1. Weights that never change are packed once
// (conv_pack); otherwise each call packs them into scratch. Work is cut by shape alone and sums run in a fixed order: any number of threads
// gives the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/isa.h"
#include "core/thread_pool.h"

namespace omni::kernels {

struct ConvShape {
  static constexpr int64_t kMaxKernelLines = 64;

  int64_t images = 1;
  int64_t in_h = 1, in_w = 1, in_c = 1;
  int64_t out_c = 1;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  int64_t groups = 1;

  // 0 where the window is larger than the padded input.
  static int64_t out_size(int64_t in, int64_t pads, int64_t kernel, int64_t stride, int64_t dilation) {
    const int64_t room = in + pads - (kernel - 1) * dilation - 1;
    return room < 0 ? 0 : room / stride + 1;
  }
  int64_t out_h() const { return out_size(in_h, pad_top + pad_bottom, kernel_h, stride_h, dilation_h); }
  int64_t out_w() const { return out_size(in_w, pad_left + pad_right, kernel_w, stride_w, dilation_w); }
  int64_t group_in() const { return in_c / groups; }
  int64_t group_out() const { return out_c / groups; }
  int64_t taps() const { return kernel_h * kernel_w; }
  bool padded() const { return pad_top > 0 || pad_left > 0 || pad_bottom > 0 || pad_right > 0; }
  // With few enough kernel lines for the depthwise kernels, which hold a pointer to each.
  bool depthwise() const { return groups > 1 && groups == in_c && groups == out_c && kernel_h <= kMaxKernelLines; }
};

struct ConvArgs {
  ConvShape shape;
  const float* x = nullptr;
  const float* weights = nullptr;   // [out_c][in_c / groups][kernel_h][kernel_w]; not needed when packed is given
  const float* packed = nullptr;    // what conv_pack wrote, or null
  const float* bias = nullptr;      // [out_c] or null
  const float* residual = nullptr;  // added before the clamp, like y; must not overlap it
  bool clamp = false;
  float lo = 0, hi = 0;
  float* y = nullptr;
  std::byte* scratch = nullptr;  // conv_scratch_bytes, aligned to 64
};

size_t conv_packed_bytes(core::Isa isa, const ConvShape& shape);
void conv_pack(core::Isa isa, const ConvShape& shape, const float* weights, float* packed);
size_t conv_scratch_bytes(core::Isa isa, const ConvShape& shape, bool packed);
void conv(core::Isa isa, const ConvArgs& args, core::ThreadPool& pool) noexcept;

struct ConvGradArgs {
  ConvShape shape;
  const float* x = nullptr;        // weight gradient
  const float* weights = nullptr;  // input gradient
  const float* dy = nullptr;       // like y
  float* dx = nullptr;             // like x: input gradient
  float* dw = nullptr;             // like weights: weight gradient
  std::byte* scratch = nullptr;
};

size_t conv_input_grad_scratch_bytes(core::Isa isa, const ConvShape& shape);
void conv_input_grad(core::Isa isa, const ConvGradArgs& args, core::ThreadPool& pool) noexcept;
size_t conv_weight_grad_scratch_bytes(core::Isa isa, const ConvShape& shape);
void conv_weight_grad(core::Isa isa, const ConvGradArgs& args, core::ThreadPool& pool) noexcept;

// The scalar truth, sums in double.
void conv_reference(const ConvArgs& args) noexcept;
void conv_input_grad_reference(const ConvGradArgs& args) noexcept;
void conv_weight_grad_reference(const ConvGradArgs& args) noexcept;

}  // namespace omni::kernels
