#include "compress/recipe/weight_error.h"

#include <cmath>

#include "passes/fold.h"

namespace omni::compress {

namespace {

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

}  // namespace

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

}  // namespace omni::compress
