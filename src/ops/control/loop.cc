// Loop (ai.onnx): a body run at most `M` times, while its condition holds; carried values, and outputs stacked over the iterations.
#include "core/error.h"
#include "ops/sequence/pieces.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"M", kOptional}, {"cond", kOptional}, {"v_initial", kVariadic | kOptional}};
constexpr Formal kOutputs[] = {{"v_final_and_scan_outputs", kVariadic | kOptional}};
constexpr std::string_view kBodies[] = {"body"};
constexpr OpVersion kVersions[] = {{25}, {24}, {23}, {21}, {19}, {16}, {13}, {11}, {1}};

// Of an optional the carried value may be either form of it.
bool same_kind(TypeKind a, TypeKind b) {
  const auto sequence = [](TypeKind k) { return k == TypeKind::kSequence || k == TypeKind::kOptionalSequence; };
  return sequence(a) == sequence(b);
}

void infer(InferContext& c) {
  const Graph& body = *c.bodies()[0];
  const int carried = std::max(0, c.input_count() - 2), outputs = static_cast<int>(body.outputs().size());
  const auto given_as = [&](int i, DType t) { return !c.has_input(i) || (c.input(i).dtype == t && c.input(i).kind == TypeKind::kTensor); };
  if (!given_as(0, DType::kI64)) c.fail("the trip count must be i64");
  if (!given_as(1, DType::kBool)) c.fail("the condition must be bool");
  if (static_cast<int>(body.inputs().size()) < 2 + carried) c.fail("its body takes fewer values than are carried");
  if (outputs < 1 + carried) c.fail("its body gives " + std::to_string(outputs) + " values, needs the condition and " + std::to_string(carried));
  if (c.output_count() > outputs - 1) c.fail("more outputs than the body gives");
  const auto is = [&](ValueId id, DType t) { return body.type(id).dtype == t && body.type(id).kind == TypeKind::kTensor; };
  if (!is(body.inputs()[0], DType::kI64) || !is(body.inputs()[1], DType::kBool) || !is(body.outputs()[0], DType::kBool)) {
    c.fail("its body must take an i64 and a bool and give a bool first");
  }
  for (int i = 0; i < outputs - 1; ++i) {
    const Type given = type_of(body, body.outputs()[static_cast<size_t>(i) + 1], c.dims);
    if (i < carried) {
      if (!c.has_input(i + 2)) c.fail("carried value " + std::to_string(i) + " is missing");
      const Type& initial = c.input(i + 2);
      const Type& formal = body.type(body.inputs()[static_cast<size_t>(i) + 2]);
      if (given.dtype != initial.dtype || formal.dtype != initial.dtype || !same_kind(given.kind, initial.kind) ||
          !same_kind(formal.kind, initial.kind)) {
        c.fail("carried value " + std::to_string(i) + " changes its type");
      }
      Type out = merge_types(given, initial, c.dims);
      out.kind = given.kind == initial.kind                                             ? given.kind
                 : given.kind == TypeKind::kTensor || given.kind == TypeKind::kOptional ? TypeKind::kOptional
                                                                                        : TypeKind::kOptionalSequence;
      if (c.wants_output(i)) c.set(i, out);
      continue;
    }
    if (given.kind != TypeKind::kTensor) c.fail("a scan output must be a tensor");
    if (given.ranked && given.rank() == Shape::kMaxRank) c.fail("a scan output of rank 8 cannot be stacked");
    if (!c.wants_output(i)) continue;
    if (!given.ranked) {
      c.set(i, Type::unranked(given.dtype));
      continue;
    }
    std::vector<Dim> dims = given.dims;
    for (Dim& d : dims) {
      if (!d.is_constant()) d = c.dims.fresh();  // a size of the body is of one iteration
    }
    dims.insert(dims.begin(), c.dims.fresh());
    c.set(i, Type(given.dtype, std::move(dims)));
  }
}

// A formal of one element, in the shape that the body declares for it.
Tensor one_element(Tensor t, const Graph& body, size_t i) {
  const Type& type = body.type(body.inputs()[i]);
  if (!type.ranked || type.rank() == t.shape().rank()) return t;
  std::vector<int64_t> ones(static_cast<size_t>(type.rank()), 1);
  return t.reshaped(Shape(std::span<const int64_t>(ones)));
}

