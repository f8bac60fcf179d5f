// Scan (ai.onnx): a body run over the slices of its inputs, states carried, outputs stacked. Since opset 9; that of opset 8, over whole batches, is
// ai.omni.BatchedScan, which is one Scan over the batch around another over the sequence.
#include <algorithm>

#include "core/error.h"
#include "ops/sequence/pieces.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"initial_state_and_scan_inputs", kVariadic}};
constexpr Formal kBatchedInputs[] = {{"sequence_lens", kOptional}, {"initial_state_and_scan_inputs", kVariadic}};
constexpr Formal kOutputs[] = {{"final_state_and_scan_outputs", kVariadic}};
constexpr std::string_view kBodies[] = {"body"};
constexpr AttributeDef kAttributes[] = {{"num_scan_inputs", AttributeKind::kInt, true},
                                        {"scan_input_axes", AttributeKind::kInts},
                                        {"scan_input_directions", AttributeKind::kInts},
                                        {"scan_output_axes", AttributeKind::kInts},
                                        {"scan_output_directions", AttributeKind::kInts}};
constexpr AttributeDef kBatchedAttributes[] = {{"num_scan_inputs", AttributeKind::kInt, true}, {"directions", AttributeKind::kInts}};

void upgrade_from_8(Graph&, NodeDraft& draft) { draft.op = &kBatchedScan; }

constexpr OpVersion kVersions[] = {{25}, {24}, {23}, {21}, {19}, {16}, {11}, {9}, {8, upgrade_from_8}};

// How the inputs and outputs are divided.
struct Parts {
  int states = 0, scanned = 0, outputs = 0;  // outputs: stacked ones
};

std::vector<int64_t> per(const Attributes& a, const char* name, int count) {
  std::vector<int64_t> list = a.get_ints(name);
  if (list.empty()) list.assign(static_cast<size_t>(count), 0);
  return list;
}

// Inputs are those without sequence_lens.
Parts parts_of(const InferContext& c, int inputs) {
  const Graph& body = *c.bodies()[0];
  Parts p;
  const int64_t wanted = c.attributes.get_int("num_scan_inputs", 0);
  if (wanted < 1 || wanted > inputs) c.fail("num_scan_inputs is " + std::to_string(wanted) + " of " + std::to_string(inputs) + " inputs");
  p.scanned = static_cast<int>(wanted);
  p.states = inputs - p.scanned;
  p.outputs = static_cast<int>(body.outputs().size()) - p.states;
  if (static_cast<int>(body.inputs().size()) < inputs) c.fail("its body takes fewer values than are given");
  if (p.outputs < 0) c.fail("its body gives fewer values than there are states");
  if (c.output_count() > p.states + p.outputs) c.fail("more outputs than the body gives");
  return p;
}

void check_lists(const InferContext& c, const Parts& p) {
  const auto check = [&](const char* name, int count) {
    const std::vector<int64_t> list = c.attributes.get_ints(name);
    if (!list.empty() && static_cast<int>(list.size()) != count) {
      c.fail(std::string(name) + " has " + std::to_string(list.size()) + " elements, needs " + std::to_string(count));
    }
    if (std::string_view(name).ends_with("directions")) {
      for (const int64_t d : list) {
        if (d != 0 && d != 1) c.fail("a direction is 0 or 1");
      }
    }
  };
  check("scan_input_axes", p.scanned);
  check("scan_input_directions", p.scanned);
  check("scan_output_axes", p.outputs);
  check("scan_output_directions", p.outputs);
}

void check_state(const InferContext& c, const Graph& body, int i, const Type& state) {
  const Type &formal = body.type(body.inputs()[static_cast<size_t>(i)]), &given = body.type(body.outputs()[static_cast<size_t>(i)]);
  if (formal.dtype != state.dtype || given.dtype != state.dtype) c.fail("state " + std::to_string(i) + " changes its type");
  if (state.kind != TypeKind::kTensor || formal.kind != TypeKind::kTensor || given.kind != TypeKind::kTensor) c.fail("a state must be a tensor");
}

