// DeformConv (ai.onnx): a 2-D convolution whose taps are moved by computed offsets and weighed by an optional mask; pixels between four are
// interpolated.
#include <algorithm>
#include <cmath>

#include "core/kernel_args.h"
#include "ops/op_list.h"
#include "ops/spatial/product.h"
#include "ops/window.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}, {"W", 0, ParamKind::kWeight}, {"offset"}, {"B", kOptional, ParamKind::kBias}, {"mask", kOptional}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {{"dilations", AttributeKind::kInts},   {"group", AttributeKind::kInt}, {"kernel_shape", AttributeKind::kInts},
                                        {"offset_group", AttributeKind::kInt}, {"pads", AttributeKind::kInts}, {"strides", AttributeKind::kInts}};
constexpr OpVersion kVersions[] = {{22}, {19}};

void infer(InferContext& c) {
  const Type &x = c.input(0), &w = c.input(1);
  for (int i = 1; i < c.input_count(); ++i) {
    if (c.has_input(i) && c.input(i).dtype != x.dtype) c.fail("the inputs have different element types");
  }
  if (!x.ranked || x.rank() != 4 || !w.ranked || w.rank() != 4) c.fail("X is [N, C, H, W], W is [M, C/group, kH, kW]");
  if (c.attributes.get_int("group", 1) < 1 || c.attributes.get_int("offset_group", 1) < 1) c.fail("group and offset_group are 1 or more");
  const std::vector<int64_t> stated = c.attributes.get_ints("kernel_shape");
  if (!stated.empty() && stated.size() != 2) c.fail("kernel_shape has " + std::to_string(stated.size()) + " values");
  const std::vector<Dim> kernel(w.dims.begin() + 2, w.dims.end());
  std::vector<Dim> dims = {x.dim(0), w.dim(0)};
  const std::vector<Dim> spatial = infer_window(c, kernel, std::span(x.dims).subspan(2), false);
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  c.set(0, Type(x.dtype, std::move(dims)));
}

struct Params {
  Isa isa;
  Window window;
  int64_t images, in_c, out_c, groups, offset_groups, in_h, in_w, taps, positions, chunk;
  size_t sums_at, product_at;
};

// Zero beyond the picture, linear up to there.
template <class T>
T pixel(const T* x, int64_t height, int64_t width, double y, double u) {
  if (!(y > -1 && y < static_cast<double>(height) && u > -1 && u < static_cast<double>(width))) return T(0);
  const double fy = y - std::floor(y), fx = u - std::floor(u);
  const int64_t y0 = static_cast<int64_t>(std::floor(y)), x0 = static_cast<int64_t>(std::floor(u));
  const auto at = [&](int64_t i, int64_t j) { return i >= 0 && i < height && j >= 0 && j < width ? static_cast<double>(x[i * width + j]) : 0.0; };
  return static_cast<T>((1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x0 + 1)) + fy * ((1 - fx) * at(y0 + 1, x0) + fx * at(y0 + 1, x0 + 1)));
}

// rows[position][channel of the group][tap], as W is stored.
template <class T>
void gather(const Params& p, const KernelArgs& k, int64_t image, int64_t group, int64_t first, int64_t n, T* rows) {
  const int64_t channels = p.in_c / p.groups, per_offset = p.in_c / p.offset_groups;
  const T* const mask = k.inputs.size() > 4 ? k.inputs[4].as<T>() : nullptr;
  k.pool->parallel_for(n, [&](int64_t i) {
    const int64_t position = first + i, row = position / p.window.out[1], column = position % p.window.out[1];
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t channel = group * channels + c, offset_group = channel / per_offset;
      const T* const x = k.inputs[0].as<T>() + (image * p.in_c + channel) * p.in_h * p.in_w;
      for (int64_t t = 0; t < p.taps; ++t) {
        const int64_t set = (image * p.offset_groups + offset_group) * p.taps + t;
        const T* const offset = k.inputs[2].as<T>() + set * 2 * p.positions + position;
        const double y = static_cast<double>(row * p.window.stride[0] - p.window.pad_begin[0] + t / p.window.kernel[1] * p.window.dilation[0]) +
                         static_cast<double>(offset[0]);
        const double u = static_cast<double>(column * p.window.stride[1] - p.window.pad_begin[1] + t % p.window.kernel[1] * p.window.dilation[1]) +
                         static_cast<double>(offset[p.positions]);
        const T v = pixel(x, p.in_h, p.in_w, y, u);
        rows[(i * channels + c) * p.taps + t] = mask == nullptr ? v : v * mask[set * p.positions + position];
      }
    }
  });
}

