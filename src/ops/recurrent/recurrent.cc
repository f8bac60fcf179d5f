#include "ops/recurrent/recurrent.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/error.h"

namespace omni::ops {

namespace {

using kernels::CellActivation;
using kernels::CellFunction;
using kernels::CellKind;
using kernels::RecurrentShape;

struct Activation {
  std::string_view name;  // in lower case
  CellActivation kind;
  bool has_alpha, has_beta;
  float alpha, beta;  // where the model gives none
};

constexpr Activation kActivations[] = {{"relu", CellActivation::kRelu, false, false, 0, 0},
                                       {"tanh", CellActivation::kTanh, false, false, 0, 0},
                                       {"sigmoid", CellActivation::kSigmoid, false, false, 0, 0},
                                       {"affine", CellActivation::kAffine, true, true, 1, 0},
                                       {"leakyrelu", CellActivation::kLeakyRelu, true, false, 0.01f, 0},
                                       {"thresholdedrelu", CellActivation::kThresholdedRelu, true, false, 1, 0},
                                       {"scaledtanh", CellActivation::kScaledTanh, true, true, 1, 1},
                                       {"hardsigmoid", CellActivation::kHardSigmoid, true, true, 0.2f, 0.5f},
                                       {"elu", CellActivation::kElu, true, false, 1, 0},
                                       {"softsign", CellActivation::kSoftsign, false, false, 0, 0},
                                       {"softplus", CellActivation::kSoftplus, false, false, 0, 0}};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

constexpr int64_t kMostElements = int64_t{1} << 40;

int64_t gates_of(CellKind kind) { return kind == CellKind::kRnn ? 1 : kind == CellKind::kGru ? 3 : 4; }
int functions_of(CellKind kind) { return kind == CellKind::kRnn ? 1 : kind == CellKind::kGru ? 2 : 3; }
std::string_view default_function(CellKind kind, int i) { return kind != CellKind::kRnn && i == 0 ? "Sigmoid" : "Tanh"; }

struct Wishes {
  std::string problem;  // "" when fine
  int directions = 1;
  bool reverse = false;
  CellFunction functions[2][3];
};

// The activations in order, each taking the next alpha and beta if it has one.
void read_functions(const Attributes& a, CellKind kind, Wishes& w) {
  std::vector<std::string> names;
  if (const AttributeValue* list = a.find("activations")) {
    if (const auto* strings = std::get_if<std::vector<std::string>>(list)) names = *strings;
  }
  const int each = functions_of(kind);
  if (names.empty()) {
    for (int i = 0; i < each * w.directions; ++i) names.emplace_back(default_function(kind, i % each));
  }
  if (static_cast<int>(names.size()) != each * w.directions) {
    w.problem = std::to_string(names.size()) + " activations, it has " + std::to_string(each) + " a direction";
    return;
  }
  const std::vector<float> alphas = a.get_floats("activation_alpha"), betas = a.get_floats("activation_beta");
  size_t next_alpha = 0, next_beta = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string name = lower(names[i]);
    const auto found = std::find_if(std::begin(kActivations), std::end(kActivations), [&](const Activation& x) { return x.name == name; });
    if (found == std::end(kActivations)) {
      w.problem = "the activation " + quoted(names[i]) + " is not known";
      return;
    }
    CellFunction& f = w.functions[i / static_cast<size_t>(each)][i % static_cast<size_t>(each)];
    f = {found->kind, found->alpha, found->beta};
    if (found->has_alpha && next_alpha < alphas.size()) f.alpha = alphas[next_alpha++];
    if (found->has_beta && next_beta < betas.size()) f.beta = betas[next_beta++];
  }
}

Wishes read_wishes(const Attributes& a, CellKind kind) {
  Wishes w;
  const std::string_view direction = a.get_string("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    w.problem = "the direction " + quoted(direction) + " is not known";
    return w;
  }
  w.directions = direction == "bidirectional" ? 2 : 1;
  w.reverse = direction == "reverse";
  read_functions(a, kind, w);
  if (w.problem.empty() && !(a.get_float("clip", 0) >= 0)) w.problem = "a negative clip";
  return w;
}

bool differ(Dim a, Dim b) { return a.is_constant() && b.is_constant() && a != b; }

// Expected dimensions of an optional input.
void expect_dims(const InferContext& c, int i, std::initializer_list<Dim> dims, std::string_view what) {
  if (!c.has_input(i) || !c.input(i).ranked) return;
  const std::vector<Dim>& is = c.input(i).dims;
  bool fits = is.size() == dims.size();
  for (size_t k = 0; fits && k < is.size(); ++k) fits = !differ(is[k], dims.begin()[k]);
  if (!fits) c.fail("its " + std::string(what) + " does not fit X, W and R");
}

void check_types(const InferContext& c) {
  for (int i = 0; i < c.input_count(); ++i) {
    if (!c.has_input(i)) continue;
    if (i == kLengths) {
      if (c.input(i).dtype != DType::kI32) c.fail("the sequence lengths must be i32");
    } else if (c.input(i).dtype != c.input(kX).dtype || !is_float(c.input(i).dtype)) {
      c.fail("the inputs must be of one float type");
    }
  }
}

}  // namespace