void infer(InferContext& c) {
  const Graph& body = *c.bodies()[0];
  const Parts p = parts_of(c, c.input_count());
  check_lists(c, p);
  for (int i = 0; i < c.input_count(); ++i) {
    if (!c.has_input(i)) c.fail("an input is missing");
  }
  std::optional<Dim> length;
  const std::vector<int64_t> axes = per(c.attributes, "scan_input_axes", p.scanned), out_axes = per(c.attributes, "scan_output_axes", p.outputs);
  for (int i = 0; i < p.scanned; ++i) {
    const Type& t = c.input(p.states + i);
    if (t.kind != TypeKind::kTensor || dtype_bits(t.dtype) == 4) c.fail("a scanned input must be a tensor of more than 4 bits an element");
    if (body.type(body.inputs()[static_cast<size_t>(p.states + i)]).dtype != t.dtype) c.fail("its body takes another type than is scanned");
    if (!t.ranked) continue;
    const Dim size = t.dim(c.axis(axes[static_cast<size_t>(i)], t.rank()));
    if (length && length->is_constant() && size.is_constant() && *length != size) c.fail("the scanned inputs have different lengths");
    if (!length || size.is_constant()) length = size;
  }
  for (int i = 0; i < p.states; ++i) {
    check_state(c, body, i, c.input(i));
    if (c.wants_output(i)) c.set(i, merge_types(c.input(i), type_of(body, body.outputs()[static_cast<size_t>(i)], c.dims), c.dims));
  }
  for (int i = 0; i < p.outputs; ++i) {
    Type t = type_of(body, body.outputs()[static_cast<size_t>(p.states + i)], c.dims);
    if (t.kind != TypeKind::kTensor) c.fail("a scan output must be a tensor");
    if (!c.wants_output(p.states + i)) continue;
    if (t.ranked) {
      if (t.rank() == Shape::kMaxRank) c.fail("a scan output of rank 8 cannot be stacked");
      for (Dim& d : t.dims) {
        if (!d.is_constant()) d = c.dims.fresh();
      }
      t.dims.insert(t.dims.begin() + c.axis(out_axes[static_cast<size_t>(i)], t.rank() + 1), length.value_or(c.dims.fresh()));
    }
    c.set(p.states + i, t);
  }
}

int at_axis(int64_t axis, int rank) { return static_cast<int>(axis < 0 ? axis + rank : axis); }

class ScanRun {
 public:
  ScanRun(const PlannedNode& n, std::span<const Tensor> inputs, BodyRunner& bodies, StatusSlot& status) : n_(n), bodies_(bodies), status_(status) {
    scanned_ = static_cast<size_t>(n.attributes.get_int("num_scan_inputs", 1));
    states_.assign(inputs.begin(), inputs.end() - static_cast<ptrdiff_t>(scanned_));
    for (Tensor& t : states_) t = t.kept();
    sources_ = inputs.subspan(inputs.size() - scanned_);
    outputs_.resize(bodies.graph(0).outputs().size() - states_.size());
    axes_ = per(n.attributes, "scan_input_axes", static_cast<int>(scanned_));
  }

  std::vector<Tensor> run() {
    const std::vector<int64_t> directions = per(n_.attributes, "scan_input_directions", static_cast<int>(scanned_));
    if (!find_length()) return {};
    for (int64_t t = 0; t < length_; ++t) {
      std::vector<Tensor> formal = states_;
      for (size_t i = 0; i < scanned_; ++i) formal.push_back(slice(i, directions[i] != 0 ? length_ - 1 - t : t));
      std::vector<Tensor> given = bodies_.run(0, formal);
      for (size_t i = 0; i < states_.size(); ++i) states_[i] = std::move(given[i]);
      for (size_t i = 0; i < outputs_.size(); ++i) outputs_[i].push_back(std::move(given[states_.size() + i]));
    }
    return results();
  }

