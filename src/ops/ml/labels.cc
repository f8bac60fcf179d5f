// LabelEncoder, CategoryMapper, OneHotEncoder (ai.onnx.ml): values looked up in a list of keys: strings, integers or floats.
//
// Of equal keys the last counts; a NaN key stands for every NaN. Integer keys that are asked for in floats and the like are refused by inference.
#include <bit>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "core/error.h"
#include "ops/ml/scores.h"

namespace omni::ops {

namespace {

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr AttributeDef kEncoderAttributes[] = {
    {"default_float", AttributeKind::kFloat},   {"default_int64", AttributeKind::kInt},      {"default_string", AttributeKind::kString},
    {"default_tensor", AttributeKind::kTensor}, {"keys_floats", AttributeKind::kFloats},     {"keys_int64s", AttributeKind::kInts},
    {"keys_strings", AttributeKind::kStrings},  {"keys_tensor", AttributeKind::kTensor},     {"values_floats", AttributeKind::kFloats},
    {"values_int64s", AttributeKind::kInts},    {"values_strings", AttributeKind::kStrings}, {"values_tensor", AttributeKind::kTensor}};
constexpr AttributeDef kMapperAttributes[] = {{"cats_int64s", AttributeKind::kInts},
                                              {"cats_strings", AttributeKind::kStrings},
                                              {"default_int64", AttributeKind::kInt},
                                              {"default_string", AttributeKind::kString}};
constexpr AttributeDef kOneHotAttributes[] = {
    {"cats_int64s", AttributeKind::kInts}, {"cats_strings", AttributeKind::kStrings}, {"zeros", AttributeKind::kInt}};

const std::vector<std::string>& strings_of(const Attributes& a, std::string_view name) {
  static const std::vector<std::string> none;
  const AttributeValue* v = a.find(name);
  const auto* list = v == nullptr ? nullptr : std::get_if<std::vector<std::string>>(v);
  return list == nullptr ? none : *list;
}

// keys_…, values_… under any of their names, as a tensor of rank 1; undefined where there is none.
Tensor list_of(const Attributes& a, const std::string& prefix) {
  const auto count = [](const auto& v) { return Shape{static_cast<int64_t>(v.size())}; };
  if (const Tensor* t = a.get_tensor(prefix + "_tensor")) return t->reshaped(Shape{t->count()});
  if (const auto& v = strings_of(a, prefix + "_strings"); !v.empty()) return Tensor::strings(count(v), v);
  if (const auto v = a.get_ints(prefix + "_int64s"); !v.empty()) return Tensor::of<int64_t>(count(v), v);
  if (const auto v = a.get_floats(prefix + "_floats"); !v.empty()) return Tensor::of<float>(count(v), v);
  return {};
}

// What unknown keys give, one element of the values' type.
Tensor fallback_of(const Attributes& a, DType type) {
  if (const Tensor* t = a.get_tensor("default_tensor")) return *t;
  if (type == DType::kString) {
    const std::string text(a.get_string("default_string", "_Unused"));
    return Tensor::strings(Shape{1}, std::span(&text, 1));
  }
  const double v = is_float(type) ? (a.has("default_float") ? static_cast<double>(a.get_float("default_float", 0)) : -0.0) : 0;
  if (is_float(type)) return from_double(type, Shape{1}, std::vector<double>{v});
  return from_double(type, Shape{1}, std::vector<double>{static_cast<double>(a.get_int("default_int64", -1))});
}

// Version 1: `classes_strings` are what the numbers from 0 stand for, in whichever direction the input's type asks.
void upgrade_classes(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  const std::vector<std::string> classes = strings_of(draft.attributes, "classes_strings");
  if (classes.empty()) throw Error(ErrorCode::kInvalidData, "classes_strings is needed", draft.name);
  draft.attributes.erase("classes_strings");
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < classes.size(); ++i) numbers.push_back(static_cast<int64_t>(i));
  const bool from_strings = graph.type(draft.inputs[0]).dtype == DType::kString;
  draft.attributes.set(from_strings ? "keys_strings" : "values_strings", classes);
  draft.attributes.set(from_strings ? "values_int64s" : "keys_int64s", numbers);
}
constexpr OpVersion kEncoderVersions[] = {{4}, {2}, {1, upgrade_classes}};

void infer_encoder(InferContext& c) {
  const Tensor keys = list_of(c.attributes, "keys"), values = list_of(c.attributes, "values");
  if (keys.shape() == Shape{0} || values.shape() == Shape{0}) c.fail("keys and values are needed");
  if (keys.count() != values.count()) c.fail(std::to_string(keys.count()) + " keys and " + std::to_string(values.count()) + " values");
  if (keys.dtype() != c.input(0).dtype) c.fail("the keys are " + std::string(dtype_name(keys.dtype())));
  for (const Tensor& t : {keys, values}) {
    if (dtype_bits(t.dtype()) < 8 && t.dtype() != DType::kString) c.fail("4-bit keys or values");
  }
  const Tensor fallback = fallback_of(c.attributes, values.dtype());
  if (fallback.dtype() != values.dtype() || fallback.count() != 1) c.fail("default_tensor is not one element of the values' type");
  Type type = c.input(0);
  type.dtype = values.dtype();
  c.set(0, std::move(type));
}

// One number for each different key.
uint64_t bits_of(double v) { return std::isnan(v) ? ~uint64_t{0} : std::bit_cast<uint64_t>(v == 0 ? 0.0 : v); }

// Where each element of x stands among the keys, -1 for none.
std::vector<int64_t> positions(const Tensor& keys, const Tensor& x) {
  std::vector<int64_t> at;
  at.reserve(static_cast<size_t>(x.count()));
  const auto look_up = [&](const auto& index, const auto& key) {
    const auto found = index.find(key);
    at.push_back(found == index.end() ? -1 : found->second);
  };
  if (keys.dtype() == DType::kString) {
    std::unordered_map<std::string_view, int64_t> index;
    for (int64_t i = 0; i < keys.count(); ++i) index[keys.string_at(i)] = i;
    for (int64_t i = 0; i < x.count(); ++i) look_up(index, x.string_at(i));
    return at;
  }
  std::unordered_map<uint64_t, int64_t> index;
  int64_t next = 0;
  if (is_float(keys.dtype())) {
    for (const double k : to_double(keys)) index[bits_of(k)] = next++;
    for (const double v : to_double(x)) look_up(index, bits_of(v));
  } else {
    for (const int64_t k : to_int64(keys)) index[static_cast<uint64_t>(k)] = next++;
    for (const int64_t v : to_int64(x)) look_up(index, static_cast<uint64_t>(v));
  }
  return at;
}

std::vector<Tensor> produce_encoder(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot&) {
  const Tensor keys = list_of(n.attributes, "keys"), values = list_of(n.attributes, "values"), fallback = fallback_of(n.attributes, values.dtype());
  const std::vector<int64_t> at = positions(keys, inputs[0]);
  if (values.dtype() == DType::kString) {
    std::vector<std::string> texts;
    for (const int64_t i : at) texts.emplace_back(i < 0 ? fallback.string_at(0) : values.string_at(i));
    return {Tensor::strings(inputs[0].shape(), texts)};
  }
  Tensor y(values.dtype(), inputs[0].shape());
  const size_t size = dtype_size(values.dtype());
  for (size_t i = 0; i < at.size(); ++i) {
    const void* from = at[i] < 0 ? fallback.data() : static_cast<const std::byte*>(values.data()) + static_cast<size_t>(at[i]) * size;
    std::memcpy(static_cast<std::byte*>(y.mutable_data()) + i * size, from, size);
  }
  return {std::move(y)};
}

std::vector<ValueId> expand_mapper(Graph& g, const Node& n) {
  const Parts p(g, n);
  const std::vector<std::string> texts = strings_of(p.attributes, "cats_strings");
  const std::vector<int64_t> numbers = p.attributes.get_ints("cats_int64s");
  p.require(!texts.empty() && texts.size() == numbers.size(), "cats_strings and cats_int64s are needed, of one length");
  if (p.dtype(p.in(0)) == DType::kString)
    return {
        p.make(kMlLabelEncoder, {p.in(0)}, {{"keys_strings", texts}, {"values_int64s", numbers}, {"default_int64", p.integer("default_int64", -1)}})};
  p.require(p.dtype(p.in(0)) == DType::kI64, "the input is neither of strings nor i64");
  const std::string fallback(p.attributes.get_string("default_string", "_Unused"));
  return {p.make(kMlLabelEncoder, {p.in(0)}, {{"keys_int64s", numbers}, {"values_strings", texts}, {"default_string", fallback}})};
}

// A value that is no category gives zeros. With zeros = 0 the specification makes that an error, which is not raised.
std::vector<ValueId> expand_one_hot(Graph& g, const Node& n) {
  const Parts p(g, n);
  const std::vector<std::string> texts = strings_of(p.attributes, "cats_strings");
  const std::vector<int64_t> numbers = p.attributes.get_ints("cats_int64s");
  p.require(texts.empty() != numbers.empty(), "one list of categories is expected");
  const int rank = p.rank(p.in(0));
  ValueId x = p.in(0), categories = kNone;
  if (!texts.empty()) {
    p.require(p.dtype(x) == DType::kString, "the categories are strings, the input is not");
    std::vector<int64_t> at;
    for (size_t i = 0; i < texts.size(); ++i) at.push_back(static_cast<int64_t>(i));
    categories = p.ints(at);
    x = p.make(kMlLabelEncoder, {x}, {{"keys_strings", texts}, {"values_int64s", at}});
  } else {
    p.require(is_float(p.dtype(x)) || is_integer(p.dtype(x)), "the categories are integers, the input is not of numbers");
    x = p.as(x, DType::kI64);
    categories = p.ints(numbers);
  }
  return {p.as(p.make(kEqual, {p.unsqueeze(x, {rank}), categories}), DType::kF32)};
}

}  // namespace

constinit const OpDef kMlLabelEncoder = {.name = "LabelEncoder",
                                         .domain = "ai.onnx.ml",
                                         .inputs = kX,
                                         .outputs = kY,
                                         .attributes = kEncoderAttributes,
                                         .versions = kEncoderVersions,
                                         .infer = infer_encoder,
                                         .produce = produce_encoder};
constinit const OpDef kMlCategoryMapper = composite<expand_mapper>("ai.onnx.ml", "CategoryMapper", kX, kY, kMapperAttributes);
constinit const OpDef kMlOneHotEncoder = composite<expand_one_hot>("ai.onnx.ml", "OneHotEncoder", kX, kY, kOneHotAttributes);

}  // namespace omni::ops
