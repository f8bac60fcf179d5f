// Constant, ConstantOfShape and Range (ai.onnx): tensors that come of no other tensor's elements.
#include <array>
#include <cmath>
#include <cstring>

#include "core/kernel_args.h"
#include "kernels/move/copy.h"
#include "ops/op_list.h"
#include "ops/shape_list.h"

namespace omni::ops {

namespace {

constexpr Formal kShapeInput[] = {{"input"}};
constexpr Formal kRangeInputs[] = {{"start"}, {"limit"}, {"delta"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kConstantAttributes[] = {{"value", AttributeKind::kTensor},         {"value_float", AttributeKind::kFloat},
                                                {"value_floats", AttributeKind::kFloats},  {"value_int", AttributeKind::kInt},
                                                {"value_ints", AttributeKind::kInts},      {"value_string", AttributeKind::kString},
                                                {"value_strings", AttributeKind::kStrings}};
constexpr AttributeDef kOfShapeAttributes[] = {{"value", AttributeKind::kTensor}};
constexpr OpVersion kConstantVersions[] = {{21}, {19}, {13}, {12}, {11}, {9}, {1}};
constexpr OpVersion kOfShapeVersions[] = {{21}, {20}, {9}};
constexpr AttributeDef kRangeAttributes[] = {{"stash_type", AttributeKind::kInt}};
void lower_range(const Graph&, NodeDraft& draft) { draft.attributes.erase("stash_type"); }  // what the numbers are computed in: f64 here
constexpr OpVersion kRangeVersions[] = {{27}, {11, nullptr, lower_range}};

// What a Constant's attributes say; an undefined tensor when none says anything.
Tensor constant_value(const Attributes& a) {
  if (const Tensor* t = a.get_tensor("value")) return *t;
  if (a.has("value_float")) return Tensor::scalar(a.get_float("value_float", 0));
  if (a.has("value_int")) return Tensor::scalar(a.get_int("value_int", 0));
  if (a.has("value_floats")) {
    const std::vector<float> v = a.get_floats("value_floats");
    return Tensor::of<float>(Shape{static_cast<int64_t>(v.size())}, v);
  }
  if (a.has("value_ints")) {
    const std::vector<int64_t> v = a.get_ints("value_ints");
    return Tensor::of<int64_t>(Shape{static_cast<int64_t>(v.size())}, v);
  }
  if (a.has("value_string")) {
    const std::string v(a.get_string("value_string", ""));
    return Tensor::strings(Shape{}, std::span<const std::string>(&v, 1));
  }
  if (const AttributeValue* v = a.find("value_strings"); v != nullptr && std::holds_alternative<std::vector<std::string>>(*v)) {
    const auto& list = std::get<std::vector<std::string>>(*v);
    return Tensor::strings(Shape{static_cast<int64_t>(list.size())}, list);
  }
  return Tensor();
}

bool has_value(const Attributes& a) {
  for (const AttributeDef& def : kConstantAttributes) {
    if (a.has(def.name)) return true;
  }
  return false;
}

void infer_constant(InferContext& c) {
  if (!has_value(c.attributes)) c.fail("a constant without a value this library can read", "sparse constants are not supported");
  const Tensor t = constant_value(c.attributes);
  c.set(0, Type(t.dtype(), t.shape()), constant_contents(t));
}

std::vector<ValueId> expand_constant(Graph& graph, const Node& node) { return {graph.add_constant(node.name, constant_value(node.attributes))}; }

void infer_of_shape(InferContext& c) {
  const Tensor* value = c.attributes.get_tensor("value");
  if (value != nullptr && value->count() != 1) c.fail("the value is not one element");
  const DType dtype = value != nullptr ? value->dtype() : DType::kF32;
  const Contents* shape = c.contents(0);
  if (shape == nullptr) {
    std::optional<std::vector<Dim>> dims = unknown_dims(c, c.input(0));
    return c.set(0, dims ? Type(dtype, std::move(*dims)) : Type::unranked(dtype));
  }
  for (const Dim d : *shape) {
    if (d.is_constant() && d.value < 0) c.fail("the shape has a negative dimension");
  }
  Type type(dtype, *shape);
  std::optional<Contents> contents;
  if (value != nullptr && type.is_static() && type.shape()->count() <= static_cast<int64_t>(kMaxContents)) {
    if (const auto one = constant_contents(*value)) contents = Contents(static_cast<size_t>(type.shape()->count()), one->front());
  }
  c.set(0, std::move(type), std::move(contents));
}

struct Element {
  std::array<std::byte, 8> bytes{};
};

void run_fill(const KernelArgs& args) noexcept {
  const TensorView& y = args.outputs[0];
  kernels::fill(y.data, y.count(), args.params, dtype_size(y.dtype), *args.pool);
}

Binding bind_of_shape(const PlannedNode& n) {
  auto element = std::make_shared<Element>();
  if (dtype_bits(n.output(0).dtype) < 8) n.unsupported("no kernel for this element type");
  if (const Tensor* value = n.attributes.get_tensor("value")) std::memcpy(element->bytes.data(), value->data(), value->bytes());
  return {run_fill, element, 0};
}

Cost fill_cost(const PlannedNode& n) { return {0, static_cast<int64_t>(n.output(0).bytes())}; }

// Elements of a range whose three numbers are known.
int64_t range_count(double start, double limit, double delta) {
  const double n = std::ceil((limit - start) / delta);
  return n > 0 && n < 9e15 ? static_cast<int64_t>(n) : 0;
}

void infer_range(InferContext& c) {
  const DType dtype = c.input(0).dtype;
  for (int i = 0; i < 3; ++i) {
    if (c.input(i).ranked && c.input(i).is_static() && c.input(i).shape()->count() != 1) c.fail("start, limit and delta are scalars");
    if (c.input(i).dtype != dtype) c.fail("start, limit and delta have different element types");
  }
  const Contents *start = c.contents(0), *limit = c.contents(1), *delta = c.contents(2);
  if (start != nullptr && limit != nullptr && delta != nullptr) {
    const Dim first = start->front(), step = delta->front();
    if (step == Dim(0)) c.fail("the step is 0");
    if (step.is_constant()) {
      const Dim span = c.dims.sub(limit->front(), first);
      Dim n = step.value > 0 ? c.dims.ceil_div(span, step) : c.dims.ceil_div(c.dims.sub(0, span), -step.value);
      if (n.is_constant()) n = std::max<int64_t>(0, n.value);
      std::optional<Contents> contents;
      if (n.is_constant() && n.value <= static_cast<int64_t>(kMaxContents)) {
        contents.emplace();
        for (int64_t i = 0; i < n.value; ++i) contents->push_back(c.dims.add(first, c.dims.mul(step, i)));
      }
      return c.set(0, Type(dtype, std::vector<Dim>{n}), std::move(contents));
    }
  } else if (c.constant(0) != nullptr && c.constant(1) != nullptr && c.constant(2) != nullptr) {
    const double s = to_double(*c.constant(0))[0], l = to_double(*c.constant(1))[0], d = to_double(*c.constant(2))[0];
    if (d == 0) c.fail("the step is 0");
    return c.set(0, Type(dtype, std::vector<Dim>{range_count(s, l, d)}));
  }
  c.set(0, Type(dtype, std::vector<Dim>{c.dims.fresh()}));
}

template <class T>
void run_range(const KernelArgs& args) noexcept {
  const T start = *args.inputs[0].as<T>(), delta = *args.inputs[2].as<T>();
  T* y = args.outputs[0].as<T>();
  const int64_t n = args.outputs[0].count();
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(start + static_cast<T>(i) * delta);
}

Binding bind_range(const PlannedNode& n) {
  switch (n.output(0).dtype) {
    case DType::kF32: return {run_range<float>, nullptr, 0};
    case DType::kF64: return {run_range<double>, nullptr, 0};
    case DType::kI16: return {run_range<int16_t>, nullptr, 0};
    case DType::kI32: return {run_range<int32_t>, nullptr, 0};
    case DType::kI64: return {run_range<int64_t>, nullptr, 0};
    default: n.unsupported("no kernel for this element type");
  }
}

}  // namespace

constinit const OpDef kConstant = {.name = "Constant",
                                   .outputs = kOutputs,
                                   .attributes = kConstantAttributes,
                                   .versions = kConstantVersions,
                                   .infer = infer_constant,
                                   .expand = expand_constant};
constinit const OpDef kConstantOfShape = {.name = "ConstantOfShape",
                                          .inputs = kShapeInput,
                                          .outputs = kOutputs,
                                          .attributes = kOfShapeAttributes,
                                          .versions = kOfShapeVersions,
                                          .infer = infer_of_shape,
                                          .cost = fill_cost,
                                          .bind = bind_of_shape};
constinit const OpDef kRange = {
    .name = "Range", .inputs = kRangeInputs, .outputs = kOutputs, .attributes = kRangeAttributes, .versions = kRangeVersions, .infer = infer_range, .bind = bind_range};

}  // namespace omni::ops