 private:
  bool find_length() {
    for (size_t i = 0; i < scanned_; ++i) {
      const Shape& shape = sources_[i].shape();
      const int axis = at_axis(axes_[i], shape.rank());
      if (axis < 0 || axis >= shape.rank()) {
        status_.fail(0, "an input of a Scan lacks the axis it is scanned along (axis, rank)", axes_[i], shape.rank());
        return false;
      }
      if (i > 0 && shape[axis] != length_) {
        status_.fail(0, "the inputs of a Scan have different lengths", length_, shape[axis]);
        return false;
      }
      length_ = shape[axis];
    }
    return true;
  }

  Tensor slice(size_t i, int64_t at) const {
    const int axis = at_axis(axes_[i], sources_[i].shape().rank());
    const Tensor piece = cut_axis(sources_[i], axis, at, 1);
    std::vector<int64_t> dims(piece.shape().begin(), piece.shape().end());
    dims.erase(dims.begin() + axis);
    return piece.reshaped(Shape(std::span<const int64_t>(dims)));
  }

  std::vector<Tensor> results() {
    const Graph& body = bodies_.graph(0);
    const std::vector<int64_t> axes = per(n_.attributes, "scan_output_axes", static_cast<int>(outputs_.size()));
    const std::vector<int64_t> directions = per(n_.attributes, "scan_output_directions", static_cast<int>(outputs_.size()));
    std::vector<Tensor> out = std::move(states_);
    const size_t states = out.size();
    for (size_t i = 0; i < outputs_.size(); ++i) {
      std::vector<Tensor>& pieces = outputs_[i];
      if (directions[i] != 0) std::reverse(pieces.begin(), pieces.end());
      const bool none = pieces.empty();
      if (none) {  // the shape that one would have, as far as the body tells
        const Type& type = body.type(body.outputs()[states + i]);
        std::vector<int64_t> dims;
        for (const Dim d : type.dims) dims.push_back(d.is_constant() ? d.value : 0);
        const Shape shape((std::span<const int64_t>(dims)));
        pieces.push_back(type.dtype == DType::kString ? Tensor::strings(shape, std::vector<std::string>(static_cast<size_t>(shape.count())))
                                                      : Tensor(type.dtype, shape));
      }
      const int axis = at_axis(axes[i], pieces[0].shape().rank() + 1);
      if (const char* problem = join_problem(pieces, axis, true); *problem != '\0') {
        status_.fail(0, problem);
        return {};
      }
      out.push_back(stack_axis(pieces, axis));
      if (none) out.back() = cut_axis(out.back(), axis, 0, 0);
    }
    return out;
  }

  const PlannedNode& n_;
  BodyRunner& bodies_;
  StatusSlot& status_;
  size_t scanned_ = 0;
  int64_t length_ = 0;
  std::vector<Tensor> states_;
  std::span<const Tensor> sources_;
  std::vector<std::vector<Tensor>> outputs_;  // of each scan output, by iteration
  std::vector<int64_t> axes_;
};

std::vector<Tensor> control(const PlannedNode& n, std::span<const Tensor> inputs, BodyRunner& bodies, StatusSlot& status) {
  return ScanRun(n, inputs, bodies, status).run();
}

