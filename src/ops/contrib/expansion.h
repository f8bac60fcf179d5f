// What composite operators of com.microsoft share: inference that asks the expansion itself, and shorthand that checks what it is given.
//
// Such an operator is its expansion: `composite<expand>(…)`. Inference expands into a graph of its own, which the
// types of the results come from; so an expansion meets hostile inputs first there, and every wrong one must throw Error.
#pragma once

#include "ops/composer.h"

namespace omni::ops {

using Expand = std::vector<ValueId> (*)(Graph&, const Node&);

// Sets the types that `expand` gives; fails with the operator's name where it throws.
void infer_by_expansion(InferContext& c, Expand expand);

template <Expand expand>
void inferred_by(InferContext& c) {
  infer_by_expansion(c, expand);
}

inline constexpr OpVersion kFirstVersion[] = {{1}};

// The row of such an operator.
template <Expand expand>
constexpr OpDef composite(std::string_view domain, std::string_view name, std::span<const Formal> inputs, std::span<const Formal> outputs,
                          std::span<const AttributeDef> attributes = {}, std::span<const OpVersion> versions = kFirstVersion) {
  return {.name = name,
          .domain = domain,
          .inputs = inputs,
          .outputs = outputs,
          .attributes = attributes,
          .versions = versions,
          .infer = inferred_by<expand>,
          .expand = expand};
}

// A node that is being expanded.
class Parts : public Composer {
 public:
  Parts(Graph& graph, const Node& n) : Composer(graph), inputs(n.inputs), attributes(n.attributes), outputs(n.outputs) {}

  std::vector<ValueId> inputs;
  Attributes attributes;
  std::vector<ValueId> outputs;

  ValueId in(size_t i) const { return i < inputs.size() ? inputs[i] : kNone; }
  bool has(size_t i) const { return in(i) != kNone; }
  bool wants(size_t i) const { return i < outputs.size() && outputs[i] != kNone; }
  int64_t integer(std::string_view name, int64_t fallback) const { return attributes.get_int(name, fallback); }
  double real(std::string_view name, double fallback) const {
    return attributes.has(name) ? static_cast<double>(attributes.get_float(name, 0)) : fallback;
  }

  // Throws Error (kInvalidData) unless the condition holds.
  static void require(bool condition, std::string_view otherwise);
  // Throws Error (kUnsupported) unless the condition holds.
  static void require_supported(bool condition, std::string_view otherwise);

  DType dtype(ValueId v) const { return g.type(v).dtype; }
  // The rank; throws where it is unknown.
  int rank(ValueId v) const;
  // A dimension, also from the end; throws where there is none.
  Dim dim(ValueId v, int d) const;
  // The same, which must be known.
  int64_t known(ValueId v, int d, std::string_view what) const;
  // The bytes of a constant, or nothing.
  const Tensor* constant(ValueId v) const { return g.is_constant(v) ? &g.value(v).data : nullptr; }

  ValueId as(ValueId v, DType dtype) const { return cast_to(g, v, dtype); }
  ValueId make(const OpDef& op, std::vector<ValueId> in, Attributes a = {}) const { return g.add1(op, std::move(in), std::move(a)); }
  // A scale or zero point of one element as a scalar; others as they are.
  ValueId as_scalar(ValueId v) const;
  // (x - zero) * scale by DequantizeLinear where scale and zero fit it (one, or a list along the axis), else by arithmetic with broadcasting.
  ValueId dequantize(ValueId x, ValueId scale, ValueId zero, int64_t axis = 1) const;
  ValueId quantize(ValueId y, ValueId scale, ValueId zero, DType dtype, int64_t axis = 1) const;
};

}  // namespace omni::ops
