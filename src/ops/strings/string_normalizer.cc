// StringNormalizer (ai.onnx): drops stop words, then changes the case. Letters of ASCII, Latin-1, Greek and Cyrillic have cases, whatever `locale`
// says.
#include <algorithm>

#include "core/error.h"
#include "ops/strings/text.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {{"case_change_action", AttributeKind::kString},
                                        {"is_case_sensitive", AttributeKind::kInt},
                                        {"locale", AttributeKind::kString},
                                        {"stopwords", AttributeKind::kStrings}};
constexpr OpVersion kVersions[] = {{10}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (x.dtype != DType::kString) c.fail("its input must be strings");
  const std::string_view action = c.attributes.get_string("case_change_action", "NONE");
  if (action != "NONE" && action != "LOWER" && action != "UPPER") c.fail("the action " + quoted(action) + " is not known");
  if (!x.ranked) return c.set(0, Type::unranked(x.dtype));
  const bool row = x.rank() == 2 && (!x.dim(0).is_constant() || x.dim(0) == Dim(1));
  if (x.rank() != 1 && !row) c.fail("its input must be a row of strings");
  Type out = x;
  out.dims.back() = c.dims.fresh();
  c.set(0, out);
}

// The other case of a code point; itself where it has none.
uint32_t changed(uint32_t c, bool upper) {
  const auto in = [&](uint32_t first, uint32_t last) { return c >= first && c <= last; };
  if (upper) {
    if (in('a', 'z') || in(0x3b1, 0x3c1) || in(0x3c3, 0x3cb) || in(0x430, 0x44f) || (in(0xe0, 0xfe) && c != 0xf7)) return c - 32;
    return in(0x450, 0x45f) ? c - 80 : c;
  }
  if (in('A', 'Z') || in(0x391, 0x3a1) || in(0x3a3, 0x3ab) || in(0x410, 0x42f) || (in(0xc0, 0xde) && c != 0xd7)) return c + 32;
  return in(0x400, 0x40f) ? c + 80 : c;
}

// All these letters take one or two bytes of UTF-8; other bytes stay.
std::string with_case(std::string_view text, bool upper) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    const bool pair = first >= 0xc2 && first <= 0xdf && i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xc0) == 0x80;
    if (!pair) {
      out += first < 0x80 ? static_cast<char>(changed(first, upper)) : text[i];
      continue;
    }
    const uint32_t code = changed((first & 0x1fu) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3fu), upper);
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
  return out;
}

std::vector<Tensor> produce(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot& status) {
  const Shape& shape = inputs[0].shape();
  if (shape.rank() < 1 || shape.rank() > 2 || (shape.rank() == 2 && shape[0] != 1)) {
    status.fail(0, "the input of a StringNormalizer must be a row of strings (rank)", shape.rank());
    return {};
  }
  const std::string_view action = n.attributes.get_string("case_change_action", "NONE");
  const bool exact = n.attributes.get_int("is_case_sensitive", 0) != 0;
  std::vector<std::string> stop_words;
  if (const AttributeValue* list = n.attributes.find("stopwords")) {
    if (const auto* words = std::get_if<std::vector<std::string>>(list)) stop_words = *words;
  }
  const auto compared = [&](std::string_view text) { return exact ? std::string(text) : with_case(text, false); };
  for (std::string& word : stop_words) word = compared(word);
  std::vector<std::string> kept;
  for (const std::string& text : texts_of(inputs[0])) {
    if (std::find(stop_words.begin(), stop_words.end(), compared(text)) != stop_words.end()) continue;
    kept.push_back(action == "NONE" ? text : with_case(text, action == "UPPER"));
  }
  if (kept.empty()) kept.emplace_back();  // ONNX: one empty string, where nothing is left
  const auto count = static_cast<int64_t>(kept.size());
  return {Tensor::strings(shape.rank() == 1 ? Shape{count} : Shape{1, count}, kept)};
}

}  // namespace

constinit const OpDef kStringNormalizer = {.name = "StringNormalizer",
                                           .inputs = kInputs,
                                           .outputs = kOutputs,
                                           .attributes = kAttributes,
                                           .versions = kVersions,
                                           .traits = kDataDependent,
                                           .infer = infer,
                                           .produce = produce};

}  // namespace omni::ops
