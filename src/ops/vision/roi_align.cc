// RoiAlign and MaxRoiPool (ai.onnx): every region of a picture brought to one size.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}, {"rois"}, {"batch_indices"}};
constexpr Formal kPoolInputs[] = {{"X"}, {"rois"}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {{"coordinate_transformation_mode", AttributeKind::kString},
                                        {"mode", AttributeKind::kString},
                                        {"output_height", AttributeKind::kInt},
                                        {"output_width", AttributeKind::kInt},
                                        {"sampling_ratio", AttributeKind::kInt},
                                        {"spatial_scale", AttributeKind::kFloat}};
constexpr AttributeDef kPoolAttributes[] = {{"pooled_shape", AttributeKind::kInts, true}, {"spatial_scale", AttributeKind::kFloat}};

void upgrade_half_pixel(Graph&, NodeDraft& draft) { draft.attributes.set("coordinate_transformation_mode", "output_half_pixel"); }
void lower_half_pixel(const Graph&, NodeDraft& draft) {
  if (draft.attributes.get_string("coordinate_transformation_mode", "half_pixel") == "half_pixel")
    throw Error(ErrorCode::kUnsupported, "half-pixel regions need opset 16", draft.name, "export with opset 16 or newer");
  draft.attributes.erase("coordinate_transformation_mode");
}
constexpr OpVersion kVersions[] = {{22}, {16}, {10, upgrade_half_pixel, lower_half_pixel}};
constexpr OpVersion kPoolVersions[] = {{22}, {1}};

void infer_regions(InferContext& c, int64_t height, int64_t width, int64_t columns) {
  const Type &x = c.input(0), &rois = c.input(1);
  if (x.ranked && x.rank() != 4) c.fail("X is [N, C, H, W]");
  if (rois.dtype != x.dtype) c.fail("the regions have another element type than X");
  if (rois.ranked && (rois.rank() != 2 || (rois.dim(1).is_constant() && rois.dim(1).value != columns)))
    c.fail("the regions are [R, " + std::to_string(columns) + "]");
  if (height < 1 || width < 1 || height > INT32_MAX || width > INT32_MAX)
    c.fail("an output of " + std::to_string(height) + " x " + std::to_string(width));
  const Dim count = rois.ranked ? rois.dim(0) : c.dims.fresh(), channels = x.ranked ? x.dim(1) : c.dims.fresh();
  c.set(0, Type(x.dtype, std::vector<Dim>{count, channels, height, width}));
}

void infer(InferContext& c) {
  const std::string_view mode = c.attributes.get_string("mode", "avg"),
                         coordinates = c.attributes.get_string("coordinate_transformation_mode", "half_pixel");
  if (mode != "avg" && mode != "max") c.fail("mode " + quoted(mode) + " does not exist");
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
    c.fail("coordinate_transformation_mode " + quoted(coordinates) + " does not exist");
  if (c.input(2).dtype != DType::kI64) c.fail("the batch indices are not i64");
  const int64_t ratio = c.attributes.get_int("sampling_ratio", 0);
  if (ratio < 0 || ratio > 4096) c.fail("sampling_ratio is " + std::to_string(ratio));
  infer_regions(c, c.attributes.get_int("output_height", 1), c.attributes.get_int("output_width", 1), 4);
}

void infer_pool(InferContext& c) {
  const std::vector<int64_t> shape = c.attributes.get_ints("pooled_shape");
  if (shape.size() != 2) c.fail("pooled_shape is not two numbers");
  infer_regions(c, shape[0], shape[1], 5);
}

struct Params {
  bool max, half_pixel;
  int64_t ratio;
  double scale;
};

// A point between four pixels; too far outside it reads nothing.
struct Point {
  int64_t at[4];
  double weight[4];
  bool inside = false;
};

Point point_of(double y, double x, int64_t height, int64_t width) {
  Point p;
  if (!(y >= -1 && y <= static_cast<double>(height) && x >= -1 && x <= static_cast<double>(width))) return p;
  p.inside = true;
  y = std::max(y, 0.0);
  x = std::max(x, 0.0);
  int64_t y0 = static_cast<int64_t>(y), x0 = static_cast<int64_t>(x), y1 = y0 + 1, x1 = x0 + 1;
  if (y0 >= height - 1) y = static_cast<double>(y0 = y1 = height - 1);
  if (x0 >= width - 1) x = static_cast<double>(x0 = x1 = width - 1);
  const double fy = y - static_cast<double>(y0), fx = x - static_cast<double>(x0);
  const int64_t at[] = {y0 * width + x0, y0 * width + x1, y1 * width + x0, y1 * width + x1};
  const double weight[] = {(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx};
  std::copy(at, at + 4, p.at);
  std::copy(weight, weight + 4, p.weight);
  return p;
}

constexpr double kMaxSamples = 4096;  // an axis of one bin: larger regions are sampled no finer

template <class T>
void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const Shape &x = k.inputs[0].shape, &y = k.outputs[0].shape;
  k.pool->parallel_for(y[0], [&](int64_t r) {
    const T* const roi = k.inputs[1].as<T>() + r * 4;
    const int64_t image = k.inputs[2].as<int64_t>()[r];
    if (image < 0 || image >= x[0]) return k.status->fail(r, "a batch index outside of the batch", image, x[0]);
    const double shift = p.half_pixel ? 0.5 : 0.0;
    const double left = static_cast<double>(roi[0]) * p.scale - shift, top = static_cast<double>(roi[1]) * p.scale - shift;
    double width = static_cast<double>(roi[2]) * p.scale - shift - left, height = static_cast<double>(roi[3]) * p.scale - shift - top;
    if (!p.half_pixel) {
      width = std::max(width, 1.0);
      height = std::max(height, 1.0);
    }
    const double bin_h = height / static_cast<double>(y[2]), bin_w = width / static_cast<double>(y[3]);
    const auto samples = [&](double bin) {
      const double n = p.ratio > 0 ? static_cast<double>(p.ratio) : std::ceil(bin);
      return static_cast<int64_t>(std::isnan(n) ? 1.0 : std::clamp(n, 0.0, kMaxSamples));
    };
    const int64_t rows = samples(bin_h), columns = samples(bin_w);
    for (int64_t cell = 0; cell < y[2] * y[3]; ++cell) {
      const int64_t i = cell / y[3], j = cell % y[3];
      for (int64_t c = 0; c < y[1]; ++c) {
        const T* const plane = k.inputs[0].as<T>() + (image * x[1] + c) * x[2] * x[3];
        double sum = 0, largest = -std::numeric_limits<double>::infinity();
        for (int64_t sample = 0; sample < rows * columns; ++sample) {
          const double at_y = top + (static_cast<double>(i) + (static_cast<double>(sample / columns) + 0.5) / static_cast<double>(rows)) * bin_h;
          const double at_x = left + (static_cast<double>(j) + (static_cast<double>(sample % columns) + 0.5) / static_cast<double>(columns)) * bin_w;
          const Point point = point_of(at_y, at_x, x[2], x[3]);
          for (int t = 0; t < 4; ++t) {
            const double v = point.inside ? point.weight[t] * static_cast<double>(plane[point.at[t]]) : 0.0;
            sum += v;
            largest = std::max(largest, v);
          }
        }
        const double n = static_cast<double>(std::max<int64_t>(1, rows * columns));
        k.outputs[0].as<T>()[((r * y[1] + c) * y[2] + i) * y[3] + j] = static_cast<T>(p.max ? (rows * columns == 0 ? 0.0 : largest) : sum / n);
      }
    }
  });
}

template <class T>
void run_pool(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const Shape &x = k.inputs[0].shape, &y = k.outputs[0].shape;
  k.pool->parallel_for(y[0], [&](int64_t r) {
    const T* const roi = k.inputs[1].as<T>() + r * 5;
    const double index = static_cast<double>(roi[0]);
    if (!(index >= 0 && index < static_cast<double>(x[0]))) return k.status->fail(r, "a batch index outside of the batch", 0, x[0]);
    const auto bound = [&](int i) { return static_cast<int64_t>(std::clamp(std::round(static_cast<double>(roi[i]) * p.scale), -1e9, 1e9)); };
    const int64_t left = bound(1), top = bound(2), width = std::max<int64_t>(1, bound(3) - left + 1),
                  height = std::max<int64_t>(1, bound(4) - top + 1);
    const auto edge = [](int64_t i, int64_t size, int64_t bins, int64_t start, int64_t limit, bool end) {
      const double at = static_cast<double>(end ? i + 1 : i) * static_cast<double>(size) / static_cast<double>(bins);
      return std::clamp<int64_t>(static_cast<int64_t>(end ? std::ceil(at) : std::floor(at)) + start, 0, limit);
    };
    for (int64_t at = 0; at < y.count(1); ++at) {
      const int64_t c = at / (y[2] * y[3]), i = at / y[3] % y[2], j = at % y[3];
      const T* const plane = k.inputs[0].as<T>() + (static_cast<int64_t>(index) * x[1] + c) * x[2] * x[3];
      const int64_t y0 = edge(i, height, y[2], top, x[2], false), y1 = edge(i, height, y[2], top, x[2], true);
      const int64_t x0 = edge(j, width, y[3], left, x[3], false), x1 = edge(j, width, y[3], left, x[3], true);
      T best = y0 < y1 && x0 < x1 ? plane[y0 * x[3] + x0] : T(0);
      for (int64_t v = y0; v < y1; ++v) {
        for (int64_t u = x0; u < x1; ++u) best = std::max(best, plane[v * x[3] + u]);
      }
      k.outputs[0].as<T>()[r * y.count(1) + at] = best;
    }
  });
}

std::shared_ptr<Params> params_of(const PlannedNode& n) {
  if (n.input(0).shape.count(2) == 0) n.unsupported("an empty picture has no regions");
  const bool half = n.attributes.get_string("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  return std::make_shared<Params>(Params{n.attributes.get_string("mode", "avg") == "max", half, n.attributes.get_int("sampling_ratio", 0),
                                         static_cast<double>(n.attributes.get_float("spatial_scale", 1))});
}