template <class T>
void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  T *const rows = reinterpret_cast<T*>(k.scratch), *const sums = reinterpret_cast<T*>(k.scratch + p.sums_at);
  const T* const bias = k.inputs.size() > 3 ? k.inputs[3].as<T>() : nullptr;
  const int64_t columns = p.out_c / p.groups, row = p.in_c / p.groups * p.taps;
  for (int64_t image = 0; image < p.images; ++image) {
    for (int64_t group = 0; group < p.groups; ++group) {
      for (int64_t first = 0; first < p.positions; first += p.chunk) {
        const int64_t n = std::min(p.chunk, p.positions - first);
        gather(p, k, image, group, first, n, rows);
        product(p.isa, {n, columns, row, false, true}, rows, k.inputs[1].as<T>() + group * columns * row, sums, k.scratch + p.product_at, *k.pool);
        for (int64_t m = 0; m < columns; ++m) {
          const int64_t channel = group * columns + m;
          T* const y = k.outputs[0].as<T>() + (image * p.out_c + channel) * p.positions + first;
          for (int64_t i = 0; i < n; ++i) y[i] = sums[i * columns + m] + (bias == nullptr ? T(0) : bias[channel]);
        }
      }
    }
  }
}

template <class T>
Binding finish(std::shared_ptr<Params> p) {
  const int64_t row = p->in_c / p->groups * p->taps, columns = p->out_c / p->groups;
  p->chunk = std::clamp<int64_t>((4 << 20) / (std::max<int64_t>(1, row) * static_cast<int64_t>(sizeof(T))), 32, 4096);
  const auto aligned = [](int64_t n) { return (static_cast<size_t>(n) * sizeof(T) + 63) / 64 * 64; };
  p->sums_at = aligned(p->chunk * row);
  p->product_at = p->sums_at + aligned(p->chunk * columns);
  size_t most = 0;
  for (const int64_t n : {std::min(p->chunk, p->positions), p->positions % p->chunk}) {
    if (n > 0) most = std::max(most, product_scratch<T>(p->isa, {n, columns, row, false, true}));
  }
  const size_t scratch = p->product_at + most;
  return {run<T>, std::move(p), scratch};
}

Binding bind(const PlannedNode& n) {
  const Shape &x = n.input(0).shape, &w = n.input(1).shape, &offset = n.input(2).shape, &y = n.output(0).shape;
  auto p = std::make_shared<Params>();
  p->isa = n.isa;
  p->window = resolve_window(n.attributes, w.dims().subspan(2), x.dims().subspan(2), false);
  p->images = x[0];
  p->in_c = x[1];
  p->out_c = w[0];
  p->groups = n.attributes.get_int("group", 1);
  p->offset_groups = n.attributes.get_int("offset_group", 1);
  p->in_h = x[2];
  p->in_w = x[3];
  p->taps = w[2] * w[3];
  p->positions = y[2] * y[3];
  bool fits = p->in_c % p->groups == 0 && p->out_c % p->groups == 0 && w[1] == p->in_c / p->groups && p->in_c % p->offset_groups == 0;
  fits = fits && p->window.out[0] == y[2] && p->window.out[1] == y[3] && offset == Shape{x[0], p->offset_groups * p->taps * 2, y[2], y[3]};
  fits = fits && (!n.has_input(3) || n.input(3).shape.count() == p->out_c) &&
         (!n.has_input(4) || n.input(4).shape == Shape{x[0], p->offset_groups * p->taps, y[2], y[3]});
  if (!fits) n.unsupported("the shapes do not fit");
  if (n.input(0).dtype == DType::kF32) return finish<float>(std::move(p));
  if (n.input(0).dtype == DType::kF64) return finish<double>(std::move(p));
  n.unsupported("no kernel for this element type");
}

Cost cost(const PlannedNode& n) { return {.operations = 2 * n.output(0).shape.count() * n.input(1).shape.count(1)}; }

}  // namespace

constinit const OpDef kDeformConv = {.name = "DeformConv",
                                     .inputs = kInputs,
                                     .outputs = kOutputs,
                                     .attributes = kAttributes,
                                     .versions = kVersions,
                                     .infer = infer,
                                     .cost = cost,
                                     .bind = bind};

}  // namespace omni::ops
