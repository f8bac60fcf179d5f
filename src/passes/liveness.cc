#include "passes/liveness.h"

#include <algorithm>

namespace omni::passes {

Graph sized(const Graph& graph, std::span<const Shape> inputs) {
  Graph result = graph.clone();
  for (size_t i = 0; i < inputs.size(); ++i) {
    Type& type = result.value(result.inputs()[i]).type;
    if (type.kind == TypeKind::kTensor) type = Type(type.dtype, inputs[i]);
  }
  result.infer_all();
  return result;
}

Liveness::Liveness(const Graph& sized) : graph_(sized), bytes_(sized.value_count(), 0), root_(sized.value_count(), kNone), stays_(sized.value_count(), false) {
  for (const NodeId id : graph_.order()) {
    const Node& n = graph_.node(id);
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      const ValueId out = n.outputs[i];
      if (out == kNone) continue;
      const Type& type = graph_.type(out);
      if (type.kind != TypeKind::kTensor || type.dtype == DType::kString || !type.ranked || !type.is_static()) {
        known_ = false;
        return;
      }
      const bool view = i == 0 && n.op->has(kView);
      root_[out] = view ? root_[n.inputs[0]] : out;
      if (!view) bytes_[out] = static_cast<int64_t>(packed_bytes(type.dtype, static_cast<size_t>(type.shape()->count())));
    }
  }
  for (const ValueId id : graph_.outputs()) {
    if (root_[id] != kNone) stays_[root_[id]] = true;
  }
  for (const Commit& c : graph_.commits()) {
    if (root_[c.next] != kNone) bytes_[root_[c.next]] = 0;
  }
  for (ValueId id = 0; id < root_.size(); ++id) {
    if (root_[id] != kNone) bytes_[id] = bytes_[root_[id]];
  }
}

Liveness::Peak Liveness::peak(std::span<const Step> steps, const std::vector<bool>& again, const std::vector<bool>& late) const {
  const size_t n_values = root_.size();
  Peak result;
  result.spans.assign(2 * n_values, {});
  // The memory that step `s` sees under that value.
  const auto memory = [&](const Step& s, ValueId id) -> size_t {
    if (id == kNone || root_[id] == kNone) return SIZE_MAX;
    const ValueId root = root_[id];
    const bool copy = !again.empty() && (s.again || late[s.node]) && again[graph_.value(root).producer];
    return copy ? root + n_values : root;
  };
  const auto end = static_cast<int32_t>(steps.size());
  for (int32_t t = 0; t < end; ++t) {
    const Step& s = steps[static_cast<size_t>(t)];
    const Node& n = graph_.node(s.node);
    for (const ValueId id : n.inputs) {
      if (const size_t m = memory(s, id); m != SIZE_MAX) result.spans[m].last = t;
    }
    for (const ValueId id : n.outputs) {
      if (id == kNone || root_[id] != id) continue;
      const size_t m = s.again ? id + n_values : id;
      result.spans[m] = {t, stays_[id] && !s.again ? end : t};
    }
  }
  int64_t alive = 0;
  for (int32_t t = 0; t < end; ++t) {
    const Step& s = steps[static_cast<size_t>(t)];
    const Node& n = graph_.node(s.node);
    int64_t written = 0, reused = 0;
    for (const ValueId id : n.outputs) {
      if (id != kNone && root_[id] == id) written += bytes_[id];
    }
    const ValueId out = n.outputs.front();
    std::vector<size_t> dying;
    for (const ValueId id : n.inputs) {
      const size_t m = memory(s, id);
      if (m == SIZE_MAX || result.spans[m].last != t || std::find(dying.begin(), dying.end(), m) != dying.end()) continue;
      dying.push_back(m);
      if (reused == 0 && n.op->has(kInPlace) && out != kNone && root_[out] == out && bytes_[id] == bytes_[out]) reused = bytes_[id];
    }
    const int64_t most = alive + written - reused;
    if (most > result.bytes) {
      result.bytes = most;
      result.step = static_cast<size_t>(t);
      result.steps = 0;
    }
    if (most == result.bytes) ++result.steps;
    alive += written;
    for (const size_t m : dying) alive -= bytes_[m % n_values];
    for (const ValueId id : n.outputs) {  // what nobody reads
      if (id != kNone && root_[id] == id && result.spans[s.again ? id + n_values : id].last == t) alive -= bytes_[id];
    }
  }
  return result;
}

}  // namespace omni::passes