Binding bind(const PlannedNode& n) {
  if (n.input(1).shape[1] != 4 || n.input(2).shape.count() != n.input(1).shape[0]) n.unsupported("there is not one batch index a region");
  if (n.input(0).dtype == DType::kF32) return {run<float>, params_of(n), 0};
  if (n.input(0).dtype == DType::kF64) return {run<double>, params_of(n), 0};
  n.unsupported("no kernel for this element type");
}

Binding bind_pool(const PlannedNode& n) {
  if (n.input(1).shape[1] != 5) n.unsupported("a region has not five numbers");
  if (n.input(0).dtype == DType::kF32) return {run_pool<float>, params_of(n), 0};
  if (n.input(0).dtype == DType::kF64) return {run_pool<double>, params_of(n), 0};
  n.unsupported("no kernel for this element type");
}

Cost cost(const PlannedNode& n) { return {.operations = n.output(0).shape.count() * 40}; }

}  // namespace

constinit const OpDef kRoiAlign = {.name = "RoiAlign",
                                   .inputs = kInputs,
                                   .outputs = kOutputs,
                                   .attributes = kAttributes,
                                   .versions = kVersions,
                                   .infer = infer,
                                   .cost = cost,
                                   .bind = bind};
constinit const OpDef kMaxRoiPool = {.name = "MaxRoiPool",
                                     .inputs = kPoolInputs,
                                     .outputs = kOutputs,
                                     .attributes = kPoolAttributes,
                                     .versions = kPoolVersions,
                                     .infer = infer_pool,
                                     .cost = cost,
                                     .bind = bind_pool};

}  // namespace omni::ops
