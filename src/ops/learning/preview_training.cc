// Adagrad, Adam and Momentum of ai.onnx.preview.training: one step for any number of tensors, as composites of primitives. (AdamUpdate and SgdUpdate
// of ai.omni, which training graphs use, put epsilon and the corrections elsewhere: their numbers differ.)
#include "ops/composer.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"R"}, {"T"}, {"inputs", kVariadic}};
constexpr Formal kOutputs[] = {{"outputs", kVariadic}};
constexpr AttributeDef kAdagradAttributes[] = {
    {"decay_factor", AttributeKind::kFloat}, {"epsilon", AttributeKind::kFloat}, {"norm_coefficient", AttributeKind::kFloat}};
constexpr AttributeDef kAdamAttributes[] = {{"alpha", AttributeKind::kFloat},
                                            {"beta", AttributeKind::kFloat},
                                            {"epsilon", AttributeKind::kFloat},
                                            {"norm_coefficient", AttributeKind::kFloat},
                                            {"norm_coefficient_post", AttributeKind::kFloat}};
constexpr AttributeDef kMomentumAttributes[] = {{"alpha", AttributeKind::kFloat, true},
                                                {"beta", AttributeKind::kFloat, true},
                                                {"mode", AttributeKind::kString, true},
                                                {"norm_coefficient", AttributeKind::kFloat, true}};
constexpr OpVersion k1[] = {{1}};

// Inputs come as all X, all G, all V, …: kGroups lists of equal length; outputs as the new X, then the new state.
template <int kGroups>
void infer(InferContext& c) {
  const int tensors = c.input_count() - 2, count = tensors / kGroups;
  if (tensors < kGroups || tensors % kGroups != 0) c.fail("after R and T come " + std::to_string(kGroups) + " tensors for each parameter");
  if (c.output_count() != count * (kGroups - 1)) c.fail("there is not one output for every parameter and state");
  if (!is_float(c.input(0).dtype) || c.input(1).dtype != DType::kI64) c.fail("R is of a float type, T is i64");
  for (int i = 2; i < c.input_count(); ++i) {
    if (!is_float(c.input(i).dtype) || c.input(i).dtype != c.input(2 + (i - 2) % count).dtype)
      c.fail("a parameter's tensors have different element types");
  }
  for (int i = 0; i < c.output_count(); ++i) c.set(i, c.input(2 + (i < count ? i : i + count)));  // states follow the gradients
}

struct Step {
  Composer b;
  const Attributes& a;
  std::vector<ValueId> inputs;
  int64_t count;

  double number(const char* name, float fallback = 0) const { return static_cast<double>(a.get_float(name, fallback)); }
  ValueId tensor(int64_t group, int64_t i) const { return inputs[static_cast<size_t>(2 + group * count + i)]; }
  ValueId constant(ValueId like, double v) const { return omni::ops::number(b.g, like, v); }
  ValueId rate(ValueId like) const { return cast_to(b.g, inputs[0], b.g.type(like).dtype); }
  ValueId updates(ValueId like) const { return cast_to(b.g, inputs[1], b.g.type(like).dtype); }
  // T > 0 ? yes : no.
  ValueId started(ValueId yes, ValueId no) const { return b.where(b.g.add1(kGreater, {inputs[1], b.whole(0)}), yes, no); }
  ValueId gradient(int64_t i) const {
    const double norm = number("norm_coefficient");
    return norm == 0 ? tensor(1, i) : b.add(b.mul(tensor(0, i), norm), tensor(1, i));
  }
};

template <int kGroups>
Step step_of(Graph& g, const Node& n) {
  return {Composer(g), n.attributes, n.inputs, (static_cast<int64_t>(n.inputs.size()) - 2) / kGroups};
}

std::vector<ValueId> expand_adagrad(Graph& g, const Node& n) {
  const Step s = step_of<3>(g, n);
  const Composer& b = s.b;
  std::vector<ValueId> results(static_cast<size_t>(2 * s.count));
  for (int64_t i = 0; i < s.count; ++i) {
    const ValueId x = s.tensor(0, i), gradient = s.gradient(i);
    const ValueId rate = b.div(s.rate(x), b.add(b.mul(s.updates(x), s.number("decay_factor")), s.constant(x, 1)));
    const ValueId h = b.add(s.tensor(2, i), b.mul(gradient, gradient));
    const ValueId deviation = b.add(g.add1(kSqrt, {h}), s.constant(x, s.number("epsilon", 1e-6f)));
    results[static_cast<size_t>(i)] = b.sub(x, b.div(b.mul(gradient, rate), deviation));
    results[static_cast<size_t>(s.count + i)] = h;
  }
  return results;
}