// Everything has the batch first, scanned values the sequence second.
void infer_batched(InferContext& c) {
  const Graph& body = *c.bodies()[0];
  if (c.has_input(0)) c.fail("sequences of different lengths in one batch (Scan of opset 8)", "export the model with opset 9 or newer");
  const Parts p = parts_of(c, c.input_count() - 1);
  const std::vector<int64_t> directions = c.attributes.get_ints("directions");
  if (!directions.empty() && static_cast<int>(directions.size()) != p.scanned) c.fail("directions must have one element a scanned input");
  for (int i = 0; i < p.states; ++i) {
    if (!c.has_input(i + 1)) c.fail("an input is missing");
    check_state(c, body, i, c.input(i + 1));
    if (c.wants_output(i)) c.set(i, c.input(i + 1));
  }
  Dim batch = c.dims.fresh(), length = c.dims.fresh();
  for (int i = 0; i < p.scanned; ++i) {
    if (!c.has_input(i + 1 + p.states)) c.fail("an input is missing");
    const Type& t = c.input(i + 1 + p.states);
    if (!t.ranked) continue;
    if (t.rank() < 2) c.fail("a scanned input needs a batch and a sequence");
    batch = t.dim(0);
    length = t.dim(1);
  }
  for (int i = 0; i < p.outputs; ++i) {
    Type t = type_of(body, body.outputs()[static_cast<size_t>(p.states + i)], c.dims);
    if (!c.wants_output(p.states + i)) continue;
    if (t.ranked && t.rank() > Shape::kMaxRank - 2) c.fail("a scan output of that rank cannot be stacked");
    if (t.ranked) t.dims.insert(t.dims.begin(), {batch, length});
    c.set(p.states + i, t);
  }
}

Type without_front(const Type& t, int count) {
  Type out = t;
  if (t.ranked) out.dims.erase(out.dims.begin(), out.dims.begin() + count);
  return out;
}

// Scan over the batch; its body is the Scan over the sequence, whose body is the old one. What that captures goes through.
std::vector<ValueId> expand_batched(Graph& graph, const Node& n) {
  const Graph& body = *n.bodies[0];
  const auto own = static_cast<size_t>(n.own_inputs());
  const auto scanned = static_cast<size_t>(n.attributes.get_int("num_scan_inputs", 1));
  const size_t states = own - 1 - scanned;
  auto middle = std::make_unique<Graph>("batch", graph.dim_table());
  std::vector<ValueId> inner;
  for (size_t i = 1; i < n.inputs.size(); ++i) {
    const Type& t = graph.type(n.inputs[i]);
    inner.push_back(middle->add_input(graph.value(n.inputs[i]).name, i < own ? without_front(t, 1) : t));
  }
  Attributes attributes{{"num_scan_inputs", static_cast<int64_t>(scanned)}};
  if (const std::vector<int64_t> directions = n.attributes.get_ints("directions"); !directions.empty())
    attributes.set("scan_input_directions", directions);
  AddOptions options{.output_count = static_cast<int>(body.outputs().size())};
  options.bodies.push_back(std::make_unique<Graph>(body.clone(graph.dim_table())));
  options.captures = n.captures;
  middle->set_outputs(middle->add(kScan, inner, attributes, std::move(options)));
  AddOptions outer{.name = n.name, .output_count = static_cast<int>(n.outputs.size())};
  outer.bodies.push_back(std::move(middle));
  outer.captures = n.captures;
  return graph.add(kScan, {n.inputs.begin() + 1, n.inputs.end()}, {{"num_scan_inputs", static_cast<int64_t>(states + scanned)}}, std::move(outer));
}

}  // namespace

constinit const OpDef kScan = {.name = "Scan",
                               .inputs = kInputs,
                               .outputs = kOutputs,
                               .attributes = kAttributes,
                               .bodies = kBodies,
                               .versions = kVersions,
                               .traits = kControlFlow | kDataDependent,
                               .infer = infer,
                               .control = control};

constinit const OpDef kBatchedScan = {.name = "BatchedScan",
                                      .domain = "ai.omni",
                                      .inputs = kBatchedInputs,
                                      .outputs = kOutputs,
                                      .attributes = kBatchedAttributes,
                                      .bodies = kBodies,
                                      .traits = kControlFlow | kDataDependent,
                                      .infer = infer_batched,
                                      .expand = expand_batched};

}  // namespace omni::ops
