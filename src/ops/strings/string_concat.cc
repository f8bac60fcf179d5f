// StringConcat and StringSplit (ai.onnx).
#include <algorithm>

#include "core/error.h"
#include "ops/strings/text.h"

namespace omni::ops {

namespace {

constexpr Formal kConcatInputs[] = {{"X"}, {"Y"}};
constexpr Formal kConcatOutputs[] = {{"Z"}};
constexpr Formal kSplitInputs[] = {{"X"}};
constexpr Formal kSplitOutputs[] = {{"Y"}, {"Z"}};
constexpr AttributeDef kSplitAttributes[] = {{"delimiter", AttributeKind::kString}, {"maxsplit", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{20}};

void infer_concat(InferContext& c) {
  if (c.input(0).dtype != DType::kString || c.input(1).dtype != DType::kString) c.fail("its inputs must be strings");
  if (!c.input(0).ranked || !c.input(1).ranked) return c.set(0, Type::unranked(DType::kString));
  c.set(0, Type(DType::kString, c.broadcast(c.input(0).dims, c.input(1).dims)));
}

// The element of `from` that meets element `i` of the result.
int64_t met(int64_t i, const Shape& result, const Shape& from) {
  int64_t at = 0, stride = 1;
  for (int d = result.rank() - 1; d >= 0; --d) {
    const int64_t here = i % result[d];
    i /= result[d];
    const int own = d - (result.rank() - from.rank());
    if (own < 0) continue;
    if (from[own] != 1) at += here * stride;
    stride *= from[own];
  }
  return at;
}

std::vector<Tensor> concat(const PlannedNode&, std::span<const Tensor> inputs, StatusSlot& status) {
  const std::optional<Shape> shape = broadcast(inputs[0].shape(), inputs[1].shape());
  if (!shape) {
    status.fail(0, "strings of shapes that do not broadcast");
    return {};
  }
  std::vector<std::string> out;
  for (int64_t i = 0; i < shape->count(); ++i) {
    out.push_back(std::string(inputs[0].string_at(met(i, *shape, inputs[0].shape()))) +
                  std::string(inputs[1].string_at(met(i, *shape, inputs[1].shape()))));
  }
  return {Tensor::strings(*shape, out)};
}

void infer_split(InferContext& c) {
  const Type& x = c.input(0);
  if (x.dtype != DType::kString) c.fail("its input must be strings");
  if (x.ranked && x.rank() == Shape::kMaxRank) c.fail("strings of rank 8 cannot be split");
  if (!x.ranked) {
    c.set(0, Type::unranked(DType::kString));
    return c.set(1, Type::unranked(DType::kI64));
  }
  Type out = x, counts = x;
  out.dims.push_back(c.dims.fresh());
  counts.dtype = DType::kI64;
  c.set(0, out);
  c.set(1, counts);
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::vector<std::string> at_spaces(std::string_view text, int64_t most) {
  std::vector<std::string> out;
  for (;;) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    if (text.empty()) return out;
    if (static_cast<int64_t>(out.size()) == most) {
      while (is_space(text.back())) text.remove_suffix(1);
      out.emplace_back(text);
      return out;
    }
    size_t end = 0;
    while (end < text.size() && !is_space(text[end])) ++end;
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::vector<std::string> at_delimiter(std::string_view text, std::string_view delimiter, int64_t most) {
  std::vector<std::string> out;
  if (text.empty()) return out;
  for (;;) {
    const size_t end = static_cast<int64_t>(out.size()) == most ? std::string_view::npos : text.find(delimiter);
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + delimiter.size());
  }
}

std::vector<Tensor> split(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot&) {
  const std::string_view delimiter = n.attributes.get_string("delimiter", "");
  const int64_t most = n.attributes.get_int("maxsplit", INT64_MAX);
  std::vector<std::vector<std::string>> pieces;
  std::vector<int64_t> counts;
  size_t widest = 0;
  for (int64_t i = 0; i < inputs[0].count(); ++i) {
    const std::string_view text = inputs[0].string_at(i);
    pieces.push_back(delimiter.empty() ? at_spaces(text, most) : at_delimiter(text, delimiter, most));
    counts.push_back(static_cast<int64_t>(pieces.back().size()));
    widest = std::max(widest, pieces.back().size());
  }
  std::vector<int64_t> dims(inputs[0].shape().begin(), inputs[0].shape().end());
  dims.push_back(static_cast<int64_t>(widest));
  std::vector<std::string> out;
  for (std::vector<std::string>& row : pieces) {
    row.resize(widest);
    out.insert(out.end(), row.begin(), row.end());
  }
  return {Tensor::strings(Shape(std::span<const int64_t>(dims)), out), Tensor::of(inputs[0].shape(), std::span<const int64_t>(counts))};
}

}  // namespace

constinit const OpDef kStringConcat = {.name = "StringConcat",
                                       .inputs = kConcatInputs,
                                       .outputs = kConcatOutputs,
                                       .versions = kVersions,
                                       .traits = kDataDependent,
                                       .infer = infer_concat,
                                       .produce = concat};
constinit const OpDef kStringSplit = {.name = "StringSplit",
                                      .inputs = kSplitInputs,
                                      .outputs = kSplitOutputs,
                                      .attributes = kSplitAttributes,
                                      .versions = kVersions,
                                      .traits = kDataDependent,
                                      .infer = infer_split,
                                      .produce = split};

}  // namespace omni::ops
