#include "runtime/loop/checkpoint.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/atomic_file.h"
#include "core/crc32c.h"
#include "core/error.h"
#include "core/mapped_file.h"

namespace omni::runtime {

namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

constexpr char kMagic[8] = {'O', 'M', 'N', 'I', 'C', 'K', 'P', 'T'};
constexpr uint32_t kFormatVersion = 1;
constexpr size_t kHeaderBytes = 64, kCheckedHeader = 36, kAlignment = 64;
enum class ValueTag : uint8_t { kInt, kFloat, kBytes };

[[noreturn]] void corrupt(std::string what) {
  throw Error(ErrorCode::kInvalidData, "the checkpoint is damaged: " + std::move(what), {}, "use an older one, or start again");
}

class Writer {
 public:
  template <class T>
  void number(T v) {
    const auto* p = reinterpret_cast<const std::byte*>(&v);
    bytes_.insert(bytes_.end(), p, p + sizeof v);
  }
  void text(std::string_view s) {
    if (s.size() > UINT32_MAX) throw Error(ErrorCode::kUnsupported, "a name or value of 4 GiB or more in a checkpoint");
    number(static_cast<uint32_t>(s.size()));
    const auto* p = reinterpret_cast<const std::byte*>(s.data());
    bytes_.insert(bytes_.end(), p, p + s.size());
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

  template <class T>
  T number() {
    T v;
    std::memcpy(&v, take(sizeof v).data(), sizeof v);
    return v;
  }
  std::string text() {
    const std::span<const std::byte> bytes = take(number<uint32_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::span<const std::byte> take(size_t n) {
    if (n > rest_.size()) corrupt("its index ends too early");
    const std::span<const std::byte> taken = rest_.first(n);
    rest_ = rest_.subspan(n);
    return taken;
  }
  std::span<const std::byte> rest_;
};

size_t aligned(size_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }

std::span<const std::byte> bytes_of(const Tensor& t) { return {static_cast<const std::byte*>(t.data()), t.bytes()}; }

void write_values(Writer& w, const Checkpoint& c) {
  w.number(static_cast<uint32_t>(c.values.size()));
  for (const auto& [name, value] : c.values) {
    w.text(name);
    w.number(static_cast<uint8_t>(value.index()));
    if (const auto* i = std::get_if<int64_t>(&value)) w.number(*i);
    if (const auto* f = std::get_if<double>(&value)) w.number(*f);
    if (const auto* s = std::get_if<std::string>(&value)) w.text(*s);
  }
}

// The index, with the tensors' data beginning at `data`.
Writer write_index(const Checkpoint& c, size_t data) {
  Writer w;
  w.number(c.step);
  w.number(c.epoch);
  w.text(isa_name(c.isa));
  w.number(c.kernel_version);
  write_values(w, c);
  w.number(static_cast<uint32_t>(c.states.size()));
  for (const CheckpointState& s : c.states) {
    const Tensor& t = s.tensor;
    w.text(s.name);
    w.text(role_name(s.role));
    w.text(dtype_name(t.dtype()));
    w.number(static_cast<uint8_t>(t.shape().rank()));
    for (const int64_t d : t.shape()) w.number(d);
    w.number(static_cast<uint64_t>(data));
    w.number(static_cast<uint64_t>(t.bytes()));
    w.number(crc32c(bytes_of(t)));
    data = aligned(data + t.bytes());
  }
  return w;
}

void require_sorted(const Checkpoint& c) {
  for (size_t i = 0; i < c.states.size(); ++i) {
    const CheckpointState& s = c.states[i];
    if (s.tensor.dtype() == DType::kString) throw Error(ErrorCode::kUnsupported, "a state of strings", "state " + quoted(s.name));
    if (i > 0 && c.states[i - 1].name >= s.name) throw Error(ErrorCode::kInvalidArgument, "states must be in the order of their names, each once");
  }
}

// The header's fields, checked against the file; gives the index.
std::span<const std::byte> check_header(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof kMagic || std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0)
    throw Error(ErrorCode::kInvalidData, "this is no checkpoint");
  if (bytes.size() < kHeaderBytes) corrupt("it ends in its header");
  Reader r(bytes.subspan(sizeof kMagic, kHeaderBytes - sizeof kMagic));
  const auto version = r.number<uint32_t>();
  if (version != kFormatVersion) {
    throw Error(ErrorCode::kUnsupported,
                "a checkpoint of format " + std::to_string(version) + ", this version reads " + std::to_string(kFormatVersion), {},
                "use the version that wrote it");
  }
  r.number<uint32_t>();  // reserved
  const auto index_bytes = r.number<uint64_t>(), file_bytes = r.number<uint64_t>();
  const auto index_crc = r.number<uint32_t>(), header_crc = r.number<uint32_t>();
  if (crc32c(bytes.first(kCheckedHeader)) != header_crc) corrupt("the checksum of its header is wrong");
  if (file_bytes != bytes.size()) corrupt("it has " + std::to_string(bytes.size()) + " bytes, " + std::to_string(file_bytes) + " were written");
  if (index_bytes > bytes.size() - kHeaderBytes) corrupt("its index is longer than the file");
  const std::span<const std::byte> index = bytes.subspan(kHeaderBytes, index_bytes);
  if (crc32c(index) != index_crc) corrupt("the checksum of its index is wrong");
  return index;
}

void read_values(Reader& r, Checkpoint& c) {
  const auto count = r.number<uint32_t>();
  for (uint32_t i = 0; i < count; ++i) {
    std::string name = r.text();
    CheckpointValue value;
    switch (static_cast<ValueTag>(r.number<uint8_t>())) {
      case ValueTag::kInt: value = r.number<int64_t>(); break;
      case ValueTag::kFloat: value = r.number<double>(); break;
      case ValueTag::kBytes: value = r.text(); break;
      default: corrupt("a value of unknown kind");
    }
    if (!c.values.emplace(std::move(name), std::move(value)).second) corrupt("two values of one name");
  }
}

CheckpointState read_state(Reader& r, std::span<const std::byte> file) {
  CheckpointState s;
  s.name = r.text();
  const std::optional<Role> role = parse_role(r.text());
  const std::optional<DType> dtype = parse_dtype(r.text());
  if (!role || !dtype || *dtype == DType::kString) corrupt("a state of unknown role or element type");
  const auto rank = r.number<uint8_t>();
  if (rank > Shape::kMaxRank) corrupt("a state of rank " + std::to_string(rank));
  std::vector<int64_t> dims(rank);
  for (int64_t& d : dims) d = r.number<int64_t>();
  const auto offset = r.number<uint64_t>(), bytes = r.number<uint64_t>();
  const auto crc = r.number<uint32_t>();
  const std::optional<int64_t> count = checked_count(dims);
  // No element takes less than half a byte: a count beyond that cannot overflow the next line.
  if (!count || static_cast<uint64_t>(*count) / 2 > file.size() || packed_bytes(*dtype, static_cast<size_t>(*count)) != bytes)
    corrupt("a state of impossible size");
  if (offset % kAlignment != 0 || offset > file.size() || bytes > file.size() - offset) corrupt("a state beyond the end of the file");
  const std::span<const std::byte> data = file.subspan(offset, bytes);
  if (crc32c(data) != crc) corrupt("the checksum of state " + quoted(s.name) + " is wrong");
  s.role = *role;
  s.tensor = Tensor::from_bytes(*dtype, Shape(dims), data);
  return s;
}

}  // namespace

int64_t Checkpoint::get_int(std::string_view name, int64_t fallback) const {
  const auto found = values.find(name);
  const int64_t* value = found == values.end() ? nullptr : std::get_if<int64_t>(&found->second);
  return value != nullptr ? *value : fallback;
}

double Checkpoint::get_float(std::string_view name, double fallback) const {
  const auto found = values.find(name);
  const double* value = found == values.end() ? nullptr : std::get_if<double>(&found->second);
  return value != nullptr ? *value : fallback;
}

std::string Checkpoint::get_string(std::string_view name, std::string fallback) const {
  const auto found = values.find(name);
  const std::string* value = found == values.end() ? nullptr : std::get_if<std::string>(&found->second);
  return value != nullptr ? *value : fallback;
}

Checkpoint make_checkpoint(const StateSet& states, Isa isa) {
  Checkpoint c;
  c.isa = isa;
  for (NamedTensor& s : states.save()) {
    const Role role = states.role(s.name);
    c.states.push_back({std::move(s.name), role, std::move(s.tensor)});
  }
  return c;
}

void restore(StateSet& states, const Checkpoint& checkpoint) {
  std::vector<NamedTensor> values;
  for (const CheckpointState& s : checkpoint.states) values.push_back({s.name, s.tensor});
  try {
    states.load(values);
  } catch (const Error& error) {
    throw error.within("the checkpoint is of another network or optimizer");
  }
}

void save_checkpoint(const std::string& path, const Checkpoint& c) {
  require_sorted(c);
  const size_t data = aligned(kHeaderBytes + write_index(c, 0).bytes().size());
  const Writer index = write_index(c, data);
  size_t end = data;
  for (const CheckpointState& s : c.states) end = aligned(end + s.tensor.bytes());
  Writer header;
  for (const char m : kMagic) header.number(m);
  header.number(kFormatVersion);
  header.number(uint32_t{0});
  header.number(static_cast<uint64_t>(index.bytes().size()));
  header.number(static_cast<uint64_t>(end));
  header.number(crc32c(index.bytes()));
  const uint32_t header_crc = crc32c(header.bytes());
  header.number(header_crc);
  AtomicFile file(path, Overwrite::kReplace);
  file.write(header.bytes());
  file.pad_to(kHeaderBytes);
  file.write(index.bytes());
  file.pad_to(kAlignment);
  for (const CheckpointState& s : c.states) {
    file.write(bytes_of(s.tensor));
    file.pad_to(kAlignment);
  }
  file.commit();
}

Checkpoint parse_checkpoint(std::span<const std::byte> bytes) {
  Reader r(check_header(bytes));
  Checkpoint c;
  c.step = r.number<int64_t>();
  c.epoch = r.number<int64_t>();
  const std::string isa = r.text();
  const std::optional<Isa> known = parse_isa(isa);
  if (!known) throw Error(ErrorCode::kUnsupported, "a checkpoint of the instruction set " + quoted(isa) + ", which this version does not know");
  c.isa = *known;
  c.kernel_version = r.number<uint32_t>();
  read_values(r, c);
  const auto states = r.number<uint32_t>();
  for (uint32_t i = 0; i < states; ++i) {
    c.states.push_back(read_state(r, bytes));
    if (i > 0 && c.states[i - 1].name >= c.states[i].name) corrupt("its states are not in order");
  }
  if (!r.empty()) corrupt("its index is too long");
  if (c.step < 0 || c.epoch < 0) corrupt("a negative step");
  return c;
}

Checkpoint load_checkpoint(const std::string& path) {
  const MappedFile file = map_file(path);
  try {
    return parse_checkpoint(file.bytes);
  } catch (const Error& error) {
    throw error.within(path);
  }
}

void require_resumable(const Checkpoint& c, Isa isa) {
  if (c.isa != isa) {
    const bool possible = isa_available(c.isa);
    throw Error(ErrorCode::kInvalidArgument,
                "the training ran with " + std::string(isa_name(c.isa)) + " kernels, now it would go on with " + std::string(isa_name(isa)) +
                    ": the result would not be the same",
                "checkpoint", possible ? "set OMNI_ISA=" + std::string(isa_name(c.isa)) : "go on where that instruction set is, or start again");
  }
  if (c.kernel_version == kKernelVersion) return;
  throw Error(ErrorCode::kInvalidArgument,
              "the training ran with kernels of version " + std::to_string(c.kernel_version) + ", these are version " +
                  std::to_string(kKernelVersion) + ": the result would not be the same",
              "checkpoint", "go on with the version that wrote it, or start again");
}

}  // namespace omni::runtime