void infer_recurrent(InferContext& c, CellKind kind) {
  check_types(c);
  const Wishes wishes = read_wishes(c.attributes, kind);
  if (!wishes.problem.empty()) c.fail(wishes.problem);
  const int64_t directions = wishes.directions, gates = gates_of(kind);
  const bool batch_first = c.attributes.get_int("layout", 0) != 0;
  for (const int i : {kX, kW, kR}) {
    if (c.input(i).ranked && c.input(i).rank() != 3) c.fail("X, W and R must have rank 3");
  }
  const Type &x = c.input(kX), &r = c.input(kR);
  const Dim steps = x.ranked ? x.dim(batch_first ? 1 : 0) : c.dims.fresh(), batch = x.ranked ? x.dim(batch_first ? 0 : 1) : c.dims.fresh();
  Dim hidden = r.ranked ? r.dim(2) : c.dims.fresh();
  if (const int64_t declared = c.attributes.get_int("hidden_size", 0); declared != 0) {
    if (declared < 0 || differ(hidden, declared)) c.fail("hidden_size is " + std::to_string(declared) + ", R has another size");
    if (!hidden.is_constant()) hidden = declared;
  }
  const Dim width = c.dims.mul(gates, hidden);
  expect_dims(c, kW, {directions, width, x.ranked ? x.dim(2) : c.dims.fresh()}, "W");
  expect_dims(c, kR, {directions, width, hidden}, "R");
  expect_dims(c, kB, {directions, c.dims.mul(2, width)}, "B");
  expect_dims(c, kLengths, {batch}, "sequence_lens");
  const std::array<Dim, 3> state = batch_first ? std::array<Dim, 3>{batch, directions, hidden} : std::array<Dim, 3>{directions, batch, hidden};
  expect_dims(c, kInitialH, {state[0], state[1], state[2]}, "initial_h");
  expect_dims(c, kInitialC, {state[0], state[1], state[2]}, "initial_c");
  expect_dims(c, kPeepholes, {directions, c.dims.mul(3, hidden)}, "P");
  const DType t = x.dtype;
  if (c.wants_output(0)) {
    c.set(0, batch_first ? Type(t, std::vector<Dim>{batch, steps, directions, hidden}) : Type(t, std::vector<Dim>{steps, directions, batch, hidden}));
  }
  for (int i = 1; i < 3; ++i) {
    if (c.wants_output(i)) c.set(i, Type(t, std::vector<Dim>{state[0], state[1], state[2]}));
  }
}

RecurrentShape recurrent_shape(const PlannedNode& n, CellKind kind) {
  if (n.input(kX).dtype != DType::kF32) n.unsupported("no kernel for this element type");
  const Wishes wishes = read_wishes(n.attributes, kind);
  if (!wishes.problem.empty()) n.unsupported(wishes.problem);
  const Shape &x = n.input(kX).shape, &w = n.input(kW).shape, &r = n.input(kR).shape;
  if (x.rank() != 3 || w.rank() != 3 || r.rank() != 3) n.unsupported("X, W and R must have rank 3");
  RecurrentShape s;
  s.isa = n.isa;
  s.kind = kind;
  s.batch_first = n.attributes.get_int("layout", 0) != 0;
  s.steps = x[s.batch_first ? 1 : 0];
  s.batch = x[s.batch_first ? 0 : 1];
  s.inputs = x[2];
  s.hidden = r[2];
  s.directions = wishes.directions;
  s.reverse = wishes.reverse;
  std::copy(&wishes.functions[0][0], &wishes.functions[0][0] + 6, &s.functions[0][0]);
  s.clip = n.attributes.get_float("clip", 0);
  s.input_forget = n.attributes.get_int("input_forget", 0) != 0;
  s.linear_before_reset = n.attributes.get_int("linear_before_reset", 0) != 0;
  const int64_t d = s.directions, width = s.width();
  const int64_t sizes[] = {std::max<int64_t>(1, s.steps), std::max<int64_t>(1, s.batch), std::max<int64_t>(1, width + s.inputs)};
  const std::optional<int64_t> work = checked_count(sizes);
  if (!work || *work > kMostElements) n.unsupported("its gates do not fit into any memory");
  const Shape state = s.batch_first ? Shape{s.batch, d, s.hidden} : Shape{d, s.batch, s.hidden};
  const Shape expected[kRecurrentInputs] = {x,     {d, width, s.inputs}, {d, width, s.hidden}, {d, 2 * width}, {s.batch}, state,
                                            state, {d, 3 * s.hidden}};
  for (int i = 0; i < kRecurrentInputs; ++i) {
    if (n.has_input(i) && !(n.input(i).shape == expected[i])) {
      n.unsupported("input " + quoted(n.op.input_formal(i).name) + " is " + n.input(i).shape.text() + ", expected " + expected[i].text());
    }
  }
  return s;
}

