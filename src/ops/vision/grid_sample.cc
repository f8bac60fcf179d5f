// GridSample and AffineGrid (ai.onnx): pictures (and volumes) read at computed positions, and the positions of an affine map.
#include <algorithm>
#include <array>
#include <cmath>

#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}, {"grid"}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {
    {"align_corners", AttributeKind::kInt}, {"mode", AttributeKind::kString}, {"padding_mode", AttributeKind::kString}};

// Opset 16 called them bilinear and bicubic.
void upgrade_modes(Graph&, NodeDraft& draft) {
  const std::string mode(draft.attributes.get_string("mode", "bilinear"));
  draft.attributes.set("mode", mode == "bilinear" ? std::string("linear") : mode == "bicubic" ? std::string("cubic") : mode);
}
void lower_modes(const Graph& graph, NodeDraft& draft) {
  const Type& x = graph.type(draft.inputs[0]);
  if (x.ranked && x.rank() != 4) throw Error(ErrorCode::kUnsupported, "volumes need opset 20", draft.name, "export with opset 20 or newer");
  const std::string mode(draft.attributes.get_string("mode", "linear"));
  draft.attributes.set("mode", mode == "linear" ? std::string("bilinear") : mode == "cubic" ? std::string("bicubic") : mode);
}
constexpr OpVersion kVersions[] = {{22}, {20}, {16, upgrade_modes, lower_modes}};

void infer(InferContext& c) {
  const Type &x = c.input(0), &grid = c.input(1);
  const std::string_view mode = c.attributes.get_string("mode", "linear"), padding = c.attributes.get_string("padding_mode", "zeros");
  if (mode != "linear" && mode != "nearest" && mode != "cubic") c.fail("mode " + quoted(mode) + " does not exist");
  if (padding != "zeros" && padding != "border" && padding != "reflection") c.fail("padding_mode " + quoted(padding) + " does not exist");
  if (!is_float(grid.dtype)) c.fail("the grid is not of a float type");
  if (!x.ranked || !grid.ranked) return c.set(0, Type::unranked(x.dtype));
  if ((x.rank() != 4 && x.rank() != 5) || grid.rank() != x.rank()) c.fail("X is [N, C, H, W] or [N, C, D, H, W], the grid of the same rank");
  const Dim last = grid.dim(-1);
  if (last.is_constant() && last.value != x.rank() - 2) c.fail("a position has " + std::to_string(last.value) + " coordinates");
  if (mode == "cubic" && x.rank() == 5) c.fail("cubic interpolation of volumes does not exist");
  std::vector<Dim> dims = {x.dim(0), x.dim(1)};
  for (int d = 1; d + 1 < grid.rank(); ++d) dims.push_back(grid.dim(d));
  c.set(0, Type(x.dtype, std::move(dims)));
}

enum class Mode : uint8_t { kNearest, kLinear, kCubic };
enum class Padding : uint8_t { kZeros, kBorder, kReflection };

struct Params {
  int axes;
  int64_t images, channels, points;
  std::array<int64_t, 3> sizes;
  Mode mode;
  Padding padding;
  bool corners;
};

double reflect(double x, double low, double high) {
  const double span = high - low;
  if (span <= 0) return low;
  double at = std::abs(x - low);
  const double turns = std::floor(at / span);
  at -= turns * span;
  return std::fmod(turns, 2.0) == 0 ? low + at : high - at;
}

// One axis: up to four positions (-1: outside, 0 is read) and their weights.
struct Taps {
  int count = 0;
  std::array<int64_t, 4> at{};
  std::array<double, 4> weight{};
};

int64_t inside(const Params& p, int64_t at, int64_t size) {
  if (p.padding == Padding::kBorder) return std::clamp<int64_t>(at, 0, size - 1);
  if (p.padding == Padding::kReflection) {
    const double low = p.corners ? 0.0 : -0.5, high = p.corners ? static_cast<double>(size) - 1 : static_cast<double>(size) - 0.5;
    return std::clamp<int64_t>(static_cast<int64_t>(std::llround(reflect(static_cast<double>(at), low, high))), 0, size - 1);
  }
  return at >= 0 && at < size ? at : -1;
}

