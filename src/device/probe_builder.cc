#include "device/probe_builder.h"

#include "core/rng.h"

namespace omni::device {

using Sizes = ProbeBuilder::Sizes;

namespace {

constexpr float kActivationScale = 0.02f, kWeightScale = 0.05f / 128;

Attributes window(int64_t kernel, int64_t stride, int64_t groups, int64_t pad) {
  const Sizes twice = {kernel, kernel};
  return {{"kernel_shape", twice}, {"strides", Sizes{stride, stride}}, {"pads", Sizes(4, pad)}, {"dilations", Sizes{1, 1}}, {"group", groups}};
}

}  // namespace

ProbeBuilder::ProbeBuilder(std::string name, Arithmetic arithmetic, const Sizes& input) : graph_(name), name_(std::move(name)), arithmetic_(arithmetic) {
  x_ = graph_.add_input("x", Type(DType::kF32, Shape(input)));
  settle();
}

ProbeBuilder& ProbeBuilder::conv(int64_t out, int64_t kernel, int64_t stride, After after, int64_t groups, int64_t pad) {
  const Attributes attributes = window(kernel, stride, groups, pad < 0 ? kernel / 2 : pad);
  const Sizes sizes = {out, channels() / groups, kernel, kernel};
  // Depthwise convolutions stay in f32 under dynamic quantization.
  if (arithmetic_ == Arithmetic::kDynamic && groups == 1) {
    dynamic(ops::kConvInteger, sizes, {1, out, 1, 1}, attributes);
  } else {
    const ValueId w = arithmetic_ == Arithmetic::kDynamic ? floats(sizes) : weights(sizes, 0);
    layer(ops::kConv, {x_, w, floats({out})}, attributes);
  }
  return activate(after);
}

ProbeBuilder& ProbeBuilder::points(const Sizes& outs) {
  for (const int64_t out : outs) conv(out);
  return *this;
}

ProbeBuilder& ProbeBuilder::widen(int64_t out) {
  return layer(ops::kConvTranspose, {x_, floats({channels(), out, 2, 2}), floats({out})}, {{"kernel_shape", Sizes{2, 2}}, {"strides", Sizes{2, 2}}}).settle();
}

ProbeBuilder& ProbeBuilder::excite(int64_t inner) {
  const ValueId from = x_;
  const int64_t count = channels();
  unary(ops::kGlobalAveragePool).conv(inner).conv(count, 1, 1, After::kNothing).unary(ops::kSigmoid);
  return layer(ops::kMul, {from, x_}).settle();
}

ProbeBuilder& ProbeBuilder::product(int64_t columns) {
  const Sizes sizes = {width(), columns};
  if (arithmetic_ == Arithmetic::kDynamic) {
    dynamic(ops::kMatMulInteger, sizes, {columns}, {});
    return *this;
  }
  return layer(ops::kMatMul, {x_, weights(sizes, 1)}).settle();
}

ProbeBuilder& ProbeBuilder::dense(int64_t columns, After after) {
  if (arithmetic_ == Arithmetic::kStatic) {
    layer(ops::kMatMul, {x_, weights({width(), columns}, 1)});
  } else {
    product(columns);
  }
  layer(ops::kAdd, {x_, floats({columns})});
  return activate(after);
}

ProbeBuilder& ProbeBuilder::with(const OpDef& op, const Sizes& other) { return layer(op, {x_, floats(other)}).settle(); }

ProbeBuilder& ProbeBuilder::pool(const OpDef& op, int64_t kernel, int64_t stride) {
  return layer(op, {x_}, {{"kernel_shape", Sizes{kernel, kernel}}, {"strides", Sizes{stride, stride}}, {"pads", Sizes(4, (kernel - 1) / 2)}}).settle();
}

ProbeBuilder& ProbeBuilder::resize(const std::string& mode) {
  const ValueId scales = graph_.add_constant("scales", Tensor::of<float>(Shape{4}, std::vector<float>{1, 1, 2, 2}));
  return layer(ops::kResize, {x_, kNone, scales}, {{"mode", mode}, {"coordinate_transformation_mode", std::string(mode == "nearest" ? "asymmetric" : "half_pixel")}});
}

ProbeBuilder& ProbeBuilder::join() { return layer(ops::kConcat, {x_, x_}, {{"axis", int64_t{1}}}).settle(); }

ProbeBuilder& ProbeBuilder::slice(int64_t end) {
  const auto list = [&](int64_t value) { return graph_.add_constant("i", Tensor::of<int64_t>(Shape{1}, Sizes{value})); };
  return layer(ops::kSlice, {x_, list(0), list(end), list(1)});
}

ProbeBuilder& ProbeBuilder::gather(int64_t count) {
  Sizes rows;
  for (int64_t i = 0; i < count; ++i) rows.push_back(i / 2);
  return layer(ops::kGather, {x_, graph_.add_constant("rows", Tensor::of<int64_t>(Shape{count}, rows))}, {{"axis", int64_t{0}}});
}

ProbeBuilder& ProbeBuilder::where() {
  const Shape shape = *graph_.type(x_).shape();
  const ValueId condition = graph_.add_constant("m", Tensor(DType::kBool, shape));
  return layer(ops::kWhere, {condition, x_, floats(Sizes(shape.dims().begin(), shape.dims().end()))});
}

ProbeBuilder& ProbeBuilder::clip() {
  return layer(ops::kClip, {x_, graph_.add_constant("low", Tensor::scalar(0.0f)), graph_.add_constant("high", Tensor::scalar(6.0f))});
}

ProbeBuilder& ProbeBuilder::reshape(const Sizes& sizes) {
  return layer(ops::kReshape, {x_, graph_.add_constant("sizes", Tensor::of<int64_t>(Shape{static_cast<int64_t>(sizes.size())}, sizes))});
}

ProbeBuilder& ProbeBuilder::layer_norm() {
  return layer(ops::kLayerNormalization, {x_, floats({width()}), floats({width()})}, {{"axis", int64_t{-1}}, {"epsilon", 1e-5f}});
}

ProbeBuilder& ProbeBuilder::attention(int64_t heads) {
  const int64_t tokens = graph_.type(x_).dim(1).value, wide = width(), head = wide / heads;
  const ValueId from = x_;
  const auto part = [&](Sizes order) {
    x_ = from;
    dense(wide, After::kNothing).reshape({1, tokens, heads, head});
    return graph_.add1(ops::kTranspose, {x_}, {{"perm", std::move(order)}});
  };
  const auto settled = [&](ValueId v) {
    x_ = v;
    settle();
    return x_;
  };
  const ValueId q = settled(part({0, 2, 1, 3})), k = settled(part({0, 2, 3, 1})), v = settled(part({0, 2, 1, 3}));
  const ValueId scores = settled(graph_.add1(ops::kMatMul, {q, k}));
  const ValueId shares = settled(graph_.add1(ops::kSoftmax, {scores}, {{"axis", int64_t{-1}}}));
  x_ = settled(graph_.add1(ops::kMatMul, {shares, v}));
  layer(ops::kTranspose, {x_}, {{"perm", Sizes{0, 2, 1, 3}}});
  return reshape({1, tokens, wide}).settle().dense(wide, After::kNothing);
}

ProbeBuilder& ProbeBuilder::recurrent(const OpDef& op, int64_t gates, int64_t hidden, bool both_ways) {
  const int64_t steps = graph_.type(x_).dim(0).value, batch = graph_.type(x_).dim(1).value, ways = both_ways ? 2 : 1;
  Attributes attributes = {{"hidden_size", hidden}};
  if (both_ways) attributes.set("direction", std::string("bidirectional"));
  x_ = graph_.add(op, {x_, floats({ways, gates * hidden, width()}), floats({ways, gates * hidden, hidden})}, std::move(attributes), {.output_names = {"y"}}).front();
  if (both_ways) layer(ops::kTranspose, {x_}, {{"perm", Sizes{0, 2, 1, 3}}});
  return reshape({steps, batch, ways * hidden});
}

ProbeBuilder& ProbeBuilder::residual(const std::function<void(ProbeBuilder&)>& layers, After after) {
  const ValueId from = x_;
  layers(*this);
  layer(ops::kAdd, {x_, from});
  return activate(after);
}

ProbeNetwork ProbeBuilder::done() {
  graph_.add_output(x_);
  return {name_, std::move(graph_)};
}

ProbeBuilder& ProbeBuilder::layer(const OpDef& op, std::vector<ValueId> inputs, Attributes attributes) {
  x_ = graph_.add1(op, std::move(inputs), std::move(attributes));
  return *this;
}

ProbeBuilder& ProbeBuilder::settle() {
  if (arithmetic_ != Arithmetic::kStatic) return *this;
  const ValueId scale = graph_.add_constant("s", Tensor::scalar(kActivationScale)), zero = graph_.add_constant("z", Tensor::scalar(uint8_t{128}));
  x_ = graph_.add1(ops::kDequantizeLinear, {graph_.add1(ops::kQuantizeLinear, {x_, scale, zero}), scale, zero});
  return *this;
}

ProbeBuilder& ProbeBuilder::activate(After after) {
  switch (after) {
    case After::kNothing: break;
    case After::kRelu: layer(ops::kRelu, {x_}); break;
    case After::kRelu6: clip(); break;
    case After::kSwish: {
      const ValueId from = settle().x_;
      unary(ops::kSigmoid).layer(ops::kMul, {from, x_});
      break;
    }
    case After::kHardSwish: settle().layer(ops::kHardSwish, {x_}); break;
  }
  return settle();
}

ValueId ProbeBuilder::floats(const Sizes& sizes) {
  Tensor t(DType::kF32, Shape(sizes));
  const RandomStream random(1, std::to_string(++constants_));
  uint64_t i = 0;
  for (float& v : t.mutable_values<float>()) v = 0.05f * static_cast<float>(static_cast<int64_t>(random.bits(i++) & 255) - 128) / 128;
  return graph_.add_constant("c", std::move(t));
}

ValueId ProbeBuilder::integers(DType dtype, const Sizes& sizes) {
  Tensor t(dtype, Shape(sizes));
  const RandomStream random(1, std::to_string(++constants_));
  uint64_t i = 0;
  for (int8_t& v : t.mutable_values<int8_t>()) v = static_cast<int8_t>(static_cast<int64_t>(random.bits(i++) % 255) - 127);
  return graph_.add_constant("w", std::move(t));
}

// f32, or int8 along an axis of output channels and dequantized.
ValueId ProbeBuilder::weights(const Sizes& sizes, int64_t axis) {
  if (arithmetic_ != Arithmetic::kStatic) return floats(sizes);
  const int64_t count = sizes[static_cast<size_t>(axis)];
  const std::vector<float> scales(static_cast<size_t>(count), kWeightScale);
  const ValueId scale = graph_.add_constant("ws", Tensor::of<float>(Shape{count}, scales)), zero = graph_.add_constant("wz", Tensor(DType::kI8, Shape{count}));
  return graph_.add1(ops::kDequantizeLinear, {integers(DType::kI8, sizes), scale, zero}, {{"axis", axis}});
}

void ProbeBuilder::dynamic(const OpDef& integer_op, const Sizes& sizes, const Sizes& bias, Attributes attributes) {
  const std::vector<ValueId> quantized = graph_.add(ops::kDynamicQuantizeLinear, {x_});
  const ValueId w = integers(DType::kI8, sizes);
  x_ = graph_.add1(integer_op, {quantized[0], w, quantized[2]}, std::move(attributes));
  layer(ops::kCast, {x_}, {{"to", int64_t{1}}});
  const ValueId scale = graph_.add1(ops::kMul, {quantized[1], floats(bias)});
  layer(ops::kMul, {x_, scale}).layer(ops::kAdd, {x_, floats(bias)});
}

}  // namespace omni::device
