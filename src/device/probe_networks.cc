#include "device/probe_networks.h"

#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "ops/op_list.h"

namespace omni::device {

namespace {

using Sizes = std::vector<int64_t>;

// Adds layers one behind the other; with `int8` their inputs, weights and outputs are quantized as static quantization does it.
class Builder {
 public:
  Builder(std::string name, bool int8, Sizes input) : graph_(name), name_(std::move(name)), int8_(int8) {
    x_ = graph_.add_input("x", Type(DType::kF32, Shape(input)));
  }

  Builder& conv(int64_t out, int64_t kernel = 1, int64_t stride = 1, int64_t groups = 1) {
    const int64_t in = channels();
    const Sizes twice = {kernel, kernel};
    const ValueId w = weights({out, in / groups, kernel, kernel}, 0), b = floats({out});
    return layer(
        ops::kConv, {activation(x_), w, b},
        {{"kernel_shape", twice}, {"strides", Sizes{stride, stride}}, {"pads", Sizes(4, kernel / 2)}, {"dilations", Sizes{1, 1}}, {"group", groups}});
  }
  Builder& depthwise(int64_t kernel, int64_t stride = 1) { return conv(channels(), kernel, stride, channels()); }
  Builder& product(int64_t columns) {
    const int64_t depth = graph_.type(x_).dim(graph_.type(x_).rank() - 1).value;
    return layer(ops::kMatMul, {activation(x_), weights({depth, columns}, 1)});
  }
  Builder& dense(int64_t columns) {
    product(columns);
    return layer(ops::kAdd, {x_, floats({columns})});
  }
  Builder& relu() { return layer(ops::kRelu, {x_}); }
  Builder& unary(const OpDef& op, Attributes attributes = {}) { return layer(op, {x_}, std::move(attributes)); }
  Builder& with(const OpDef& op, const Sizes& other) { return layer(op, {x_, floats(other)}); }
  Builder& max_pool() { return layer(ops::kMaxPool, {x_}, {{"kernel_shape", Sizes{2, 2}}, {"strides", Sizes{2, 2}}}); }
  Builder& reshape(const Sizes& sizes) {
    return layer(ops::kReshape, {x_, graph_.add_constant("sizes", Tensor::of<int64_t>(Shape{static_cast<int64_t>(sizes.size())}, sizes))});
  }
  Builder& layer_norm() {
    const int64_t width = graph_.type(x_).dim(graph_.type(x_).rank() - 1).value;
    return layer(ops::kLayerNormalization, {x_, floats({width}), floats({width})}, {{"axis", int64_t{-1}}, {"epsilon", 1e-5f}});
  }
  // Of [1, tokens, width]: three products, two more between activations, one back.
  Builder& attention(int64_t heads) {
    const int64_t tokens = graph_.type(x_).dim(1).value, width = graph_.type(x_).dim(2).value, head = width / heads;
    const ValueId from = x_;
    const auto part = [&](Sizes order) {
      x_ = from;
      product(width).reshape({1, tokens, heads, head});
      return graph_.add1(ops::kTranspose, {x_}, {{"perm", std::move(order)}});
    };
    const ValueId q = part({0, 2, 1, 3}), k = part({0, 2, 3, 1}), v = part({0, 2, 1, 3});
    const ValueId scores = graph_.add1(ops::kMatMul, {q, k});
    const ValueId shares = graph_.add1(ops::kSoftmax, {scores}, {{"axis", int64_t{-1}}});
    x_ = graph_.add1(ops::kMatMul, {shares, v});
    layer(ops::kTranspose, {x_}, {{"perm", Sizes{0, 2, 1, 3}}});
    return reshape({1, tokens, width}).product(width);
  }
  // Of [steps, 1, width]; gates: 4 for LSTM, 3 for GRU.
  Builder& recurrent(const OpDef& op, int64_t gates, int64_t hidden) {
    const int64_t steps = graph_.type(x_).dim(0).value, width = graph_.type(x_).dim(2).value;
    x_ = graph_
             .add(op, {x_, floats({1, gates * hidden, width}), floats({1, gates * hidden, hidden})}, {{"hidden_size", hidden}},
                  {.output_names = {"y"}})
             .front();
    return reshape({steps, 1, hidden});
  }

