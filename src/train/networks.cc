#include "train/networks.h"

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/rng.h"
#include "ops/op_list.h"

namespace omni::train {

namespace {

enum class After : uint8_t { kRelu, kNothing };  // what a layer's weights are scaled for

struct Window {
  int64_t kernel = 3, stride = 1, pad = 1, groups = 1;
};

// Adds layers one behind the other; `x` is the value that the next layer reads.
class Builder {
 public:
  Builder(std::string_view name, const NetworkOptions& options) : graph(std::string(name)), options_(options), height_(options.height), width_(options.width) {
    x = graph.add_input("input", Type(DType::kF32, {graph.dims().symbol("N"), Dim(options.channels), Dim(options.height), Dim(options.width)}));
    channels_ = options.channels;
  }

  void conv(const std::string& name, int64_t out, Window w, After after, bool bias) {
    const int64_t fan_in = channels_ / w.groups * w.kernel * w.kernel;
    std::vector<ValueId> inputs = {x, weight(name, {out, channels_ / w.groups, w.kernel, w.kernel}, fan_in, after)};
    if (bias) inputs.push_back(constant(name + ".bias", {out}, 0));
    x = add(ops::kConv, inputs, name,
            {{"kernel_shape", pair(w.kernel)}, {"strides", pair(w.stride)}, {"pads", std::vector<int64_t>(4, w.pad)}, {"dilations", pair(1)}, {"group", w.groups}});
    channels_ = out;
    height_ = (height_ + 2 * w.pad - w.kernel) / w.stride + 1;
    width_ = (width_ + 2 * w.pad - w.kernel) / w.stride + 1;
    if (height_ < 1 || width_ < 1) too_small(name);
  }

  void batch_norm(const std::string& name) {
    x = add(ops::kBatchNormalization,
            {x, constant(name + ".weight", {channels_}, 1), constant(name + ".bias", {channels_}, 0), constant(name + ".running_mean", {channels_}, 0),
             constant(name + ".running_var", {channels_}, 1)},
            name, {{"epsilon", 1e-5f}, {"momentum", 0.9f}});
  }

  void relu(const std::string& name) { x = add(ops::kRelu, {x}, name); }

  void relu6(const std::string& name) {
    if (low_ == kNone) {
      low_ = graph.add_constant("relu6.min", Tensor::scalar(0.0f));
      high_ = graph.add_constant("relu6.max", Tensor::scalar(6.0f));
    }
    x = add(ops::kClip, {x, low_, high_}, name);
  }

  void max_pool(const std::string& name) {
    x = add(ops::kMaxPool, {x}, name, {{"kernel_shape", pair(2)}, {"strides", pair(2)}});
    height_ /= 2;
    width_ /= 2;
    if (height_ < 1 || width_ < 1) too_small(name);
  }

  void average() {
    x = add(ops::kGlobalAveragePool, {x}, "average");
    height_ = width_ = 1;
  }

  void flatten() {
    x = add(ops::kFlatten, {x}, "flatten", {{"axis", int64_t{1}}});
    channels_ = channels_ * height_ * width_;
    height_ = width_ = 1;
  }

  void linear(const std::string& name, int64_t out, After after) {
    const ValueId w = weight(name, {out, channels_}, channels_, after);
    x = add(ops::kGemm, {x, w, constant(name + ".bias", {out}, 0)}, name, {{"transB", int64_t{1}}});
    channels_ = out;
  }

  void add_residual(const std::string& name, ValueId other) { x = add(ops::kAdd, {x, other}, name); }

  int64_t channels() const { return channels_; }

  Graph finish() {
    linear_output();
    graph.add_output(x);
    return std::move(graph);
  }

  struct Place {
    ValueId x;
    int64_t channels, height, width;
  };
  Place place() const { return {x, channels_, height_, width_}; }
  void go_to(const Place& p) {
    x = p.x;
    channels_ = p.channels;
    height_ = p.height;
    width_ = p.width;
  }

  Graph graph;
  ValueId x;

 private:
  static std::vector<int64_t> pair(int64_t n) { return {n, n}; }

  void linear_output() {
    linear("output", options_.classes, After::kNothing);
    graph.rename(x, "logits");
  }

  ValueId add(const OpDef& op, std::vector<ValueId> inputs, const std::string& name, Attributes attributes = {}) {
    return graph.add1(op, std::move(inputs), std::move(attributes), {.name = name, .output_names = {name}});
  }

  ValueId weight(const std::string& layer, Shape shape, int64_t fan_in, After after) {
    const std::string name = layer + ".weight";
    Tensor data(DType::kF32, shape);
    const RandomStream stream(options_.seed, name);
    const float deviation = std::sqrt((after == After::kRelu ? 2.0f : 1.0f) / static_cast<float>(fan_in));
    const std::span<float> values = data.mutable_values<float>();
    for (size_t i = 0; i < values.size(); ++i) values[i] = stream.normal(i) * deviation;
    return graph.add_constant(name, std::move(data));
  }

  ValueId constant(const std::string& name, Shape shape, float value) {
    Tensor data(DType::kF32, shape);
    for (float& v : data.mutable_values<float>()) v = value;
    return graph.add_constant(name, std::move(data));
  }

  [[noreturn]] void too_small(const std::string& layer) const {
    throw Error(ErrorCode::kInvalidArgument,
                "pictures of " + std::to_string(options_.height) + "x" + std::to_string(options_.width) + " are too small: nothing is left at " + quoted(layer),
                "network " + quoted(graph.name()));
  }

