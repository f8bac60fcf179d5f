// What the rules of lower_qdq share: seeing through DequantizeLinear and QuantizeLinear, and putting a byte result in place.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "graph/pass.h"
#include "ops/byte_range.h"
#include "ops/op_list.h"

namespace omni::passes {

using namespace graph;

// A float value that is (q - zero) * scale, one scale for the whole tensor.
struct Dequantized {
  ValueId q = kNone;
  float scale = 1;
  int32_t zero = 0;
  DType dtype = DType::kU8;
};

// Where a float value is quantized again, through Relu and Clip if need be.
struct Wanted {
  ValueId result = kNone;  // the output of QuantizeLinear
  float scale = 1;
  DType dtype = DType::kU8;
  ops::ByteRange range;  // zero point, and the clamp narrowed by what was absorbed
};

// Weights in eight bits with one scale, or one per output channel.
struct QuantizedWeights {
  Tensor values;               // u8 or i8, in the shape of the float weights
  std::vector<float> scales;   // 1 or one per channel
  std::vector<int32_t> zeros;  // empty, 1 or one per channel
  int64_t channels = 1;

  float scale(int64_t c) const { return scales[scales.size() > 1 ? static_cast<size_t>(c) : 0]; }
  int32_t zero(int64_t c) const { return zeros.empty() ? 0 : zeros[zeros.size() > 1 ? static_cast<size_t>(c) : 0]; }
};

class QdqRewriter {
 public:
  QdqRewriter(Graph& graph, PassContext& context) : graph_(graph), context_(context) {}

  bool run();

 private:
  // Each rule: true if the node was replaced. Otherwise reason() may have been called.
  bool lower(NodeId id);
  bool conv(NodeId id);
  bool gemm(NodeId id);
  bool matmul(NodeId id);
  bool binary(NodeId id, const OpDef& q_op);
  bool pool(NodeId id, const OpDef& q_op);
  bool mean(NodeId id);
  bool max_pool(NodeId id);
  bool concat(NodeId id);
  bool lookup(NodeId id);
  bool pad(NodeId id);
  bool transparent(NodeId id);
  bool requantize(NodeId id);
  bool pixels(NodeId id);
  bool residual(NodeId id);
  void note_floats();

  bool reason(NodeId id, std::string text);

  std::optional<Dequantized> dequantized(ValueId id) const;
  std::optional<Wanted> wanted(ValueId id) const;
  // The tensor that a value always is: a constant, or computed from constants alone.
  std::optional<Tensor> constant(ValueId id, int depth = 0) const;
  std::optional<float> scalar(ValueId id) const;
  std::optional<QuantizedWeights> weights(ValueId id, int axis) const;
  // The bias in steps of sx * sw, or nothing (with the reason noted): too large for the sums.
  std::optional<std::vector<int32_t>> bias(NodeId id, ValueId value, float sx, const QuantizedWeights& w);
  // Whether every sum over k products and the bias stays below 2^31; w has `channels` rows of k along the given strides.
  bool sums_fit(const QuantizedWeights& w, int64_t k, int64_t channel_stride, int64_t depth_stride, const std::vector<int32_t>& bias) const;

  static void set_scale(Attributes& a, std::string_view prefix, const Dequantized& d);
  static void set_result(Attributes& a, const Wanted& w);
  static void set_float_result(Attributes& a);
  // Adds the operator; its bytes take the place and the name of what was quantized.
  void put(const OpDef& op, std::vector<ValueId> inputs, Attributes attributes, const std::string& name, const Wanted& w);
  void put_float(const OpDef& op, std::vector<ValueId> inputs, Attributes attributes, const std::string& name, ValueId old);
  void take_over(ValueId from, ValueId to);
  std::vector<ValueId> product_inputs(const std::string& name, ValueId x, const QuantizedWeights& w, const std::vector<int32_t>& bias);

  Graph& graph_;
  PassContext& context_;
  std::unordered_map<NodeId, std::string> reasons_;
};

bool is_op(const Node& node, std::string_view name);

}  // namespace omni::passes
