#include "compress/prune/pattern.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "ops/op_list.h"

namespace omni::compress {

namespace {

[[noreturn]] void refuse(std::string_view text) {
  throw Error(ErrorCode::kInvalidArgument, "no pattern " + quoted(text), "pattern",
              "use unstructured, a block of outputs x inputs such as 1x4 or 4x4 (sides 1, 2, 4, 8, 16), or n:m such as 2:4 (m at most 32)");
}

int64_t side(std::string_view digits, std::string_view text) {
  int64_t value = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failed != std::errc() || end != digits.data() + digits.size() || value < 1) refuse(text);
  return value;
}

}  // namespace

WeightLayout weight_layout(const Graph& graph, const WeightTarget& target) {
  const Shape& shape = graph.value(target.value).data.shape();
  const Node& node = graph.node(target.node);
  WeightLayout layout;
  if (node.op == &ops::kConv || node.op == &ops::kConvTranspose) {
    layout = {shape[0], shape.count() / std::max<int64_t>(1, shape[0] * shape[1]), shape[1], 0, 1, 0};
    layout.input_step = layout.taps;
    layout.output_step = layout.taps * layout.inputs;
    if (node.op == &ops::kConvTranspose) {  // its weights are [inputs, outputs, taps]
      std::swap(layout.outputs, layout.inputs);
      std::swap(layout.output_step, layout.input_step);
    }
    return layout;
  }
  const int64_t last = shape[-1], before = shape[-2];
  if (target.axis == shape.rank() - 1) {  // [.., inputs, outputs]; further axes are like taps
    layout = {last, shape.count() / std::max<int64_t>(1, last * before), before, 1, last * before, last};
  } else {
    layout = {shape[0], 1, shape.count() / std::max<int64_t>(1, shape[0]), shape.count() / std::max<int64_t>(1, shape[0]), 0, 1};
  }
  return layout;
}

Pattern parse_pattern(std::string_view text) {
  Pattern pattern;
  if (text == "unstructured") return pattern;
  const size_t cross = text.find('x'), colon = text.find(':');
  if (colon != std::string_view::npos) {
    pattern.keep = side(text.substr(0, colon), text);
    pattern.of = side(text.substr(colon + 1), text);
    if (pattern.keep >= pattern.of || pattern.of > 32) refuse(text);
    return pattern;
  }
  if (cross == std::string_view::npos) refuse(text);
  pattern.outputs = side(text.substr(0, cross), text);
  pattern.inputs = side(text.substr(cross + 1), text);
  for (const int64_t n : {pattern.outputs, pattern.inputs}) {
    if (n > 16 || (n & (n - 1)) != 0) refuse(text);
  }
  return pattern;
}

PatternUnits::PatternUnits(const WeightLayout& layout, const Pattern& pattern)
    : layout_(layout), height_(pattern.outputs), width_(pattern.chooses() ? pattern.of : pattern.inputs),
      rows_((layout.outputs + height_ - 1) / height_), columns_((layout.inputs + width_ - 1) / width_) {}

}  // namespace omni::compress
