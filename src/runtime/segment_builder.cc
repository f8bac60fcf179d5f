#include "runtime/segment_builder.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "ops/bind_node.h"

namespace omni::runtime {

namespace {

// A value of more elements is refused; below it sums of sizes cannot overflow.
constexpr int64_t kMaxElements = int64_t{1} << 44;

std::string name_of(const Graph& graph, const Node& node) {
  if (!node.name.empty()) return node.name;
  const auto named = std::find_if(node.outputs.begin(), node.outputs.end(), [](ValueId id) { return id != kNone; });
  return named == node.outputs.end() ? std::string() : graph.value(*named).name;
}

std::string where_of(const Graph& graph, const Node& node) { return op_text(*node.op) + " node " + quoted(name_of(graph, node)); }

bool all_concrete(const Contents& contents) {
  return std::all_of(contents.begin(), contents.end(), [](Dim d) { return d.is_constant(); });
}

// The tensor that a value with these contents is.
Tensor contents_tensor(const ValueState& v) {
  Tensor t(v.dtype, v.shape);
  for (size_t i = 0; i < v.contents->size(); ++i) {
    const int64_t x = (*v.contents)[i].value;
    switch (v.dtype) {
      case DType::kI64: t.mutable_values<int64_t>()[i] = x; break;
      case DType::kI32: t.mutable_values<int32_t>()[i] = static_cast<int32_t>(x); break;
      default: static_cast<uint8_t*>(t.mutable_data())[i] = x != 0; break;
    }
  }
  return t;
}

bool has_contents(const ValueState& v) {
  if (v.kind != TypeKind::kTensor) return false;
  const bool small_integers = v.dtype == DType::kI64 || v.dtype == DType::kI32 || v.dtype == DType::kBool;
  return small_integers && v.contents && static_cast<int64_t>(v.contents->size()) == v.shape.count() && all_concrete(*v.contents);
}

}  // namespace

SegmentBuilder::SegmentBuilder(Model& model, DimTable& dims, std::vector<ValueState> values, size_t begin, int depth, std::deque<Tensor> owned,
                               bool observed)
    : model_(model), graph_(*model.graph), dims_(dims), segment_(std::make_unique<Segment>()), values_(std::move(values)), observed_(observed) {
  segment_->depth = depth;
  segment_->begin = begin;
  segment_->owned = std::move(owned);
  block_of_.assign(graph_.value_count(), -1);
}

std::unique_ptr<Segment> SegmentBuilder::build() {
  infer_nodes();
  assign_blocks();
  aim_blocks();
  bind_steps();
  if (segment_->kind == SegmentEnd::kFinal) finish();
  place_blocks();
  make_steps();
  if (model_.profiler != nullptr) register_profile();
  if (segment_->kind != SegmentEnd::kFinal) keep_tail();
  return std::move(segment_);
}

void SegmentBuilder::infer_nodes() {
  std::vector<InferValue> outputs;
  for (size_t position = segment_->begin; position < model_.order.size(); ++position) {
    const Node& n = graph_.node(model_.order[position]);
    const bool concrete = infer_concrete(graph_, dims_, n, values_, {}, outputs);
    if (stops_at(n, concrete, position)) {
      if (segment_->kind == SegmentEnd::kProduce) record_outputs(n, outputs);
      return;
    }
    record_outputs(n, outputs);
    how_.push_back(fold(n));
  }
  segment_->end = model_.order.size();
}

// Strings through a kernel that only moves elements, or asks whether they are equal (see ops::evaluate).
bool SegmentBuilder::moves_strings(const Node& n) const {
  const auto strings = [&](ValueId id) { return id != kNone && graph_.type(id).dtype == DType::kString; };
  const bool any = std::any_of(n.inputs.begin(), n.inputs.end(), strings) || std::any_of(n.outputs.begin(), n.outputs.end(), strings);
  return any && n.op->has(kMovesData) && !n.op->has(kView);
}

bool SegmentBuilder::stops_at(const Node& n, bool concrete, size_t position) {
  const bool makes_strings =
      std::any_of(n.outputs.begin(), n.outputs.end(), [&](ValueId id) { return id != kNone && graph_.type(id).dtype == DType::kString; });
  const bool alone = !concrete || (!n.op->has(kView) && (n.op->bind == nullptr || makes_strings));  // no kernel that writes into given memory
  const bool produces = n.op->control != nullptr || moves_strings(n) || (n.op->produce != nullptr && alone);
  if (produces) {
    segment_->kind = SegmentEnd::kProduce;
    segment_->end = position + 1;
    return true;
  }
  if (concrete) return false;
  if (observed_ && position == segment_->begin) {
    throw Error(ErrorCode::kUnsupported, "the shape of its output cannot be known before it runs", where_of(graph_, n));
  }
  segment_->kind = SegmentEnd::kObserve;
  segment_->end = position;
  return true;
}

// Of a node that produces its outputs: only their element types are certain.
void SegmentBuilder::record_outputs(const Node& n, const std::vector<InferValue>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (n.outputs[i] == kNone) continue;
    ValueState& v = values_[n.outputs[i]];
    v = ValueState();
    v.dtype = outputs[i].type.dtype;
    v.kind = outputs[i].type.kind;
    if (v.kind != TypeKind::kTensor || !outputs[i].type.is_static()) continue;
    v.known = true;
    v.shape = *outputs[i].type.shape();
    if (v.shape.count() > kMaxElements) {
      throw Error(ErrorCode::kMachine, "its output " + v.shape.text() + " does not fit into any memory", where_of(graph_, n));
    }
    if (v.bytes() > static_cast<size_t>(model_.limits.value_bytes)) {
      throw Error(ErrorCode::kMachine, "its output " + v.shape.text() + " is beyond the limit of " + std::to_string(model_.limits.value_bytes) + " bytes",
                  where_of(graph_, n));
    }
    v.contents = outputs[i].contents;
  }
}

