// Col2Im (ai.onnx 18): blocks added where they lie in a picture of any number of dimensions: [N, C · block, positions] → [N, C, image…].
#include <algorithm>

#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}, {"image_shape"}, {"block_shape"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kAttributes[] = {{"dilations", AttributeKind::kInts}, {"pads", AttributeKind::kInts}, {"strides", AttributeKind::kInts}};
constexpr OpVersion kVersions[] = {{18}};
constexpr int kMaxAxes = Shape::kMaxRank - 2;

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked || x.rank() != 3) c.fail("the input is [N, C · block, positions]");
  if (c.input(1).dtype != DType::kI64 || c.input(2).dtype != DType::kI64) c.fail("image_shape and block_shape are not i64");
  const Contents *image = c.contents(1), *block = c.contents(2);
  const Type& list = c.input(1);
  if (image == nullptr && !(list.ranked && list.rank() == 1 && list.dim(0).is_constant())) return c.set(0, Type::unranked(x.dtype));
  const size_t axes = image != nullptr ? image->size() : static_cast<size_t>(list.dim(0).value);
  if (axes < 1 || axes > kMaxAxes) c.fail("a picture of " + std::to_string(axes) + " dimensions");
  if (block != nullptr && block->size() != axes) c.fail("image_shape and block_shape differ in length");
  Dim size = 1;
  for (size_t i = 0; block != nullptr && i < axes; ++i) {
    if ((*block)[i].is_constant() && ((*block)[i].value < 1 || (*block)[i].value > INT32_MAX))
      c.fail("a block of " + std::to_string((*block)[i].value));
    size = c.dims.mul(size, (*block)[i]);
  }
  std::vector<Dim> dims = {x.dim(0), block == nullptr ? c.dims.fresh() : c.dims.floor_div(x.dim(1), size)};
  for (size_t i = 0; i < axes; ++i) {
    dims.push_back(image != nullptr ? (*image)[i] : c.dims.fresh());
    if (dims.back().is_constant() && (dims.back().value < 0 || dims.back().value > INT32_MAX))
      c.fail("a size of " + std::to_string(dims.back().value));
  }
  c.set(0, Type(x.dtype, std::move(dims)));
}

struct Params {
  int axes;
  int64_t planes, block, positions, image;
  int64_t sizes[kMaxAxes], kernel[kMaxAxes], stride[kMaxAxes], dilation[kMaxAxes], pad[kMaxAxes], out[kMaxAxes];
};

// Plane by plane, block elements in order: the sums come in one order for any number of threads.
template <class T>
void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  k.pool->parallel_for(p.planes, [&](int64_t plane) {
    T* const y = k.outputs[0].as<T>() + plane * p.image;
    std::fill(y, y + p.image, T(0));
    for (int64_t b = 0; b < p.block; ++b) {
      const T* const x = k.inputs[0].as<T>() + (plane * p.block + b) * p.positions;
      for (int64_t position = 0; position < p.positions; ++position) {
        int64_t tap = b, rest = position, offset = 0, stride = 1;
        bool inside = true;
        for (int a = p.axes - 1; a >= 0; --a) {
          const int64_t at = rest % p.out[a] * p.stride[a] + tap % p.kernel[a] * p.dilation[a] - p.pad[a];
          inside = inside && at >= 0 && at < p.sizes[a];
          offset += at * stride;
          stride *= p.sizes[a];
          rest /= p.out[a];
          tap /= p.kernel[a];
        }
        if (inside) y[offset] += x[position];
      }
    }
  });
}

Binding bind(const PlannedNode& n) {
  const Shape &x = n.input(0).shape, &y = n.output(0).shape;
  if (n.input(2).constant == nullptr) n.unsupported("the block shape is not known when the graph is planned");
  const std::vector<int64_t> block = to_int64(*n.input(2).constant);
  const std::vector<int64_t> pads = n.attributes.get_ints("pads"), strides = n.attributes.get_ints("strides"),
                             dilations = n.attributes.get_ints("dilations");
  auto p = std::make_shared<Params>();
  p->axes = y.rank() - 2;
  const size_t axes = static_cast<size_t>(p->axes);
  const auto fits = [&](const std::vector<int64_t>& list, size_t length, int64_t least) {
    return (list.empty() || list.size() == length) && std::all_of(list.begin(), list.end(), [&](int64_t v) { return v >= least && v <= INT32_MAX; });
  };
  if (block.size() != axes || !fits(block, axes, 1) || !fits(pads, 2 * axes, 0) || !fits(strides, axes, 1) || !fits(dilations, axes, 1))
    n.unsupported("the window's attributes do not fit");
  p->block = p->positions = p->image = 1;
  for (size_t a = 0; a < axes; ++a) {
    p->sizes[a] = y[static_cast<int>(a) + 2];
    p->kernel[a] = block[a];
    p->stride[a] = strides.empty() ? 1 : strides[a];
    p->dilation[a] = dilations.empty() ? 1 : dilations[a];
    p->pad[a] = pads.empty() ? 0 : pads[a];
    const int64_t room = p->sizes[a] + p->pad[a] + (pads.empty() ? 0 : pads[a + axes]) - (p->dilation[a] * (block[a] - 1) + 1);
    p->out[a] = room < 0 ? 0 : room / p->stride[a] + 1;
    p->positions *= p->out[a];
    p->image *= p->sizes[a];
    if (p->block > (int64_t{1} << 40) / block[a]) n.unsupported("a block of that size");
    p->block *= block[a];
  }
  p->planes = y[0] * y[1];
  if (x[2] != p->positions || x[1] != y[1] * p->block)
    n.unsupported("the input has " + x.text() + " where [N, C·" + std::to_string(p->block) + ", " + std::to_string(p->positions) + "] is needed");
  if (n.input(0).dtype == DType::kF32) return {run<float>, p, 0};
  if (n.input(0).dtype == DType::kF64) return {run<double>, p, 0};
  n.unsupported("no kernel for this element type");
}

}  // namespace

constinit const OpDef kCol2Im = {
    .name = "Col2Im", .inputs = kInputs, .outputs = kOutputs, .attributes = kAttributes, .versions = kVersions, .infer = infer, .bind = bind};

}  // namespace omni::ops
