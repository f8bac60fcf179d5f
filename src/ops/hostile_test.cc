// Nodes as a hostile file may hold them: any operator with any inputs and attributes of the declared kinds either computes or throws Error.
#include <gtest/gtest.h>

#include <random>

#include "core/error.h"
#include "ops/evaluate.h"
#include "ops/op_list.h"

namespace omni::ops {
namespace {

class Hostile {
 public:
  explicit Hostile(unsigned seed) : engine_(seed) {}

  int below(int n) { return static_cast<int>(engine_() % static_cast<unsigned>(n)); }

  int64_t integer() {
    constexpr int64_t kWild[] = {INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, (int64_t{1} << 32) + 1, -(int64_t{1} << 40), 1000};
    return below(12) == 0 ? kWild[below(std::size(kWild))] : below(9) - 3;
  }

  float number() {
    constexpr float kWild[] = {0, -0.0f, 1e30f, -1e-30f, __builtin_inff(), __builtin_nanf("")};
    return below(6) == 0 ? kWild[below(std::size(kWild))] : static_cast<float>(below(41) - 20) * 0.25f;
  }

  Shape shape() {
    std::vector<int64_t> dims(static_cast<size_t>(below(6)));
    for (int64_t& d : dims) d = below(8) == 0 ? 0 : below(4) + 1;
    return Shape(dims);
  }

  Tensor tensor(bool list) {
    constexpr DType kTypes[] = {DType::kF32,  DType::kF32, DType::kF32, DType::kI64, DType::kI64, DType::kI32,
                                DType::kBool, DType::kU8,  DType::kF16, DType::kI4,  DType::kF64};
    Tensor t(list ? DType::kI64 : kTypes[below(std::size(kTypes))], list ? Shape{below(5)} : shape());
    if (t.dtype() == DType::kF32) {
      for (float& v : t.mutable_values<float>()) v = number();
    } else if (t.dtype() == DType::kI64) {
      for (int64_t& v : t.mutable_values<int64_t>()) v = integer();
    } else if (t.dtype() == DType::kI32) {
      for (int32_t& v : t.mutable_values<int32_t>()) v = below(7) - 3;
    }
    return t;
  }

  AttributeValue attribute(AttributeKind kind) {
    constexpr const char* kWords[] = {"",        "none",          "sum",   "mean", "reflect", "edge", "wrap", "linear", "cubic",
                                      "nearest", "align_corners", "floor", "CRD",  "RIGHT",   "add",  "max",  "tanh",   "SAME_UPPER"};
    switch (kind) {
      case AttributeKind::kInt: return integer();
      case AttributeKind::kFloat: return number();
      case AttributeKind::kString: return std::string(kWords[below(std::size(kWords))]);
      case AttributeKind::kInts: {
        std::vector<int64_t> v(static_cast<size_t>(below(5)));
        for (int64_t& x : v) x = integer();
        return v;
      }
      case AttributeKind::kFloats: return std::vector<float>(static_cast<size_t>(below(4)), number());
      case AttributeKind::kStrings: return std::vector<std::string>(static_cast<size_t>(below(3)), "a");
      case AttributeKind::kTensor: return tensor(false);
    }
    return int64_t{0};
  }

 private:
  std::mt19937 engine_;
};

// Whether every output is known and small enough to be computed here.
bool affordable(const Graph& graph, const std::vector<ValueId>& outputs) {
  for (const ValueId id : outputs) {
    if (id == kNone) continue;
    const auto shape = graph.type(id).shape();
    if (!shape || shape->count() > 100000) return false;
  }
  return true;
}

// True if the node was legal.
bool try_node(const OpDef& op, Hostile& h) {
  Graph g;
  std::vector<ValueId> ids;
  std::vector<std::optional<Tensor>> inputs;
  const int most = std::min(op.max_inputs(), op.min_inputs() + 3),
            count = op.min_inputs() + (most > op.min_inputs() ? h.below(most - op.min_inputs() + 1) : 0);
  const Tensor first = h.tensor(false);
  for (int i = 0; i < count; ++i) {
    if (i >= op.min_inputs() && h.below(4) == 0) {
      ids.push_back(kNone);
      inputs.push_back(std::nullopt);
      continue;
    }
    inputs.push_back(i == 0 || h.below(3) == 0 ? first : h.tensor(h.below(2) == 0));
    ids.push_back(g.add_constant("x", *inputs.back()));
  }
  while (!inputs.empty() && !inputs.back()) inputs.pop_back();  // as the graph drops trailing absent ones
  Attributes attributes;
  for (const AttributeDef& def : op.attributes) {
    if (def.required || h.below(2) == 0) attributes.set(def.name, h.attribute(def.kind));
  }
  try {
    const std::vector<ValueId> outputs =
        g.add(op, ids, attributes, {.output_count = op.min_outputs() + (op.max_outputs() > op.min_outputs() ? h.below(2) : 0)});
    if (!affordable(g, outputs)) return false;
    ThreadPool pool(1);
    evaluate(g.node(g.value(outputs[0]).producer), inputs, pool,
             available_isas()[static_cast<size_t>(h.below(static_cast<int>(available_isas().size())))]);
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(Hostile, AnyNodeComputesOrThrowsError) {
  for (const OpDef* op : all_ops()) {
    SCOPED_TRACE(op_text(*op));
    int legal = 0;
    const unsigned seeds = op->domain.empty() ? 400 : 2000;  // our own have fewer legal forms
    for (unsigned seed = 0; seed < seeds; ++seed) {
      Hostile h(seed * 7919 + 1);
      legal += try_node(*op, h) ? 1 : 0;
    }
    RecordProperty(op_text(*op), legal);
  }
}

}  // namespace
}  // namespace omni::ops
