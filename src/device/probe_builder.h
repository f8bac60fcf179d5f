// Adds layers one behind the other, in f32 or with 8-bit weights and activations as quantization makes them.
#pragma once

#include <functional>

#include "device/probe_networks.h"
#include "ops/op_list.h"

namespace omni::device {

enum class Arithmetic : uint8_t {
  kFloat,
  kStatic,   // every layer's output quantized and dequantized again
  kDynamic,  // activations quantized by the range that they have, integer products scaled back to f32
};

enum class After : uint8_t { kNothing, kRelu, kRelu6, kSwish, kHardSwish };

class ProbeBuilder {
 public:
  using Sizes = std::vector<int64_t>;

  ProbeBuilder(std::string name, Arithmetic arithmetic, const Sizes& input);

  ProbeBuilder& conv(int64_t out, int64_t kernel = 1, int64_t stride = 1, After after = After::kRelu, int64_t groups = 1,
                     int64_t pad = -1);  // pad: half the kernel
  ProbeBuilder& depthwise(int64_t kernel, int64_t stride = 1, After after = After::kRelu) { return conv(channels(), kernel, stride, after, channels()); }
  // 1x1 convolutions of these many channels.
  ProbeBuilder& points(const Sizes& outs);
  ProbeBuilder& widen(int64_t out);             // transposed convolution 2x2, twice the size
  ProbeBuilder& excite(int64_t inner);          // channels scaled by what two products make of their means
  ProbeBuilder& product(int64_t columns);       // without a bias
  ProbeBuilder& dense(int64_t columns, After after = After::kRelu);
  ProbeBuilder& unary(const OpDef& op, Attributes attributes = {}) { return layer(op, {x_}, std::move(attributes)).settle(); }
  ProbeBuilder& with(const OpDef& op, const Sizes& other);
  ProbeBuilder& pool(const OpDef& op, int64_t kernel, int64_t stride);
  ProbeBuilder& resize(const std::string& mode);
  ProbeBuilder& join();                         // with itself, along axis 1
  ProbeBuilder& slice(int64_t end);             // of axis 1
  ProbeBuilder& gather(int64_t count);          // of rows, every other
  ProbeBuilder& where();                        // or what another tensor of the size has
  ProbeBuilder& clip();
  ProbeBuilder& reshape(const Sizes& sizes);
  ProbeBuilder& layer_norm();
  ProbeBuilder& attention(int64_t heads);       // of [1, tokens, width]
  // Of [steps, batch, width]; gates: 4 for LSTM, 3 for GRU.
  ProbeBuilder& recurrent(const OpDef& op, int64_t gates, int64_t hidden, bool both_ways = false);
  // What `layers` add, added to what they start from.
  ProbeBuilder& residual(const std::function<void(ProbeBuilder&)>& layers, After after = After::kNothing);

  ProbeNetwork done();

 private:
  int64_t channels() const { return graph_.type(x_).dim(1).value; }
  int64_t width() const { return graph_.type(x_).dim(graph_.type(x_).rank() - 1).value; }
  ProbeBuilder& layer(const OpDef& op, std::vector<ValueId> inputs, Attributes attributes = {});
  ProbeBuilder& settle();
  ProbeBuilder& activate(After after);
  ValueId floats(const Sizes& sizes);
  ValueId integers(DType dtype, const Sizes& sizes);
  ValueId weights(const Sizes& sizes, int64_t axis);
  void dynamic(const OpDef& integer_op, const Sizes& sizes, const Sizes& bias, Attributes attributes);

  Graph graph_;
  std::string name_;
  Arithmetic arithmetic_;
  ValueId x_ = kNone;
  int constants_ = 0;
};

}  // namespace omni::device