  const NetworkOptions& options_;
  int64_t channels_, height_, width_;
  ValueId low_ = kNone, high_ = kNone;
};

void lenet_300_100(Builder& b) {
  b.flatten();
  b.linear("fc1", 300, After::kRelu);
  b.relu("relu1");
  b.linear("fc2", 100, After::kRelu);
  b.relu("relu2");
}

void lenet5(Builder& b) {
  b.conv("conv1", 20, {.kernel = 5, .pad = 0}, After::kRelu, true);
  b.relu("relu1");
  b.max_pool("pool1");
  b.conv("conv2", 50, {.kernel = 5, .pad = 0}, After::kRelu, true);
  b.relu("relu2");
  b.max_pool("pool2");
  b.flatten();
  b.linear("fc1", 500, After::kRelu);
  b.relu("relu3");
}

void mlp_2nn(Builder& b) {
  b.flatten();
  b.linear("fc1", 200, After::kRelu);
  b.relu("relu1");
  b.linear("fc2", 200, After::kRelu);
  b.relu("relu2");
}

void cnn_fedavg(Builder& b) {
  b.conv("conv1", 32, {.kernel = 5, .pad = 2}, After::kRelu, true);
  b.relu("relu1");
  b.max_pool("pool1");
  b.conv("conv2", 64, {.kernel = 5, .pad = 2}, After::kRelu, true);
  b.relu("relu2");
  b.max_pool("pool2");
  b.flatten();
  b.linear("fc1", 512, After::kRelu);
  b.relu("relu3");
}

// conv-norm-relu-conv-norm plus a shortcut, which is a strided 1x1 convolution with its norm where the size changes (option B of He et al.).
void residual_block(Builder& b, const std::string& name, int64_t out, int64_t stride) {
  const Builder::Place before = b.place();
  b.conv(name + ".conv1", out, {.stride = stride}, After::kRelu, false);
  b.batch_norm(name + ".norm1");
  b.relu(name + ".relu1");
  b.conv(name + ".conv2", out, {}, After::kRelu, false);
  b.batch_norm(name + ".norm2");
  const Builder::Place main = b.place();
  ValueId shortcut = before.x;
  if (stride != 1 || before.channels != out) {
    b.go_to(before);
    b.conv(name + ".shortcut", out, {.kernel = 1, .stride = stride, .pad = 0}, After::kNothing, false);
    b.batch_norm(name + ".shortcut_norm");
    shortcut = b.x;
    b.go_to(main);
  }
  b.add_residual(name + ".add", shortcut);
  b.relu(name + ".relu2");
}

void resnet20(Builder& b) {
  b.conv("conv1", 16, {}, After::kRelu, false);
  b.batch_norm("norm1");
  b.relu("relu1");
  for (int64_t stage = 1; stage <= 3; ++stage) {
    for (int64_t block = 1; block <= 3; ++block) {
      residual_block(b, "stage" + std::to_string(stage) + ".block" + std::to_string(block), int64_t{8} << stage, stage > 1 && block == 1 ? 2 : 1);
    }
  }
  b.average();
  b.flatten();
}

void separable(Builder& b, const std::string& name, int64_t out, int64_t stride) {
  b.conv(name + ".depthwise", b.channels(), {.stride = stride, .groups = b.channels()}, After::kRelu, false);
  b.batch_norm(name + ".norm1");
  b.relu6(name + ".relu1");
  b.conv(name + ".pointwise", out, {.kernel = 1, .pad = 0}, After::kRelu, false);
  b.batch_norm(name + ".norm2");
  b.relu6(name + ".relu2");
}

void mobilenet_small(Builder& b) {
  b.conv("conv1", 16, {}, After::kRelu, false);
  b.batch_norm("norm1");
  b.relu6("relu1");
  separable(b, "block1", 32, 1);
  separable(b, "block2", 64, 2);
  separable(b, "block3", 64, 1);
  separable(b, "block4", 128, 2);
  separable(b, "block5", 128, 1);
  b.average();
  b.flatten();
}

constexpr NetworkInfo kNetworks[] = {
    {"lenet-300-100", "two hidden layers of 300 and 100 (LeCun et al. 1998)", 266610},
    {"lenet5", "20 and 50 filters of 5x5, 500 hidden (LeNet-5 as Caffe has it)", 431080},
    {"mlp-2nn", "two hidden layers of 200 (McMahan et al. 2017)", 199210},
    {"cnn-fedavg", "32 and 64 filters of 5x5, 512 hidden (McMahan et al. 2017)", 1663370},
    {"resnet20", "residual network of 20 layers for small pictures (He et al. 2016)", 272186},
    {"mobilenet-small", "five depthwise separable blocks with ReLU6 (after Howard et al. 2017)", 36874},
};
constexpr void (*kBodies[])(Builder&) = {lenet_300_100, lenet5, mlp_2nn, cnn_fedavg, resnet20, mobilenet_small};

}  // namespace

std::span<const NetworkInfo> networks() { return kNetworks; }

Graph make_network(std::string_view name, const NetworkOptions& options) {
  if (options.channels < 1 || options.height < 1 || options.width < 1 || options.classes < 1) {
    throw Error(ErrorCode::kInvalidArgument, "channels, height, width and classes are at least 1", "network " + quoted(name));
  }
  std::vector<std::string> known;
  for (size_t i = 0; i < std::size(kNetworks); ++i) {
    known.emplace_back(kNetworks[i].name);
    if (kNetworks[i].name != name) continue;
    Builder builder(name, options);
    kBodies[i](builder);
    return builder.finish();
  }
  const std::string near = did_you_mean(name, known);
  throw Error(ErrorCode::kInvalidArgument, "no network " + quoted(name), {}, near.empty() ? "`omni new --help` lists them" : near);
}

}  // namespace omni::train