// What no iteration gave.
Tensor nothing_scanned(const Graph& body, size_t output) {
  const Type& type = body.type(body.outputs()[output]);
  std::vector<int64_t> dims = {0};
  for (const Dim d : type.dims) dims.push_back(d.is_constant() ? d.value : 0);
  const Shape shape((std::span<const int64_t>(dims)));
  return type.dtype == DType::kString ? Tensor::strings(shape, {}) : Tensor(type.dtype, shape);
}

// The condition that a body gives back is the one it got, or constant: it never ends by itself.
bool never_ends(const Graph& body) {
  const ValueId cond = body.outputs()[0];
  const Value* v = &body.value(cond);
  while (v->producer != kNone && body.node(v->producer).op == &kIdentity) v = &body.value(body.node(v->producer).inputs[0]);
  if (v->kind == ValueKind::kConstant) return v->data.count() == 1 && *static_cast<const uint8_t*>(v->data.data()) != 0;
  return v == &body.value(body.inputs()[1]);
}

class LoopRun {
 public:
  LoopRun(std::span<const Tensor> inputs, bool has_trips, bool has_condition, BodyRunner& bodies, StatusSlot& status)
      : bodies_(bodies), body_(bodies.graph(0)), status_(status) {
    if (has_trips)
      trips_ = one(inputs[0], "the trip count of a Loop must be one element (elements)") ? *static_cast<const int64_t*>(inputs[0].data()) : 0;
    if (has_condition) {
      condition_ = one(inputs[1], "the condition of a Loop must be one element (elements)") && *static_cast<const uint8_t*>(inputs[1].data()) != 0;
    }
    for (size_t i = 2; i < inputs.size(); ++i) carried_.push_back(inputs[i].kept());
    scanned_.resize(body_.outputs().size() - 1 - carried_.size());
    if (!has_trips && condition_ && never_ends(body_)) status.fail(0, "a Loop without a trip count whose condition never changes");
  }

  std::vector<Tensor> run() {
    for (int64_t i = 0; status_.status().ok() && condition_ && i < trips_; ++i) step(i);
    if (!status_.status().ok()) return {};
    std::vector<Tensor> results = std::move(carried_);
    const size_t carried = results.size();
    for (size_t s = 0; s < scanned_.size(); ++s) {
      if (scanned_[s].empty()) {
        results.push_back(nothing_scanned(body_, 1 + carried + s));
        continue;
      }
      if (const char* problem = join_problem(scanned_[s], 0, true); *problem != '\0') {
        status_.fail(0, problem);
        return {};
      }
      results.push_back(stack_axis(scanned_[s], 0));
    }
    return results;
  }

 private:
  bool one(const Tensor& t, const char* problem) {
    if (t.count() == 1) return true;
    status_.fail(0, problem, t.count());
    return false;
  }

  void step(int64_t i) {
    std::vector<Tensor> formal = {one_element(Tensor::scalar(i), body_, 0), one_element(Tensor::of<bool>(Shape{}, {true}), body_, 1)};
    formal.insert(formal.end(), carried_.begin(), carried_.end());
    std::vector<Tensor> given = bodies_.run(0, formal);
    if (!one(given[0], "the condition that the body of a Loop gives must be one element (elements)")) return;
    condition_ = *static_cast<const uint8_t*>(given[0].data()) != 0;
    for (size_t k = 0; k < carried_.size(); ++k) carried_[k] = std::move(given[k + 1]);
    for (size_t k = 0; k < scanned_.size(); ++k) scanned_[k].push_back(std::move(given[k + 1 + carried_.size()]));
  }

  BodyRunner& bodies_;
  const Graph& body_;
  StatusSlot& status_;
  int64_t trips_ = INT64_MAX;
  bool condition_ = true;
  std::vector<Tensor> carried_;
  std::vector<std::vector<Tensor>> scanned_;  // of each scan output, by iteration
};

std::vector<Tensor> control(const PlannedNode& n, std::span<const Tensor> inputs, BodyRunner& bodies, StatusSlot& status) {
  return LoopRun(inputs, n.has_input(0), n.has_input(1), bodies, status).run();
}

}  // namespace

constinit const OpDef kLoop = {.name = "Loop",
                               .inputs = kInputs,
                               .outputs = kOutputs,
                               .bodies = kBodies,
                               .versions = kVersions,
                               .traits = kControlFlow | kDataDependent,
                               .infer = infer,
                               .control = control};

}  // namespace omni::ops