// What need not run: views, and nodes whose results are small integers that inference already knows.
SegmentBuilder::How SegmentBuilder::fold(const Node& n) {
  bool known = !n.op->has(kSideEffect) && !n.op->has(kRandom);
  for (const ValueId id : n.outputs) {
    if (id == kNone) continue;
    ValueState& v = values_[id];
    if (!has_contents(v)) {
      known = false;
      continue;
    }
    v.constant = &segment_->owned.emplace_back(contents_tensor(v));
  }
  if (known) {
    for (const ValueId id : n.outputs) {
      if (id != kNone) values_[id].place = {Space::kConstant, 0, reinterpret_cast<size_t>(values_[id].constant->data())};
    }
    return How::kFolded;
  }
  const bool one_output = std::all_of(n.outputs.begin() + 1, n.outputs.end(), [](ValueId id) { return id == kNone; });
  if (!n.op->has(kView) || !one_output || n.outputs[0] == kNone) {
    if (n.op->bind == nullptr) throw Error(ErrorCode::kUnsupported, "no kernel computes all its outputs", where_of(graph_, n));
    for (const ValueId id : n.outputs) {
      if (id != kNone && values_[id].boxed()) throw Error(ErrorCode::kUnsupported, "no kernel writes strings", where_of(graph_, n));
    }
    return How::kStep;
  }
  const ValueState& from = values_[n.inputs[0]];
  ValueState& to = values_[n.outputs[0]];
  if (from.bytes() != to.bytes()) throw Error(ErrorCode::kInvalidData, "the result has another number of elements", where_of(graph_, n));
  const bool plain = graph_.value(n.inputs[0]).layout == Layout::kPlain && graph_.value(n.outputs[0]).layout == Layout::kPlain;
  if (from.constant != nullptr && to.constant == nullptr && plain) to.constant = &segment_->owned.emplace_back(from.constant->reshaped(to.shape));
  return How::kView;
}

