// LinearAttention (ai.onnx 27): a state [key size, value size] a head that forgets (gated), is corrected (delta) and takes in k vᵀ token by token;
// the output is scale · qᵀ state. States are kept in f32 (f64 for f64 inputs).
#include <cmath>
#include <cstring>

#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"query"}, {"key"}, {"value"}, {"past_state", kOptional}, {"decay", kOptional}, {"beta", kOptional}};
constexpr Formal kOutputs[] = {{"output"}, {"present_state"}};
constexpr AttributeDef kAttributes[] = {{"chunk_size", AttributeKind::kInt},
                                        {"kv_num_heads", AttributeKind::kInt, true},
                                        {"q_num_heads", AttributeKind::kInt, true},
                                        {"scale", AttributeKind::kFloat},
                                        {"update_rule", AttributeKind::kString}};
constexpr OpVersion kVersions[] = {{27}};

bool is_gated(const Attributes& a) { return a.get_string("update_rule", "gated_delta").starts_with("gated"); }
bool is_delta(const Attributes& a) { return a.get_string("update_rule", "gated_delta").ends_with("delta"); }

void infer(InferContext& c) {
  const std::string_view rule = c.attributes.get_string("update_rule", "gated_delta");
  if (rule != "linear" && rule != "gated" && rule != "delta" && rule != "gated_delta") c.fail("update_rule " + quoted(rule) + " does not exist");
  const int64_t heads = c.attributes.get_int("q_num_heads", 0), groups = c.attributes.get_int("kv_num_heads", 0);
  if (groups < 1 || heads < 1 || heads % groups != 0) c.fail("kv_num_heads does not divide q_num_heads");
  if (c.has_input(4) != is_gated(c.attributes) || c.has_input(5) != is_delta(c.attributes)) c.fail("decay and beta do not go with update_rule");
  for (const int i : {0, 1, 2, 4, 5}) {
    if (c.has_input(i) && (!c.input(i).ranked || c.input(i).rank() != 3 || c.input(i).dtype != c.input(0).dtype))
      c.fail("inputs are of rank 3 and one element type");
  }
  if (c.has_input(3) && (!c.input(3).ranked || c.input(3).rank() != 4 || !is_float(c.input(3).dtype))) c.fail("past_state is of rank 4");
  const Type &q = c.input(0), &v = c.input(2);
  for (int i = 0; i < 3; ++i) {
    const Dim d = c.input(i).dim(2);
    if (d.is_constant() && d.value % (i == 0 ? heads : groups) != 0) c.fail("the heads do not divide the size of input " + std::to_string(i));
  }
  const Dim key = c.dims.floor_div(q.dim(2), heads), value = c.dims.floor_div(v.dim(2), groups);
  c.set(0, Type(q.dtype, std::vector<Dim>{q.dim(0), q.dim(1), c.dims.mul(value, heads)}));
  c.set(1, Type(c.has_input(3) ? c.input(3).dtype : q.dtype, std::vector<Dim>{q.dim(0), groups, key, value}));
}

struct Params {
  int64_t batch, tokens, heads, groups, key, value, decay, beta;  // decay, beta: values a token
  double scale;
};