Taps taps_of(const Params& p, double grid, int64_t size) {
  const double n = static_cast<double>(size);
  double x = p.corners ? (grid + 1) / 2 * (n - 1) : ((grid + 1) * n - 1) / 2;
  if (!std::isfinite(x) || std::abs(x) > 1e15) x = -1e15;  // NaN and what no picture reaches: outside
  if (p.mode != Mode::kCubic) {
    if (p.padding == Padding::kBorder) x = std::clamp(x, 0.0, n - 1);
    if (p.padding == Padding::kReflection) x = std::clamp(reflect(x, p.corners ? 0.0 : -0.5, p.corners ? n - 1 : n - 0.5), 0.0, n - 1);
  }
  Taps t;
  if (p.mode == Mode::kNearest) {
    t.count = 1;
    t.at[0] = inside(p, static_cast<int64_t>(std::nearbyint(x)), size);
    t.weight[0] = 1;
    return t;
  }
  const double floor = std::floor(x), f = x - floor;
  const int64_t first = static_cast<int64_t>(floor);
  if (p.mode == Mode::kLinear) {
    t.count = 2;
    t.weight = {1 - f, f};
  } else {
    constexpr double a = -0.75;
    const auto near = [](double d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
    const auto far = [](double d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
    t.count = 4;
    t.weight = {far(f + 1), near(f), near(1 - f), far(2 - f)};
  }
  for (int i = 0; i < t.count; ++i) t.at[static_cast<size_t>(i)] = inside(p, first + i - (t.count == 4 ? 1 : 0), size);
  return t;
}

template <class T>
void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const int64_t plane = p.sizes[0] * p.sizes[1] * p.sizes[2];
  constexpr int64_t kTask = 256;
  const int64_t pieces = (p.points + kTask - 1) / kTask;
  k.pool->parallel_for(p.images * pieces, [&](int64_t task) {
    const int64_t image = task / pieces, begin = task % pieces * kTask;
    for (int64_t point = begin; point < std::min(p.points, begin + kTask); ++point) {
      const T* const at = k.inputs[1].as<T>() + (image * p.points + point) * p.axes;
      Taps taps[3];  // z, y, x: the grid names them the other way round
      taps[0] = {1, {0}, {1.0}};
      for (int a = 0; a < p.axes; ++a)
        taps[3 - p.axes + a] = taps_of(p, static_cast<double>(at[p.axes - 1 - a]), p.sizes[static_cast<size_t>(3 - p.axes + a)]);
      for (int64_t c = 0; c < p.channels; ++c) {
        const T* const x = k.inputs[0].as<T>() + (image * p.channels + c) * plane;
        double sum = 0;
        for (int i = 0; i < taps[0].count; ++i) {
          for (int j = 0; j < taps[1].count; ++j) {
            for (int l = 0; l < taps[2].count; ++l) {
              const int64_t z = taps[0].at[static_cast<size_t>(i)], y = taps[1].at[static_cast<size_t>(j)], w = taps[2].at[static_cast<size_t>(l)];
              if (z < 0 || y < 0 || w < 0) continue;
              sum += taps[0].weight[static_cast<size_t>(i)] * taps[1].weight[static_cast<size_t>(j)] * taps[2].weight[static_cast<size_t>(l)] *
                     static_cast<double>(x[(z * p.sizes[1] + y) * p.sizes[2] + w]);
            }
          }
        }
        k.outputs[0].as<T>()[(image * p.channels + c) * p.points + point] = static_cast<T>(sum);
      }
    }
  });
}

Binding bind(const PlannedNode& n) {
  const Shape &x = n.input(0).shape, &grid = n.input(1).shape;
  if (n.input(1).dtype != n.input(0).dtype) n.unsupported("X and the grid have different element types");
  if (x.rank() != grid.rank() || grid[-1] != x.rank() - 2 || grid[0] != x[0]) n.unsupported("the grid does not fit");
  const std::string_view mode = n.attributes.get_string("mode", "linear"), padding = n.attributes.get_string("padding_mode", "zeros");
  auto p = std::make_shared<Params>();
  p->axes = x.rank() - 2;
  p->images = x[0];
  p->channels = x[1];
  p->points = grid.count(1, grid.rank() - 1);
  p->sizes = {p->axes == 3 ? x[2] : 1, x[-2], x[-1]};
  p->mode = mode == "nearest" ? Mode::kNearest : mode == "cubic" ? Mode::kCubic : Mode::kLinear;
  p->padding = padding == "border" ? Padding::kBorder : padding == "reflection" ? Padding::kReflection : Padding::kZeros;
  p->corners = n.attributes.get_int("align_corners", 0) != 0;
  if (x.count(2) == 0 && n.output(0).shape.count() != 0) n.unsupported("an empty picture has nothing to read");
  if (n.input(0).dtype == DType::kF32) return {run<float>, p, 0};
  if (n.input(0).dtype == DType::kF64) return {run<double>, p, 0};
  n.unsupported("no kernel for this element type");
}

Cost cost(const PlannedNode& n) { return {.operations = n.output(0).shape.count() * 20}; }

constexpr Formal kGridInputs[] = {{"theta"}, {"size"}};
constexpr Formal kGridOutputs[] = {{"grid"}};
constexpr AttributeDef kGridAttributes[] = {{"align_corners", AttributeKind::kInt}};
constexpr OpVersion k20[] = {{20}};

void infer_grid(InferContext& c) {
  const Type& theta = c.input(0);
  if (!is_float(theta.dtype)) c.fail("theta is not of a float type");
  if (c.input(1).dtype != DType::kI64) c.fail("size is not i64");
  if (!theta.ranked || theta.rank() != 3) c.fail("theta is [N, 2, 3] or [N, 3, 4]");
  const Contents* size = c.contents(1);
  int64_t axes = theta.dim(1).is_constant() ? theta.dim(1).value : size != nullptr ? static_cast<int64_t>(size->size()) - 2 : 0;
  if (axes != 2 && axes != 3) c.fail("theta is [N, 2, 3] or [N, 3, 4]");
  if (theta.dim(2).is_constant() && theta.dim(2).value != axes + 1) c.fail("theta is [N, 2, 3] or [N, 3, 4]");
  if (size != nullptr && static_cast<int64_t>(size->size()) != axes + 2) c.fail("size has not one number for N, C and each axis");
  std::vector<Dim> dims = {theta.dim(0)};
  for (int64_t a = 0; a < axes; ++a) {
    dims.push_back(size != nullptr ? (*size)[static_cast<size_t>(a) + 2] : c.dims.fresh());
    if (dims.back().is_constant() && (dims.back().value < 0 || dims.back().value > INT32_MAX))
      c.fail("a size of " + std::to_string(dims.back().value));
  }
  dims.push_back(axes);
  c.set(0, Type(theta.dtype, std::move(dims)));
}

template <class T>
void run_grid(const KernelArgs& k) noexcept {
  const Shape& y = k.outputs[0].shape;
  const bool corners = *static_cast<const bool*>(k.params);
  const int axes = y.rank() - 2;
  const int64_t points = y.count(1, y.rank() - 1);
  for (int64_t image = 0; image < y[0]; ++image) {
    const T* const theta = k.inputs[0].as<T>() + image * axes * (axes + 1);
    for (int64_t point = 0; point < points; ++point) {
      double at[4] = {1, 1, 1, 1};  // x, y, (z,) 1
      int64_t rest = point;
      for (int a = axes - 1; a >= 0; --a) {
        const double n = static_cast<double>(y[1 + a]), i = static_cast<double>(rest % y[1 + a]);
        rest /= y[1 + a];
        at[axes - 1 - a] = corners ? (n > 1 ? -1 + 2 * i / (n - 1) : -1) : (2 * i + 1) / n - 1;
      }
      for (int r = 0; r < axes; ++r) {
        double sum = 0;
        for (int a = 0; a <= axes; ++a) sum += static_cast<double>(theta[r * (axes + 1) + a]) * at[a];
        k.outputs[0].as<T>()[(image * points + point) * axes + r] = static_cast<T>(sum);
      }
    }
  }
}

Binding bind_grid(const PlannedNode& n) {
  const Shape &theta = n.input(0).shape, &y = n.output(0).shape;
  const int axes = y.rank() - 2;
  if (theta[1] != axes || theta[2] != axes + 1 || y[-1] != axes) n.unsupported("theta does not fit the size");
  if (n.input(1).constant != nullptr && to_int64(*n.input(1).constant).at(0) != theta[0]) n.unsupported("theta and size have different batches");
  const auto corners = std::make_shared<bool>(n.attributes.get_int("align_corners", 0) != 0);
  if (n.input(0).dtype == DType::kF32) return {run_grid<float>, corners, 0};
  if (n.input(0).dtype == DType::kF64) return {run_grid<double>, corners, 0};
  n.unsupported("no kernel for this element type");
}

}  // namespace

constinit const OpDef kGridSample = {.name = "GridSample",
                                     .inputs = kInputs,
                                     .outputs = kOutputs,
                                     .attributes = kAttributes,
                                     .versions = kVersions,
                                     .infer = infer,
                                     .cost = cost,
                                     .bind = bind};
constinit const OpDef kAffineGrid = {.name = "AffineGrid",
                                     .inputs = kGridInputs,
                                     .outputs = kGridOutputs,
                                     .attributes = kGridAttributes,
                                     .versions = k20,
                                     .infer = infer_grid,
                                     .bind = bind_grid};

}  // namespace omni::ops