  ProbeNetwork done() {
    graph_.add_output(activation(x_));
    return {name_, std::move(graph_)};
  }

 private:
  int64_t channels() const { return graph_.type(x_).dim(1).value; }

  Builder& layer(const OpDef& op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    x_ = graph_.add1(op, std::move(inputs), std::move(attributes));
    return *this;
  }

  ValueId floats(const Sizes& sizes) {
    Tensor t(DType::kF32, Shape(sizes));
    const RandomStream random(1, std::to_string(++constants_));
    uint64_t i = 0;
    for (float& v : t.mutable_values<float>()) v = 0.05f * static_cast<float>(static_cast<int64_t>(random.bits(i++) & 255) - 128) / 128;
    return graph_.add_constant("c", std::move(t));
  }

  // f32, or int8 along an axis of output channels and dequantized.
  ValueId weights(const Sizes& sizes, int64_t axis) {
    if (!int8_) return floats(sizes);
    Tensor t(DType::kI8, Shape(sizes));
    const RandomStream random(1, std::to_string(++constants_));
    uint64_t i = 0;
    for (int8_t& v : t.mutable_values<int8_t>()) v = static_cast<int8_t>(static_cast<int64_t>(random.bits(i++) % 255) - 127);
    const int64_t count = sizes[static_cast<size_t>(axis)];
    const std::vector<float> scales(static_cast<size_t>(count), 0.05f / 128);
    const ValueId scale = graph_.add_constant("ws", Tensor::of<float>(Shape{count}, scales)),
                  zero = graph_.add_constant("wz", Tensor(DType::kI8, Shape{count}));
    return graph_.add1(ops::kDequantizeLinear, {graph_.add_constant("w", std::move(t)), scale, zero}, {{"axis", axis}});
  }

  // Quantized and dequantized again where this is an 8-bit network.
  ValueId activation(ValueId v) {
    if (!int8_) return v;
    const ValueId scale = graph_.add_constant("s", Tensor::scalar(0.02f)), zero = graph_.add_constant("z", Tensor::scalar(uint8_t{128}));
    return graph_.add1(ops::kDequantizeLinear, {graph_.add1(ops::kQuantizeLinear, {v, scale, zero}), scale, zero});
  }