std::vector<ValueId> expand_adam(Graph& g, const Node& n) {
  const Step s = step_of<4>(g, n);
  const Composer& b = s.b;
  const double alpha = s.number("alpha", 0.9f), beta = s.number("beta", 0.999f), post = s.number("norm_coefficient_post");
  std::vector<ValueId> results(static_cast<size_t>(3 * s.count));
  for (int64_t i = 0; i < s.count; ++i) {
    const ValueId x = s.tensor(0, i), gradient = s.gradient(i), one = s.constant(x, 1), t = s.updates(x);
    const ValueId v = b.add(b.mul(s.tensor(2, i), alpha), b.mul(gradient, 1 - alpha));
    const ValueId h = b.add(b.mul(s.tensor(3, i), beta), b.mul(b.mul(gradient, gradient), 1 - beta));
    const auto left = [&](double base) { return b.sub(one, g.add1(kPow, {s.constant(x, base), t})); };
    const ValueId rate = s.started(b.div(b.mul(s.rate(x), g.add1(kSqrt, {left(beta)})), left(alpha)), s.rate(x));
    const ValueId deviation = b.add(g.add1(kSqrt, {h}), s.constant(x, s.number("epsilon", 1e-6f)));
    const ValueId next = b.sub(x, b.div(b.mul(v, rate), deviation));
    results[static_cast<size_t>(i)] = post == 0 ? next : b.mul(next, 1 - post);
    results[static_cast<size_t>(s.count + i)] = v;
    results[static_cast<size_t>(2 * s.count + i)] = h;
  }
  return results;
}

void infer_momentum(InferContext& c) {
  const std::string_view mode = c.attributes.get_string("mode", "standard");
  if (mode != "standard" && mode != "nesterov") c.fail("mode " + quoted(mode) + " does not exist");
  infer<3>(c);
}

std::vector<ValueId> expand_momentum(Graph& g, const Node& n) {
  const Step s = step_of<3>(g, n);
  const Composer& b = s.b;
  const bool nesterov = n.attributes.get_string("mode", "standard") == "nesterov";
  const double alpha = s.number("alpha"), beta = s.number("beta");
  std::vector<ValueId> results(static_cast<size_t>(2 * s.count));
  for (int64_t i = 0; i < s.count; ++i) {
    const ValueId x = s.tensor(0, i), gradient = s.gradient(i);
    const ValueId share = s.started(s.constant(x, beta), s.constant(x, 1));
    const ValueId v = b.add(b.mul(s.tensor(2, i), alpha), b.mul(gradient, share));
    const ValueId move = nesterov ? b.add(gradient, b.mul(v, alpha)) : v;
    results[static_cast<size_t>(i)] = b.sub(x, b.mul(move, s.rate(x)));
    results[static_cast<size_t>(s.count + i)] = v;
  }
  return results;
}

constexpr OpDef row(std::string_view name, std::span<const AttributeDef> attributes, void (*infer_fn)(InferContext&),
                    std::vector<ValueId> (*expand)(Graph&, const Node&)) {
  return {.name = name,
          .domain = "ai.onnx.preview.training",
          .inputs = kInputs,
          .outputs = kOutputs,
          .attributes = attributes,
          .versions = k1,
          .traits = kStopsGradient,  // a step of training is not trained through
          .infer = infer_fn,
          .expand = expand};
}

}  // namespace

constinit const OpDef kPreviewAdagrad = row("Adagrad", kAdagradAttributes, infer<3>, expand_adagrad);
constinit const OpDef kPreviewAdam = row("Adam", kAdamAttributes, infer<4>, expand_adam);
constinit const OpDef kPreviewMomentum = row("Momentum", kMomentumAttributes, infer_momentum, expand_momentum);

}  // namespace omni::ops