void SegmentBuilder::assign_blocks() {
  for (size_t t = 0; t < how_.size(); ++t) {
    const Node& n = node_at(t);
    if (how_[t] == How::kStep) {
      share_or_add(n, t);
    } else if (how_[t] == How::kView) {
      const int32_t block = block_of_[n.inputs[0]];
      if (block >= 0) {
        add_to_block(n.outputs[0], block, static_cast<int32_t>(t));
      } else {
        values_[n.outputs[0]].place = values_[n.inputs[0]].place;
      }
    }
  }
}

void SegmentBuilder::share_or_add(const Node& n, size_t t) {
  for (size_t i = 0; i < n.outputs.size(); ++i) {
    if (n.outputs[i] == kNone) continue;
    int32_t block = i == 0 && n.op->has(kInPlace) ? block_to_share(n, t) : -1;
    if (block < 0) {
      block = static_cast<int32_t>(blocks_.size());
      blocks_.push_back({values_[n.outputs[i]].bytes(), static_cast<int32_t>(t), static_cast<int32_t>(t), {}, 0});
    }
    add_to_block(n.outputs[i], block, static_cast<int32_t>(t));
  }
}

int32_t SegmentBuilder::block_to_share(const Node& n, size_t t) const {
  const ValueState& out = values_[n.outputs[0]];
  for (const ValueId id : n.inputs) {
    if (id == kNone || block_of_[id] < 0) continue;
    const ValueState& in = values_[id];
    const bool same_form =
        in.bytes() == out.bytes() && dtype_bits(in.dtype) == dtype_bits(out.dtype) && graph_.value(id).layout == graph_.value(n.outputs[0]).layout;
    if (!same_form || blocks_[static_cast<size_t>(block_of_[id])].last != static_cast<int32_t>(t)) continue;
    const auto readers =
        std::count_if(n.inputs.begin(), n.inputs.end(), [&](ValueId other) { return other != kNone && block_of_[other] == block_of_[id]; });
    const bool element_by_element = n.op->has(kElementwise);
    if (!element_by_element && (readers > 1 || id != n.inputs[0])) continue;  // a kernel may read its other operands more than once
    return block_of_[id];
  }
  return -1;
}

// The step of the last reader; after_last() when somebody reads it after the segment.
int32_t SegmentBuilder::last_read(ValueId id, int32_t t) const {
  const int32_t last = model_.last_position[id];
  const auto begin = static_cast<int32_t>(segment_->begin);
  if (last >= begin + after_last()) return after_last();
  return std::max(t, last - begin);
}

void SegmentBuilder::add_to_block(ValueId id, int32_t block, int32_t t) {
  block_of_[id] = block;
  Block& b = blocks_[static_cast<size_t>(block)];
  b.last = std::max(b.last, last_read(id, t));
}

void SegmentBuilder::aim_blocks() {
  for (const Commit& c : graph_.commits()) aim(c.next, {Space::kNext, model_.state_index[c.state], 0});
  for (size_t i = 0; i < graph_.outputs().size(); ++i) aim(graph_.outputs()[i], {Space::kOutput, static_cast<uint32_t>(i), 0});
}

void SegmentBuilder::aim(ValueId id, Place target) {
  const int32_t block = block_of_[id];
  if (block < 0 || blocks_[static_cast<size_t>(block)].target.space != Space::kNone) return;
  Block& b = blocks_[static_cast<size_t>(block)];
  b.target = target;
  if (target.space != Space::kOutput) return;
  fallbacks_.emplace_back(segment_->outputs.size(), arena_.size());
  segment_->outputs.push_back({target.index, values_[id].dtype, values_[id].shape, 0});
  arena_.push_back({b.bytes, b.first, after_last()});
}

PlannedValue SegmentBuilder::planned(ValueId id) const {
  if (id == kNone) return {};
  const ValueState& v = values_[id];
  return {true, v.dtype, v.shape, graph_.value(id).layout, v.constant};
}