kernels::RecurrentArgs recurrent_args(const KernelArgs& k) {
  const auto input = [&](size_t i) { return i < k.inputs.size() ? k.inputs[i].as<float>() : nullptr; };
  kernels::RecurrentArgs a;
  a.x = input(kX);
  a.w = input(kW);
  a.r = input(kR);
  a.b = input(kB);
  if (k.inputs.size() > kLengths) a.lengths = k.inputs[kLengths].as<int32_t>();
  a.h0 = input(kInitialH);
  a.c0 = input(kInitialC);
  a.p = input(kPeepholes);
  a.scratch = k.scratch;
  return a;
}

void recurrent_outputs(const KernelArgs& k, kernels::RecurrentArgs& args) {
  const auto output = [&](size_t i) { return i < k.outputs.size() ? k.outputs[i].as<float>() : nullptr; };
  args.y = output(0);
  args.y_h = output(1);
  args.y_c = output(2);
}

Cost recurrent_cost(const PlannedNode& n, CellKind kind) {
  const RecurrentShape s = recurrent_shape(n, kind);
  return {2 * s.directions * s.steps * s.batch * s.width() * (s.inputs + s.hidden), 0};
}

namespace {

struct Params {
  RecurrentShape shape;
  Tensor packed[2];  // of each direction; empty where the weights may change
};

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  kernels::RecurrentArgs a = recurrent_args(k);
  for (int d = 0; d < 2; ++d) a.packed[d] = p.packed[d].bytes() > 0 ? p.packed[d].view().as<float>() : nullptr;
  recurrent_outputs(k, a);
  kernels::recurrent(p.shape, a, *k.pool, *k.status);
}

}  // namespace

Binding bind_recurrent(const PlannedNode& n, CellKind kind) {
  auto p = std::make_shared<Params>();
  p->shape = recurrent_shape(n, kind);
  const RecurrentShape& s = p->shape;
  const Tensor *const w = n.input(kW).constant, *const r = n.input(kR).constant;
  const size_t bytes = kernels::packed_recurrent_bytes(s);
  const bool packed = w != nullptr && r != nullptr && bytes > 0;
  for (int d = 0; packed && d < s.directions; ++d) {
    p->packed[d] = Tensor(DType::kU8, Shape{static_cast<int64_t>(bytes)});
    kernels::pack_recurrent(s, w->view().as<float>() + d * s.width() * s.inputs, r->view().as<float>() + d * s.width() * s.hidden,
                            static_cast<float*>(p->packed[d].mutable_data()));
  }
  return {run, p, kernels::recurrent_scratch_bytes(s, packed)};
}

std::vector<ValueId> recurrent_gradient(GradContext& c, const OpDef& op) {
  std::vector<ValueId> inputs;
  for (int i = 0; i < kRecurrentInputs; ++i) inputs.push_back(c.input(i));
  for (int i = 0; i < 3; ++i) inputs.push_back(i < static_cast<int>(c.output_grads.size()) ? c.grad(i) : kNone);
  std::vector<std::string> names(kRecurrentInputs);
  for (int i = 0; i < kRecurrentInputs; ++i) {
    if (i != kLengths && c.wants(i)) names[static_cast<size_t>(i)] = "d" + std::string(op.inputs[static_cast<size_t>(i)].name);
  }
  while (!names.empty() && names.back().empty()) names.pop_back();
  std::vector<ValueId> grads(c.node.inputs.size(), kNone);
  if (names.empty()) return grads;
  const std::vector<ValueId> made = c.graph.add(op, inputs, c.node.attributes, {.output_names = names});
  std::copy(made.begin(), made.end(), grads.begin());
  return grads;
}

}  // namespace omni::ops
