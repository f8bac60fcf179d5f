#include "ops/integer_conv.h"

#include "ops/window.h"

namespace omni::ops {

Type infer_conv_int8(const InferContext& c, DType dtype) {
  const Type &x = c.input(0), &w = c.input(1);
  if (!x.ranked || !w.ranked) return Type::unranked(dtype);
  if (x.rank() < 3 || w.rank() != x.rank()) c.fail("x and w must have the same rank, 3 or more");
  const int64_t groups = c.attributes.get_int("group", 1);
  const Dim channels = c.dims.mul(w.dim(1), groups);
  if (groups < 1 || (x.dim(1).is_constant() && channels.is_constant() && x.dim(1) != channels)) c.fail("the channels of x and w do not fit together");
  if (w.dim(0).is_constant() && w.dim(0).value % groups != 0) c.fail("the output channels do not divide into the groups");
  std::vector<Dim> dims = {x.dim(0), w.dim(0)};
  const std::vector<Dim> spatial = infer_window(c, {w.dims.begin() + 2, w.dims.end()}, std::span(x.dims).subspan(2), false);
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  return Type(dtype, std::move(dims));
}

kernels::ConvInt8Shape conv_int8_shape(const PlannedNode& n) {
  const Shape &x = n.input(0).shape, &w = n.input(1).shape;
  if (x.rank() != 3 && x.rank() != 4) n.unsupported("a convolution of " + std::to_string(x.rank() - 2) + " spatial dimensions");
  const Window window = resolve_window(n.attributes, w.dims().subspan(2), x.dims().subspan(2), false);
  const size_t last = static_cast<size_t>(window.spatial) - 1;
  kernels::ConvInt8Shape s;
  s.batch = x[0];
  s.channels = x[1];
  s.out_channels = w[0];
  s.groups = n.attributes.get_int("group", 1);
  s.width = x[-1];
  s.out_width = n.output(0).shape[-1];
  s.kernel_width = window.kernel[last];
  s.stride_x = window.stride[last];
  s.dilation_x = window.dilation[last];
  s.pad_left = window.pad_begin[last];
  if (window.spatial == 2) {
    s.height = x[2];
    s.out_height = n.output(0).shape[2];
    s.kernel_height = window.kernel[0];
    s.stride_y = window.stride[0];
    s.dilation_y = window.dilation[0];
    s.pad_top = window.pad_begin[0];
  }
  return s;
}

}  // namespace omni::ops
