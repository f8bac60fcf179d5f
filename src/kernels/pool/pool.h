// f32 max and average pooling, global pooling and their gradients, on channels-last and plain (ONNX) order.
//
// Channels-last has vector kernels; plain order, and max pooling with indices, run the strided scalar code. A task is some rows of some images,
// cut by shape alone; gradients of one image and one range of channels are added in the order of the outputs.
#pragma once

#include <cstdint>

#include "core/isa.h"
#include "core/thread_pool.h"

namespace omni::kernels {

struct PoolShape {
  int64_t images = 1, channels = 1;
  int64_t in_h = 1, in_w = 1, out_h = 1, out_w = 1;  // the operator knows about ceil_mode
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  bool channels_last = true;
  bool count_include_pad = false;  // average: padding counts (but not what ceil_mode adds beyond it)

  int64_t pixel() const { return channels_last ? channels : 1; }        // floats from one pixel of a channel to the next
  int64_t in_plane() const { return channels_last ? 1 : in_h * in_w; }  // floats from one channel of a pixel to the next
  int64_t out_plane() const { return channels_last ? 1 : out_h * out_w; }
};

struct PoolArgs {
  PoolShape shape;
  const float* x = nullptr;
  float* y = nullptr;
  int64_t* indices = nullptr;  // max: flat positions in the plain order of x, themselves in plain order; or null
  bool column_major = false;   // indices: ONNX storage_order 1
};

// A window that holds no pixel gives -infinity.
void max_pool(core::Isa isa, const PoolArgs& args, core::ThreadPool& pool) noexcept;
// A window that holds nothing to count gives 0.
void average_pool(core::Isa isa, const PoolArgs& args, core::ThreadPool& pool) noexcept;

struct PoolGradArgs {
  PoolShape shape;
  const float* x = nullptr;  // max: the input of the forward pass
  const float* dy = nullptr;
  float* dx = nullptr;  // every element is written
};

// The gradient goes to the first maximum of each window, in the order of ky, kx.
void max_pool_grad(core::Isa isa, const PoolGradArgs& args, core::ThreadPool& pool) noexcept;
void average_pool_grad(core::Isa isa, const PoolGradArgs& args, core::ThreadPool& pool) noexcept;

// The scalar truth for channels [c0, c1) of one image, any order of storage.
void max_pool_reference(const PoolArgs& args, int64_t image, int64_t c0, int64_t c1) noexcept;
void average_pool_reference(const PoolArgs& args, int64_t image, int64_t c0, int64_t c1) noexcept;
void max_pool_grad_reference(const PoolGradArgs& args, int64_t image, int64_t c0, int64_t c1) noexcept;
void average_pool_grad_reference(const PoolGradArgs& args, int64_t image, int64_t c0, int64_t c1) noexcept;

}  // namespace omni::kernels