  Graph graph_;
  std::string name_;
  bool int8_;
  ValueId x_ = kNone;
  int constants_ = 0;
};

void add_pictures(std::vector<ProbeNetwork>& list, bool int8, const std::string& type) {
  list.push_back(Builder("window_" + type, int8, {1, 3, 96, 96})
                     .conv(16, 3, 2)
                     .relu()
                     .conv(32, 3)
                     .relu()
                     .conv(64, 3, 2)
                     .relu()
                     .conv(64, 3)
                     .relu()
                     .conv(128, 3, 2)
                     .relu()
                     .conv(128, 3)
                     .relu()
                     .conv(256, 3, 2)
                     .relu()
                     .conv(256, 3)
                     .relu()
                     .unary(ops::kGlobalAveragePool)
                     .done());
  list.push_back(Builder("wide_" + type, int8, {1, 3, 64, 64})
                     .conv(64, 7, 2)
                     .relu()
                     .max_pool()
                     .conv(64, 3)
                     .relu()
                     .conv(128, 3, 2)
                     .relu()
                     .conv(512, 3, 2)
                     .relu()
                     .conv(512, 3)
                     .relu()
                     .done());
  list.push_back(Builder("points_" + type, int8, {1, 64, 28, 28})
                     .conv(256)
                     .relu()
                     .conv(64)
                     .relu()
                     .conv(128, 1, 2)
                     .relu()
                     .conv(512)
                     .relu()
                     .conv(128)
                     .relu()
                     .conv(256, 1, 2)
                     .relu()
                     .conv(1024)
                     .relu()
                     .conv(256)
                     .relu()
                     .done());
  list.push_back(Builder("mobile_" + type, int8, {1, 16, 56, 56})
                     .conv(64)
                     .relu()
                     .depthwise(3, 2)
                     .relu()
                     .conv(24)
                     .conv(144)
                     .relu()
                     .depthwise(3)
                     .relu()
                     .conv(24)
                     .conv(144)
                     .relu()
                     .depthwise(5, 2)
                     .relu()
                     .conv(64)
                     .conv(384)
                     .relu()
                     .depthwise(3)
                     .relu()
                     .conv(96)
                     .conv(576)
                     .relu()
                     .depthwise(3, 2)
                     .relu()
                     .conv(160)
                     .conv(960)
                     .relu()
                     .depthwise(3)
                     .relu()
                     .conv(320)
                     .done());
  list.push_back(Builder("small_" + type, int8, {1, 1, 24, 24})
                     .conv(8, 3)
                     .relu()
                     .max_pool()
                     .conv(16, 5)
                     .relu()
                     .max_pool()
                     .conv(32, 3)
                     .relu()
                     .reshape({1, 1152})
                     .dense(96)
                     .relu()
                     .dense(32)
                     .relu()
                     .dense(8)
                     .done());
}

void add_rows(std::vector<ProbeNetwork>& list, bool int8, const std::string& type) {
  list.push_back(Builder("single_" + type, int8, {1, 512}).dense(1024).relu().dense(512).relu().dense(256).relu().dense(128).relu().dense(16).done());
  list.push_back(Builder("rows_" + type, int8, {16, 256}).dense(512).relu().dense(1024).relu().dense(256).relu().dense(64).relu().dense(10).done());
  list.push_back(Builder("tokens_" + type, int8, {1, 64, 256})
                     .attention(4)
                     .layer_norm()
                     .dense(1024)
                     .unary(ops::kGelu)
                     .product(256)
                     .with(ops::kAdd, {1, 64, 256})
                     .layer_norm()
                     .done());
  list.push_back(Builder("words_" + type, int8, {1, 16, 96}).attention(3).layer_norm().dense(384).unary(ops::kGelu).product(96).layer_norm().done());
}

}  // namespace

std::vector<ProbeNetwork> probe_networks() {
  std::vector<ProbeNetwork> list;
  for (const bool int8 : {false, true}) {
    add_pictures(list, int8, int8 ? "int8" : "f32");
    add_rows(list, int8, int8 ? "int8" : "f32");
  }
  list.push_back(Builder("lstm", false, {16, 1, 40}).recurrent(ops::kLSTM, 4, 64).recurrent(ops::kLSTM, 4, 128).done());
  list.push_back(Builder("gru", false, {16, 1, 40}).recurrent(ops::kGRU, 3, 64).recurrent(ops::kGRU, 3, 128).done());
  for (const int64_t size : {int64_t{256}, int64_t{16384}, int64_t{1048576}}) {
    list.push_back(Builder("elements_" + std::to_string(size), false, {1, size})
                       .with(ops::kMul, {1, size})
                       .unary(ops::kSigmoid)
                       .with(ops::kAdd, {1, size})
                       .unary(ops::kTanh)
                       .with(ops::kDiv, {1, size})
                       .unary(ops::kExp)
                       .with(ops::kSub, {1, 1})
                       .unary(ops::kSoftmax, {{"axis", int64_t{-1}}})
                       .reshape({16, size / 16})
                       .unary(ops::kTranspose, {{"perm", Sizes{1, 0}}})
                       .unary(ops::kErf)
                       .done());
  }
  return list;
}

}  // namespace omni::device
