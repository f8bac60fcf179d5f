#include "ops/window.h"

#include <algorithm>

#include "core/error.h"

namespace omni::ops {

namespace {

int64_t at(const std::vector<int64_t>& values, size_t i, int64_t fallback) { return i < values.size() ? values[i] : fallback; }

void check_lengths(const InferContext& c, size_t spatial) {
  const auto check = [&](std::string_view name, size_t length, int64_t least) {
    const std::vector<int64_t> values = c.attributes.get_ints(name);
    if (!values.empty() && values.size() != length) {
      c.fail("attribute " + std::string(name) + " has " + std::to_string(values.size()) + " values, " + std::to_string(length) + " are expected");
    }
    for (const int64_t v : values) {
      if (v < least || v > INT32_MAX) c.fail("attribute " + std::string(name) + " holds " + std::to_string(v));
    }
  };
  check("strides", spatial, 1);
  check("dilations", spatial, 1);
  check("pads", 2 * spatial, 0);
}

}  // namespace

Window resolve_window(const Attributes& attributes, std::span<const int64_t> kernel, std::span<const int64_t> in, bool ceil_mode) {
  Window w;
  w.spatial = static_cast<int>(kernel.size());
  const std::vector<int64_t> strides = attributes.get_ints("strides"), dilations = attributes.get_ints("dilations"), pads = attributes.get_ints("pads");
  const std::string_view mode = attributes.get_string("auto_pad", "NOTSET");
  for (size_t i = 0; i < kernel.size(); ++i) {
    w.kernel[i] = kernel[i];
    w.stride[i] = at(strides, i, 1);
    w.dilation[i] = at(dilations, i, 1);
    const int64_t extent = (kernel[i] - 1) * w.dilation[i] + 1;
    if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
      w.out[i] = (in[i] + w.stride[i] - 1) / w.stride[i];
      const int64_t total = std::max<int64_t>(0, (w.out[i] - 1) * w.stride[i] + extent - in[i]);
      w.pad_begin[i] = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      w.pad_end[i] = total - w.pad_begin[i];
      continue;
    }
    if (mode != "VALID") {
      w.pad_begin[i] = at(pads, i, 0);
      w.pad_end[i] = at(pads, i + kernel.size(), 0);
    }
    const int64_t room = in[i] + w.pad_begin[i] + w.pad_end[i] - extent;
    w.out[i] = room < 0 ? 0 : (ceil_mode ? (room + w.stride[i] - 1) / w.stride[i] : room / w.stride[i]) + 1;
    // A window that would start in the padding at the end is left out (ONNX, MaxPool).
    if (ceil_mode && w.out[i] > 1 && (w.out[i] - 1) * w.stride[i] >= in[i] + w.pad_begin[i]) --w.out[i];
  }
  return w;
}

std::vector<Dim> infer_window(const InferContext& c, const std::vector<Dim>& kernel, std::span<const Dim> in, bool ceil_mode) {
  const size_t spatial = kernel.size();
  if (in.size() != spatial) c.fail("the kernel has " + std::to_string(spatial) + " spatial dimensions, the input " + std::to_string(in.size()));
  if (spatial > static_cast<size_t>(Window::kMaxSpatial)) c.fail(std::to_string(spatial) + " spatial dimensions; three are the most");
  check_lengths(c, spatial);
  const std::string_view mode = c.attributes.get_string("auto_pad", "NOTSET");
  if (mode != "NOTSET" && mode != "VALID" && mode != "SAME_UPPER" && mode != "SAME_LOWER" && !mode.empty()) c.fail("auto_pad " + quoted(mode) + " is unknown");
  const std::vector<int64_t> strides = c.attributes.get_ints("strides"), dilations = c.attributes.get_ints("dilations"), pads = c.attributes.get_ints("pads");
  std::vector<Dim> out;
  for (size_t i = 0; i < spatial; ++i) {
    if (kernel[i].is_constant() && in[i].is_constant()) {
      std::vector<int64_t> kernels(spatial, 1), sizes(spatial, 1);
      kernels[i] = kernel[i].value;
      sizes[i] = in[i].value;
      const int64_t size = resolve_window(c.attributes, kernels, sizes, ceil_mode).out[i];
      if (size <= 0) c.fail("the window is larger than the padded input");
      out.emplace_back(size);
      continue;
    }
    const Dim stride = at(strides, i, 1);
    if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
      out.push_back(c.dims.ceil_div(in[i], stride));
      continue;
    }
    const int64_t pad = mode == "VALID" ? 0 : at(pads, i, 0) + at(pads, i + spatial, 0);
    const Dim extent = c.dims.add(c.dims.mul(c.dims.sub(kernel[i], 1), at(dilations, i, 1)), 1);
    const Dim room = c.dims.sub(c.dims.add(in[i], pad), extent);
    out.push_back(c.dims.add(ceil_mode ? c.dims.ceil_div(room, stride) : c.dims.floor_div(room, stride), 1));
  }
  return out;
}

}  // namespace omni::ops
