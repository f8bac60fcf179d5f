#include "runtime/state_set.h"

#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace omni::runtime {

namespace {

std::string type_of(const Tensor& t) { return std::string(dtype_name(t.dtype())) + t.shape().text(); }

void require_same_type(std::string_view name, const Tensor& is, const Tensor& given) {
  if (is.dtype() == given.dtype() && is.shape() == given.shape()) return;
  throw Error(ErrorCode::kInvalidArgument, "expected " + type_of(is) + ", found " + type_of(given), "state " + quoted(name));
}

std::shared_ptr<std::byte> allocate(size_t bytes) {
  const size_t rounded = std::max(kTensorAlignment, (bytes + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment);
  void* memory = std::aligned_alloc(kTensorAlignment, rounded);
  if (memory == nullptr) throw Error(ErrorCode::kMachine, "not enough memory for a state of " + std::to_string(bytes) + " bytes");
  return {static_cast<std::byte*>(memory), [](std::byte* p) { std::free(p); }};
}

// a + sign * b, element by element, in the tensors' own dtype: integers wrap, floats are rounded once.
Tensor combine(const Tensor& a, const Tensor& b, int sign) {
  if (!is_integer(a.dtype())) {
    std::vector<double> x = to_double(a);
    const std::vector<double> y = to_double(b);
    for (size_t i = 0; i < x.size(); ++i) x[i] += sign * y[i];
    return from_double(a.dtype(), a.shape(), x);
  }
  const std::vector<int64_t> x = to_int64(a), y = to_int64(b);
  Tensor out(a.dtype(), a.shape());
  const size_t size = dtype_size(a.dtype());
  auto* bytes = static_cast<std::byte*>(out.mutable_data());
  for (size_t i = 0; i < x.size(); ++i) {
    const uint64_t v = static_cast<uint64_t>(x[i]) + static_cast<uint64_t>(sign) * static_cast<uint64_t>(y[i]);
    std::memcpy(bytes + i * size, &v, size);  // little-endian: the low bytes
  }
  return out;
}

void require_arithmetic(std::string_view name, const Tensor& t) {
  if (dtype_bits(t.dtype()) >= 8 && t.dtype() != DType::kBool) return;
  throw Error(ErrorCode::kUnsupported, "no arithmetic on " + type_of(t), "state " + quoted(name));
}

}  // namespace

StateSet::StateSet(const StateSet& other) : entries_(other.entries_), slots_(other.slots_), version_(other.version_) {
  for (Entry& e : entries_) e.spare.reset();
}

StateSet& StateSet::operator=(const StateSet& other) {
  StateSet copy(other);
  *this = std::move(copy);
  return *this;
}

std::vector<std::string> StateSet::names() const {
  std::vector<std::string> names;
  for (const auto& [name, slot] : slots_) names.push_back(name);
  return names;
}

int StateSet::find(std::string_view name) const {
  const auto found = slots_.find(name);
  return found == slots_.end() ? -1 : found->second;
}

const StateSet::Entry& StateSet::entry(std::string_view name) const {
  const int slot = find(name);
  if (slot >= 0) return entries_[static_cast<size_t>(slot)];
  throw Error(ErrorCode::kNotFound, "there is no state " + quoted(name), {}, did_you_mean(name, names()));
}

int StateSet::add(std::string_view name, Tensor initial, Role role) {
  if (initial.dtype() == DType::kString) throw Error(ErrorCode::kUnsupported, "a state of strings", "state " + quoted(name));
  const int slot = static_cast<int>(entries_.size());
  if (!slots_.emplace(std::string(name), slot).second) throw Error(ErrorCode::kExists, "there is a state " + quoted(name) + " already");
  entries_.push_back({std::string(name), role, std::move(initial), nullptr, nullptr});
  return slot;
}

void StateSet::attach(const Graph& graph) {
  for (const ValueId id : graph.states()) {
    const Value& v = graph.value(id);
    const int slot = find(v.name);
    if (slot < 0) {
      add(v.name, v.data, v.role);
    } else {
      require_same_type(v.name, value(slot), v.data);
    }
  }
}

Tensor StateSet::get(std::string_view name) const { return entry(name).value; }

Role StateSet::role(std::string_view name) const { return entry(name).role; }

void StateSet::set(std::string_view name, Tensor value) {
  require_same_type(name, entry(name).value, value);
  Entry& e = entries_[static_cast<size_t>(find(name))];
  e.value = std::move(value);
  e.memory.reset();
  bump();
}

std::vector<NamedTensor> StateSet::save() const {
  std::vector<NamedTensor> values;
  for (const auto& [name, slot] : slots_) values.push_back({name, value(slot)});
  return values;
}

void StateSet::load(std::span<const NamedTensor> values, bool complete) {
  std::vector<bool> given(entries_.size(), false);
  for (const NamedTensor& v : values) {
    require_same_type(v.name, entry(v.name).value, v.tensor);
    given[static_cast<size_t>(find(v.name))] = true;
  }
  for (size_t i = 0; complete && i < entries_.size(); ++i) {
    if (!given[i]) throw Error(ErrorCode::kInvalidArgument, "no value is given for it", "state " + quoted(entries_[i].name));
  }
  for (const NamedTensor& v : values) set(v.name, v.tensor);
}

std::vector<NamedTensor> StateSet::subtract(const StateSet& before, std::span<const std::string> names) const {
  const std::vector<std::string> all = names.empty() ? this->names() : std::vector<std::string>(names.begin(), names.end());
  std::vector<NamedTensor> deltas;
  for (const std::string& name : all) {
    const Tensor &now = entry(name).value, &then = before.entry(name).value;
    if (now.dtype() == DType::kBool) continue;
    require_same_type(name, now, then);
    require_arithmetic(name, now);
    deltas.push_back({name, combine(now, then, -1)});
  }
  return deltas;
}

void StateSet::add_delta(std::span<const NamedTensor> deltas) {
  std::vector<NamedTensor> sums;
  for (const NamedTensor& d : deltas) {
    const Tensor& now = entry(d.name).value;
    require_same_type(d.name, now, d.tensor);
    require_arithmetic(d.name, now);
    sums.push_back({d.name, combine(now, d.tensor, 1)});
  }
  load(sums, false);
}

void* StateSet::spare(int slot) {
  Entry& e = entries_[static_cast<size_t>(slot)];
  if (!e.spare || e.spare.use_count() > 1) {
    e.spare = allocate(e.value.bytes());
  } else {
    std::shared_ptr<std::byte>(e.spare).reset();  // its decrement acquires what the last holder on another thread released with its own
  }
  return e.spare.get();
}

void StateSet::swap(int slot) noexcept {
  Entry& e = entries_[static_cast<size_t>(slot)];
  e.value = Tensor::view(e.value.dtype(), e.value.shape(), e.spare.get(), e.spare);
  e.memory.swap(e.spare);
}

void bake(Graph& graph, const StateSet& states, const std::map<std::string, std::string, std::less<>>& names) {
  for (const ValueId id : graph.states()) {
    const std::string& own = graph.value(id).name;
    const auto renamed = names.find(own);
    Tensor value = states.get(renamed == names.end() ? own : renamed->second);
    require_same_type(own, graph.value(id).data, value);
    graph.value(id).data = std::move(value);
    const Role role = graph.value(id).role;
    graph.make_constant(id);
    graph.value(id).role = role;
  }
}

}  // namespace omni::runtime