void SegmentBuilder::bind_steps() {
  bound_.resize(how_.size());
  for (size_t t = 0; t < how_.size(); ++t) {
    if (how_[t] != How::kStep) continue;
    const Node& n = node_at(t);
    std::vector<PlannedValue> inputs, outputs;
    for (const ValueId id : n.inputs) inputs.push_back(planned(id));
    for (const ValueId id : n.outputs) {
      outputs.push_back(planned(id));
      outputs.back().constant = nullptr;
    }
    const NodeId id = model_.order[segment_->begin + t];
    for (size_t i = 0; !model_.unpacked.empty() && model_.unpacked[id] && i < inputs.size(); ++i) {
      if (n.op->input_formal(static_cast<int>(i)).param != ParamKind::kWeight) continue;
      inputs[i].packs_each_run = inputs[i].constant != nullptr;
      inputs[i].constant = nullptr;
    }
    if (model_.limits.operations != RunLimits::kNone) count_operations(n, inputs, outputs);
    bound_[t].binding = bind(n, id, inputs, outputs);
    bound_[t].scratch_block = arena_.size();
    arena_.push_back({bound_[t].binding->scratch_bytes, static_cast<int32_t>(t), static_cast<int32_t>(t)});
  }
}

// Before it is bound: some kernels tabulate what they will do.
void SegmentBuilder::count_operations(const Node& n, std::span<const PlannedValue> inputs, std::span<const PlannedValue> outputs) {
  const Cost cost = ops::node_cost({*n.op, n.name, n.attributes, inputs, outputs, model_.isa});
  const int64_t operations = std::max(cost.operations, cost.bytes / 4) + kNodeOperations;
  if (operations > model_.limits.operations - segment_->operations) {
    throw Error(ErrorCode::kUnsupported, "the run takes more than " + std::to_string(model_.limits.operations) + " operations, its limit", where_of(graph_, n));
  }
  segment_->operations += operations;
}

std::shared_ptr<const Binding> SegmentBuilder::bind(const Node& n, NodeId id, std::span<const PlannedValue> inputs,
                                                    std::span<const PlannedValue> outputs) {
  bool shareable = true;  // no constant that is this plan's own
  std::vector<Shape> shapes;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].present) continue;
    shapes.push_back(inputs[i].shape);
    shareable = shareable && (inputs[i].constant == nullptr || values_[n.inputs[i]].fixed);
  }
  for (const PlannedValue& v : outputs) shapes.push_back(v.shape);
  auto& cache = model_.bindings[id];
  std::erase_if(cache, [](const Model::CachedBinding& c) { return c.binding.expired(); });
  for (const Model::CachedBinding& c : cache) {
    if (shareable && c.shapes == shapes) return c.binding.lock();
  }
  const std::string name = name_of(graph_, n);
  auto binding = std::make_shared<const Binding>(ops::bind_node({*n.op, name, n.attributes, inputs, outputs, model_.isa}));
  if (binding->fn == nullptr) throw Error(ErrorCode::kInternal, "the operator bound no kernel", where_of(graph_, n));
  if (shareable) cache.push_back({std::move(shapes), binding});
  return binding;
}

