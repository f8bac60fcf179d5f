#include "compress/recipe/weight_report.h"

#include <cmath>
#include <cstring>

#include "compress/quantize/targets.h"
#include "passes/fold.h"

namespace omni::compress {

namespace {

std::string action_of(const Value& before, const Value& after) {
  switch (after.type.dtype) {
    case DType::kI8: return "int8";
    case DType::kU4:
    case DType::kI4: return "int4";
    case DType::kF16: return "f16";
    case DType::kBF16: return "bf16";
    default: break;
  }
  const bool same = before.data.bytes() == after.data.bytes() && std::memcmp(before.data.data(), after.data.data(), before.data.bytes()) == 0;
  return same ? "kept" : "changed";
}

// What the notes say of any of the names: of a weight, of the node that reads it, of that node's output.
std::string reason_of(const std::vector<std::string>& notes, std::initializer_list<std::string_view> names) {
  for (const std::string& note : notes) {
    for (const std::string_view name : names) {
      if (!name.empty() && note.size() > name.size() + 2 && note.starts_with(name) && note.substr(name.size(), 2) == ": ")
        return note.substr(name.size() + 2);
    }
  }
  return {};
}

std::optional<double> snr_db(std::span<const float> was, std::span<const float> is) {
  double signal = 0, noise = 0;
  for (size_t i = 0; i < was.size(); ++i) {
    const double difference = static_cast<double>(is[i]) - static_cast<double>(was[i]);
    signal += static_cast<double>(was[i]) * static_cast<double>(was[i]);
    noise += difference * difference;
  }
  if (!(noise > 0) || !(signal > 0)) return std::nullopt;
  return 10 * std::log10(signal / noise);
}

// For each target the error of the weight that its node reads now, where the node is found by its output's name and the weight comes from constants
// alone as floats of the same shape.
std::vector<std::optional<double>> weight_snr(const Graph& before, const Graph& after, std::span<const WeightTarget> targets) {
  Graph read = after.clone();
  PassContext context;
  passes::decode_weights(read, context);
  std::vector<std::optional<double>> errors(targets.size());
  for (size_t i = 0; i < targets.size(); ++i) {
    const Node& node = before.node(targets[i].node);
    const ValueId output = read.find(before.value(node.outputs[0]).name);
    const Node* reader = output == kNone ? nullptr : read.producer(output);
    if (reader == nullptr || targets[i].input >= reader->inputs.size()) continue;
    const ValueId weight = reader->inputs[targets[i].input];
    if (!read.is_constant(weight)) continue;
    const Tensor &was = before.value(targets[i].value).data, &is = read.value(weight).data;
    if (is.dtype() == DType::kF32 && is.shape() == was.shape()) errors[i] = snr_db(was.values<float>(), is.values<float>());
  }
  return errors;
}

}  // namespace

std::vector<LayerReport> report_weights(const Graph& before, const Graph& after, const std::vector<std::string>& notes) {
  const std::vector<WeightTarget> targets = weight_targets(before);
  const std::vector<std::optional<double>> errors = weight_snr(before, after, targets);
  std::vector<LayerReport> layers;
  for (size_t i = 0; i < targets.size(); ++i) {
    const Value& v = before.value(targets[i].value);
    const Node& reader = before.node(targets[i].node);
    LayerReport layer;
    layer.name = v.name;
    layer.op = reader.op->name;
    layer.elements = v.data.count();
    layer.bytes_before = v.data.bytes();
    const ValueId stored = after.find(v.name);
    layer.action = stored == kNone ? "gone" : action_of(v, after.value(stored));
    layer.bytes_after = stored == kNone ? 0 : after.value(stored).data.bytes();
    layer.reason = reason_of(notes, {v.name, reader.name, before.value(reader.outputs[0]).name});
    layer.snr_db = errors[i];
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace omni::compress
