#include "runtime/executor.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/allocation_limit.h"
#include "core/error.h"
#include "core/fp_environment.h"

namespace omni::runtime {

namespace {

// What present but empty tensors point to: nullptr means absent.
alignas(64) std::byte kNothing[64];

std::string status_text(const Status& status) {
  std::string text(status.text);
  if (status.values[0] != 0 || status.values[1] != 0) {
    text += " (" + std::to_string(status.values[0]) + ", " + std::to_string(status.values[1]) + ")";
  }
  return text;
}

bool kind_fits(const Tensor& t, TypeKind kind) {
  switch (kind) {
    case TypeKind::kTensor: return !t.is_sequence() && !t.is_nothing();
    case TypeKind::kSequence: return t.is_sequence();
    case TypeKind::kOptional: return !t.is_sequence();
    case TypeKind::kOptionalSequence: return t.is_sequence() || t.is_nothing();
  }
  return false;
}

// Plans do not depend on how many elements a sequence has.
Shape planned_shape(const Tensor& t) { return t.is_sequence() || t.is_nothing() ? Shape{} : t.shape(); }

}  // namespace

bool Arena::grow(size_t needed) {
  if (memory && needed <= bytes) return false;
  const size_t size = std::max(kTensorAlignment, (needed + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment);
  memory.reset();  // before its successor, so that never both are held
  bytes = 0;
  void* fresh = std::aligned_alloc(kTensorAlignment, size);
  if (fresh == nullptr) throw Error(ErrorCode::kMachine, "not enough memory for " + std::to_string(needed) + " bytes of intermediate values");
  memory = {static_cast<std::byte*>(fresh), [](std::byte* p) { std::free(p); }};
  bytes = size;
  return true;
}

Executor::Executor(std::shared_ptr<const Graph> shared, SessionOptions wishes, Executor* around, Arrangement arrangement)
    : options(std::move(wishes)), graph(std::move(shared)) {
  if (options.max_plans == 0) options.max_plans = 1;
  model = make_model(graph, options.isa, std::move(arrangement));
  model.body = around != nullptr;
  model.limits = options.limits;
  if (around != nullptr) clock = around->clock;
  if (around != nullptr) whole_run = around->whole_run;
  if (options.profile) model.profiler = clock;
  states = options.states ? options.states : std::make_shared<StateSet>();
  for (const ValueId id : model.states) {
    const Value& v = graph->value(id);
    const auto renamed = options.state_names.find(v.name);
    const std::string& name = renamed == options.state_names.end() ? v.name : renamed->second;
    int slot = states->find(name);
    if (slot < 0) slot = states->add(name, v.data, v.role);
    const Tensor& is = states->value(slot);
    if (is.dtype() != v.data.dtype() || is.shape() != v.data.shape()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "the graph has " + std::string(dtype_name(v.data.dtype())) + v.data.shape().text() + ", the set of states " +
                      std::string(dtype_name(is.dtype())) + is.shape().text(),
                  "state " + quoted(name));
    }
    state_slots.push_back(slot);
  }
  pool = around != nullptr ? around->pool : options.pool ? options.pool : std::make_shared<ThreadPool>(options.threads);
  output_data.resize(graph->outputs().size());
  next_data.resize(model.states.size());
  holds.resize(graph->commits().size());
  key.reserve(256);
  make_bodies();
}

// Bodies have no states and are prepared with the graph around them.
void Executor::make_bodies() {
  SessionOptions inner = options;
  inner.states = nullptr;
  inner.state_names.clear();
  for (const NodeId id : model.order) {
    for (const auto& body : graph->node(id).bodies) {
      bodies[id].push_back(std::make_unique<Executor>(std::shared_ptr<const Graph>(graph, body.get()), inner, this));
    }
  }
}

std::string Executor::name_of(const Node& node) const {
  if (!node.name.empty()) return node.name;
  for (const ValueId id : node.outputs) {
    if (id != kNone) return graph->value(id).name;
  }
  return {};
}

Result Executor::run(std::span<const Tensor> tensors, std::span<TensorView> views, std::vector<Tensor>* tensors_out) noexcept {
  failed = nullptr;
  results = tensors_out;
  status.clear();
  try {
    try {
      execute(tensors, views);
      if (status.status().ok()) return {};
      const std::string name = failed != nullptr ? name_of(*failed) : std::string();
      const std::string where = failed != nullptr ? op_text(*failed->op) + " node " + quoted(name) : std::string();
      return Result::failure(Error(ErrorCode::kInvalidData, status_text(status.status()), where), status.status(), name);
    } catch (const Error& error) {
      return Result::failure(error);
    } catch (const std::bad_alloc&) {
      return Result::out_of_memory();
    } catch (const std::exception& error) {
      return Result::failure(Error(ErrorCode::kInternal, error.what()));
    }
  } catch (...) {
    return Result::out_of_memory();
  }
}

void Executor::execute(std::span<const Tensor> tensors, std::span<TensorView> views) {
  const DefaultFpEnvironment environment;
  const AllocationLimit allocation(static_cast<size_t>(options.limits.value_bytes));
  if (!model.body) spent = 0;
  const double begin = options.profile ? clock->now() : 0;
  check_inputs(tensors);
  check_outputs(views);
  Plan& plan = find_plan(tensors);
  given = tensors;
  wanted = views;
  if (results != nullptr) results->assign(graph->outputs().size(), Tensor());
  for (const Commit& c : graph->commits()) {
    const uint32_t state = model.state_index[c.state];
    next_data[state] = states->spare(state_slots[state]);
  }
  Segment* segment = plan.first.get();
  for (;;) {
    run_segment(*segment);
    if (!status.status().ok()) return;
    if (segment->kind == SegmentEnd::kFinal) break;
    segment = &follow(*segment);
    if (!status.status().ok()) return;
  }
  finish(*segment);
  if (options.profile && !model.body) clock->add_run(clock->now() - begin);
}

void Executor::check_inputs(std::span<const Tensor> tensors) const {
  const std::vector<ValueId>& ids = graph->inputs();
  if (tensors.size() != ids.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the graph has " + std::to_string(ids.size()) + " inputs, " + std::to_string(tensors.size()) + " were given");
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    const Type& type = graph->type(ids[i]);
    const std::string_view found = dtype_name(tensors[i].dtype());
    if (!tensors[i].defined()) throw Error(ErrorCode::kInvalidArgument, "it was not given", "input " + quoted(graph->value(ids[i]).name));
    if (tensors[i].dtype() == type.dtype && kind_fits(tensors[i], type.kind)) continue;
    const std::string_view what = tensors[i].is_sequence() ? "a sequence of " : tensors[i].is_nothing() ? "nothing of " : "";
    throw Error(ErrorCode::kInvalidArgument,
                "expected " + type_text(type, graph->dims()) + ", found " + std::string(what) + std::string(found) + tensors[i].shape().text(),
                "input " + quoted(graph->value(ids[i]).name));
  }
}

void Executor::check_outputs(std::span<TensorView> views) const {
  if (views.empty() || views.size() == graph->outputs().size()) return;
  throw Error(ErrorCode::kInvalidArgument,
              "the graph has " + std::to_string(graph->outputs().size()) + " outputs, memory for " + std::to_string(views.size()) + " was given");
}

Plan& Executor::find_plan(std::span<const Tensor> tensors) {
  for (size_t i = 0; i < plans.size(); ++i) {
    const std::vector<Shape>& shapes = plans[i]->key;
    if (!std::equal(shapes.begin(), shapes.end(), tensors.begin(), [](const Shape& s, const Tensor& t) { return s == planned_shape(t); })) continue;
    const auto first = plans.begin();
    std::rotate(first, first + static_cast<ptrdiff_t>(i), first + static_cast<ptrdiff_t>(i) + 1);
    return *plans.front();
  }
  std::vector<Shape> shapes;
  for (const Tensor& t : tensors) shapes.push_back(planned_shape(t));
  return add_plan(shapes);
}

Plan& Executor::add_plan(std::span<const Shape> shapes) {
  std::unique_ptr<Plan> plan = make_plan(model, shapes);
  if (plans.size() >= options.max_plans) plans.pop_back();
  plans.insert(plans.begin(), std::move(plan));
  ++plans_made;
  return *plans.front();
}

void Executor::reserve_arena(size_t depth, size_t bytes) {
  while (arenas.size() <= depth) arenas.emplace_back();
  if (arenas[depth].grow(bytes)) ++generation;
}

void Executor::spend(int64_t operations) {
  if (options.limits.operations == RunLimits::kNone) return;
  int64_t& total = whole_run->spent;
  if (operations > options.limits.operations - total) {
    throw Error(ErrorCode::kUnsupported, "more than " + std::to_string(options.limits.operations) + " operations, the limit of a run");
  }
  total += operations;
}

void Executor::run_segment(Segment& segment) {
  spend(segment.operations);
  reserve_arena(static_cast<size_t>(segment.depth), segment.arena_bytes);
  bind_outputs(segment);
  resolve(segment);
  run_steps(segment);
}

void Executor::bind_outputs(const Segment& segment) {
  for (const OutputSpec& spec : segment.outputs) {
    if (spec.whole && (results != nullptr || spec.value.boxed())) {
      give_whole(spec);
    } else {
      bind_output(spec, arenas[static_cast<size_t>(segment.depth)].memory.get() + spec.fallback);
    }
  }
}

void Executor::bind_output(const OutputSpec& spec, void* fallback) {
  output_data[spec.index] = fallback;
  if (results != nullptr) {
    Tensor& result = (*results)[spec.index] = Tensor(spec.dtype, spec.shape);
    output_data[spec.index] = result.mutable_data();
  }
  if (wanted.empty()) return;
  TensorView& view = wanted[spec.index];
  if (view.data == nullptr) {
    view = {spec.dtype, spec.shape, fallback};
  } else if (view.dtype == spec.dtype && view.shape == spec.shape) {
    output_data[spec.index] = view.data;
  } else {
    throw Error(ErrorCode::kInvalidArgument,
                "it is " + std::string(dtype_name(spec.dtype)) + spec.shape.text() + ", memory was given for " + std::string(dtype_name(view.dtype)) +
                    view.shape.text(),
                "output " + quoted(graph->value(graph->outputs()[spec.index]).name));
  }
}

// A value that is handed over as it is. Views of strings point to their offsets; of sequences and optionals there are none.
void Executor::give_whole(const OutputSpec& spec) {
  output_data[spec.index] = nullptr;
  Tensor value = tensor_of(spec.value).kept();
  if (results != nullptr) {
    (*results)[spec.index] = std::move(value);
    return;
  }
  if (wanted.empty()) return;
  if (spec.value.kind != TypeKind::kTensor) {
    throw Error(ErrorCode::kUnsupported, "a sequence or an optional has no view: ask for tensors",
                "output " + quoted(graph->value(graph->outputs()[spec.index]).name));
  }
  if (whole.empty()) whole.resize(graph->outputs().size());
  whole[spec.index] = std::move(value);
  wanted[spec.index] = {spec.dtype, spec.shape, whole[spec.index].mutable_data()};
}

void* Executor::address(const Place& place) {
  void* p = nullptr;
  switch (place.space) {
    case Space::kNone: break;
    case Space::kArena: return arenas[place.index].memory.get() + place.offset;
    case Space::kConstant: p = reinterpret_cast<void*>(place.offset); break;
    case Space::kInput: p = const_cast<void*>(given[place.index].data()); break;
    case Space::kOutput: p = output_data[place.index]; break;
    case Space::kState: p = const_cast<void*>(states->value(state_slots[place.index]).data()); break;
    case Space::kNext: p = next_data[place.index]; break;
    case Space::kProduced: p = const_cast<void*>(produced[place.index].data()); break;
  }
  return p != nullptr ? p : kNothing;
}

void Executor::resolve(Segment& segment) {
  for (const Slot& slot : segment.outer_slots) *slot.target = address(slot.place);
  if (segment.resolved == generation) return;
  for (const Slot& slot : segment.arena_slots) *slot.target = address(slot.place);
  for (Step& step : segment.steps) {
    step.args.scratch = arenas[static_cast<size_t>(segment.depth)].memory.get() + step.scratch;
    step.args.pool = pool.get();
    step.args.status = &status;
  }
  segment.resolved = generation;
}

void Executor::run_steps(Segment& segment) {
  for (const Step& step : segment.steps) {
    if (options.profile) {
      const double begin = clock->now();
      step.fn(step.args);
      clock->record(step.profile, begin, clock->now());
    } else {
      step.fn(step.args);
    }
    if (status.status().ok()) continue;
    failed = &graph->node(step.node);
    return;
  }
}

void Executor::finish(const Segment& segment) {
  for (const Copy& c : segment.copies) {
    const bool given_whole = c.to.space == Space::kOutput && output_data[c.to.index] == nullptr;
    if (c.bytes > 0 && !given_whole) std::memcpy(address(c.to), address(c.from), c.bytes);
  }
  bool any = false;
  for (size_t i = 0; i < holds.size(); ++i) {  // all before the first swap: a guard may be a state
    const Place& guard = segment.guards[i];
    holds[i] = guard.space == Space::kNone || *static_cast<const uint8_t*>(address(guard)) != 0;
    any = any || holds[i];
  }
  for (size_t i = 0; i < holds.size(); ++i) {
    if (holds[i]) states->swap(state_slots[model.state_index[graph->commits()[i].state]]);
  }
  if (any) states->bump();
}

}  // namespace omni::runtime