void SegmentBuilder::place_blocks() {
  for (Block& b : blocks_) {
    if (b.target.space != Space::kNone) continue;
    b.arena_block = arena_.size();
    arena_.push_back({b.bytes, b.first, b.last});
  }
  const ArenaPlan arena = plan_arena(arena_);
  if (arena.bytes > static_cast<size_t>(model_.limits.value_bytes)) {
    throw Error(ErrorCode::kMachine, "its intermediate values take " + std::to_string(arena.bytes) + " bytes, the limit is " +
                                         std::to_string(model_.limits.value_bytes), "graph " + quoted(graph_.name()));
  }
  segment_->arena_bytes = arena.bytes;
  segment_->lower_bound = arena.lower_bound;
  const auto depth = static_cast<uint32_t>(segment_->depth);
  for (ValueId id = 0; id < block_of_.size(); ++id) {
    if (block_of_[id] < 0) continue;
    const Block& b = blocks_[static_cast<size_t>(block_of_[id])];
    values_[id].place = b.target.space != Space::kNone ? b.target : Place{Space::kArena, depth, arena.offsets[b.arena_block]};
  }
  for (const auto& [output, block] : fallbacks_) segment_->outputs[output].fallback = arena.offsets[block];
  for (Bound& b : bound_) {
    if (b.binding) b.scratch_block = arena.offsets[b.scratch_block];
  }
  for (Copy& c : segment_->copies) {
    if (c.from.space == Space::kNone) c.from = values_[c.from.index].place;
  }
  for (Place& guard : segment_->guards) {
    if (guard.space == Space::kNone && guard.index != kNone) guard = values_[guard.index].place;
  }
}

void SegmentBuilder::make_steps() {
  size_t steps = 0, inputs = 0, outputs = 0;
  for (size_t t = 0; t < how_.size(); ++t) {
    if (how_[t] != How::kStep) continue;
    ++steps;
    inputs += node_at(t).inputs.size();
    outputs += node_at(t).outputs.size();
  }
  segment_->steps.reserve(steps);
  segment_->input_views.reserve(inputs);  // spans and slots point into these
  segment_->output_views.reserve(outputs);
  for (size_t t = 0; t < how_.size(); ++t) {
    if (how_[t] != How::kStep) continue;
    Step& step = segment_->steps.emplace_back();
    step.binding = bound_[t].binding;
    step.fn = step.binding->fn;
    step.node = model_.order[segment_->begin + t];
    step.scratch = bound_[t].scratch_block;
    step.args.params = step.binding->params.get();
    make_views(node_at(t), step);
  }
}

void SegmentBuilder::make_views(const Node& n, Step& step) {
  const auto slot = [&](const Place& place, void** target) {
    if (place.space == Space::kConstant) {
      *target = reinterpret_cast<void*>(place.offset);
    } else {
      (place.space == Space::kArena ? segment_->arena_slots : segment_->outer_slots).push_back({place, target});
    }
  };
  const size_t first_input = segment_->input_views.size(), first_output = segment_->output_views.size();
  for (const ValueId id : n.inputs) {
    ConstTensorView& view = segment_->input_views.emplace_back();
    if (id == kNone) continue;
    view.dtype = values_[id].dtype;
    view.shape = values_[id].shape;
    slot(values_[id].place, const_cast<void**>(&view.data));
  }
  for (const ValueId id : n.outputs) {
    TensorView& view = segment_->output_views.emplace_back();
    if (id == kNone) continue;
    view.dtype = values_[id].dtype;
    view.shape = values_[id].shape;
    slot(values_[id].place, &view.data);
  }
  step.args.inputs = std::span<const ConstTensorView>(segment_->input_views).subspan(first_input);
  step.args.outputs = std::span<TensorView>(segment_->output_views).subspan(first_output);
}

StepProfile SegmentBuilder::profile_of(NodeId id) const {
  const Node& n = graph_.node(id);
  StepProfile p;
  if (!model_.body) p.id = id;
  p.node = name_of(graph_, n);
  p.op = op_text(*n.op);
  return p;
}

void SegmentBuilder::register_profile() {
  std::vector<StepProfile> profiles;
  for (const Step& step : segment_->steps) {
    const Node& n = graph_.node(step.node);
    std::vector<PlannedValue> inputs, outputs;
    for (const ValueId id : n.inputs) inputs.push_back(planned(id));
    for (const ValueId id : n.outputs) outputs.push_back(planned(id));
    const Cost cost = ops::node_cost({*n.op, n.name, n.attributes, inputs, outputs, model_.isa});
    StepProfile p = profile_of(step.node);
    const TensorView& out = step.args.outputs.front();
    p.shapes = std::string(dtype_name(out.dtype)) + out.shape.text();
    p.operations = cost.operations;
    p.bytes = cost.bytes;
    p.integer = !inputs.empty() && (inputs[0].dtype == DType::kI8 || inputs[0].dtype == DType::kU8);
    profiles.push_back(std::move(p));
  }
  if (segment_->kind == SegmentEnd::kProduce) profiles.push_back(profile_of(model_.order[segment_->end - 1]));
  size_t index = model_.profiler->add_steps(std::move(profiles));
  for (Step& step : segment_->steps) step.profile = index++;
  segment_->tail_profile = index;
}