template <class T>
void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const T *q = k.inputs[0].as<T>(), *key = k.inputs[1].as<T>(), *value = k.inputs[2].as<T>();
  const auto optional = [&](size_t i) { return i < k.inputs.size() ? k.inputs[i].as<T>() : nullptr; };
  const T *past = optional(3), *decay = optional(4), *beta = optional(5);
  const int64_t shared = p.heads / p.groups, size = p.key * p.value;
  k.pool->parallel_for(p.batch * p.groups, [&](int64_t task) {
    const int64_t b = task / p.groups, h = task % p.groups;
    T* const state = k.outputs[1].as<T>() + task * size;
    T* const fresh = reinterpret_cast<T*>(k.scratch) + task * p.value;
    for (int64_t i = 0; i < size; ++i) state[i] = past == nullptr ? T(0) : past[task * size + i];
    for (int64_t t = 0; t < p.tokens; ++t) {
      const int64_t row = b * p.tokens + t;
      const T* const kt = key + (row * p.groups + h) * p.key;
      const T* const vt = value + (row * p.groups + h) * p.value;
      for (int64_t d = 0; decay != nullptr && d < p.key; ++d) {
        const T keep = std::exp(decay[row * p.decay + (p.decay == p.groups ? h : h * p.key + d)]);
        for (int64_t m = 0; m < p.value; ++m) state[d * p.value + m] *= keep;
      }
      for (int64_t m = 0; m < p.value; ++m) fresh[m] = vt[m];
      if (beta != nullptr) {
        for (int64_t d = 0; d < p.key; ++d) {
          for (int64_t m = 0; m < p.value; ++m) fresh[m] -= state[d * p.value + m] * kt[d];
        }
        for (int64_t m = 0; m < p.value; ++m) fresh[m] *= beta[row * p.beta + (p.beta == 1 ? 0 : h)];
      }
      for (int64_t d = 0; d < p.key; ++d) {
        for (int64_t m = 0; m < p.value; ++m) state[d * p.value + m] += kt[d] * fresh[m];
      }
      for (int64_t s = h * shared; s < (h + 1) * shared; ++s) {
        const T* const qt = q + (row * p.heads + s) * p.key;
        T* const y = k.outputs[0].as<T>() + (row * p.heads + s) * p.value;
        for (int64_t m = 0; m < p.value; ++m) y[m] = 0;
        for (int64_t d = 0; d < p.key; ++d) {
          for (int64_t m = 0; m < p.value; ++m) y[m] += static_cast<T>(p.scale) * qt[d] * state[d * p.value + m];
        }
      }
    }
  });
}

Binding bind(const PlannedNode& n) {
  const Shape &q = n.input(0).shape, &key = n.input(1).shape, &value = n.input(2).shape;
  auto p = std::make_shared<Params>();
  p->heads = n.attributes.get_int("q_num_heads", 1);
  p->groups = n.attributes.get_int("kv_num_heads", 1);
  p->batch = q[0];
  p->tokens = q[1];
  p->key = q[2] / p->heads;
  p->value = value[2] / p->groups;
  p->decay = n.has_input(4) ? n.input(4).shape[2] : 0;
  p->beta = n.has_input(5) ? n.input(5).shape[2] : 0;
  const double stated = static_cast<double>(n.attributes.get_float("scale", 0));
  p->scale = stated != 0 ? stated : 1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, p->key)));
  bool fits = key == Shape{p->batch, p->tokens, p->groups * p->key} && value == Shape{p->batch, p->tokens, p->groups * p->value};
  fits = fits && (!n.has_input(3) || n.input(3).shape == Shape{p->batch, p->groups, p->key, p->value});
  for (int i = 4; i < 6; ++i) fits = fits && (!n.has_input(i) || (n.input(i).shape[0] == p->batch && n.input(i).shape[1] == p->tokens));
  fits = fits && (!n.has_input(4) || p->decay == p->groups || p->decay == p->groups * p->key) &&
         (!n.has_input(5) || p->beta == 1 || p->beta == p->groups);
  if (!fits) n.unsupported("the shapes do not fit");
  for (const PlannedValue& v : n.inputs) {
    if (v.present && v.dtype != n.input(0).dtype) n.unsupported("states of another element type than the query");
  }
  const size_t scratch = static_cast<size_t>(p->batch * p->groups * p->value) * dtype_size(n.input(0).dtype);
  if (n.input(0).dtype == DType::kF32) return {run<float>, p, scratch};
  if (n.input(0).dtype == DType::kF64) return {run<double>, p, scratch};
  n.unsupported("no kernel for this element type");
}

Cost cost(const PlannedNode& n) { return {.operations = n.output(1).shape.count() * n.input(0).shape[1] * 8}; }

}  // namespace

constinit const OpDef kLinearAttention = {.name = "LinearAttention",
                                          .inputs = kInputs,
                                          .outputs = kOutputs,
                                          .attributes = kAttributes,
                                          .versions = kVersions,
                                          .infer = infer,
                                          .cost = cost,
                                          .bind = bind};

}  // namespace omni::ops