void SegmentBuilder::copy_to(ValueId id, Place target) {
  const ValueState& v = values_[id];
  segment_->copies.push_back({block_of_[id] >= 0 ? Place{Space::kNone, id, 0} : v.place, target, v.bytes()});
}

// Of the last segment: what is not yet where it belongs is copied there; guards are found.
void SegmentBuilder::finish() {
  const auto written = [&](ValueId id, Place target) {
    const int32_t block = block_of_[id];
    return (block >= 0 ? blocks_[static_cast<size_t>(block)].target : values_[id].place) == target;
  };
  for (const Commit& c : graph_.commits()) {
    const ValueState &next = values_[c.next], &state = values_[c.state];
    if (next.dtype != state.dtype || next.boxed() || next.shape != state.shape) {
      throw Error(ErrorCode::kInvalidData, "its next value is " + next.shape.text() + ", the state " + state.shape.text(),
                  "state " + quoted(graph_.value(c.state).name));
    }
    const Place target{Space::kNext, model_.state_index[c.state], 0};
    if (!written(c.next, target)) copy_to(c.next, target);
    if (c.guard != kNone && (values_[c.guard].dtype != DType::kBool || values_[c.guard].shape.count() != 1)) {
      throw Error(ErrorCode::kInvalidData, "the guard of a commit must be one bool", "value " + quoted(graph_.value(c.guard).name));
    }
    segment_->guards.push_back(c.guard == kNone || block_of_[c.guard] >= 0 ? Place{Space::kNone, c.guard, 0} : values_[c.guard].place);
  }
  for (size_t i = 0; i < graph_.outputs().size(); ++i) {
    const ValueId id = graph_.outputs()[i];
    const ValueState& v = values_[id];
    const Place target{Space::kOutput, static_cast<uint32_t>(i), 0};
    if (written(id, target)) continue;
    const bool whole = v.boxed() || (v.place.space == Space::kProduced && block_of_[id] < 0);
    if (!v.boxed()) {
      copy_to(id, target);
      fallbacks_.emplace_back(segment_->outputs.size(), arena_.size());
    }
    segment_->outputs.push_back({target.index, v.dtype, v.shape, 0, whole, v});
    if (v.boxed()) continue;
    arena_.push_back({values_[id].bytes(), after_last(), after_last()});
  }
}

void SegmentBuilder::keep_tail() {
  if (segment_->kind == SegmentEnd::kProduce) {
    const Node& n = graph_.node(model_.order[segment_->end - 1]);
    for (const ValueId id : n.inputs) segment_->tail_inputs.push_back(planned(id));
    for (const ValueId id : n.outputs) {
      segment_->tail_outputs.push_back(planned(id));
      if (id != kNone) values_[id].place = {Space::kProduced, id, 0};
    }
  }
  for (ValueState& v : values_) {
    if (v.contents && !all_concrete(*v.contents)) v.contents.reset();  // expressions of a table that goes with the builder
  }
  segment_->values = std::move(values_);
}

std::unique_ptr<Segment> make_segment(Model& model, DimTable& dims, std::vector<ValueState> values, size_t begin, int depth, std::deque<Tensor> owned,
                                      bool observed) {
  return SegmentBuilder(model, dims, std::move(values), begin, depth, std::move(owned), observed).build();
}

}  // namespace omni::runtime
