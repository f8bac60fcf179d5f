#include "core/tensor.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "core/allocation_limit.h"
#include "core/error.h"
#include "core/half.h"

namespace omni::core {

thread_local constinit size_t AllocationLimit::most_ = std::numeric_limits<size_t>::max();

namespace {

// Tensors of so many bytes have pages of their own, zeroed by the system. malloc does the same at first, then raises its threshold to what was freed
// last; under plans that come and go its heap tears into pieces, and resident memory grows by a tenth in some thousand shapes.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kMappedBytes = std::numeric_limits<size_t>::max();  // a sanitizer watches malloc
#else
constexpr size_t kMappedBytes = size_t{128} << 10;
#endif

std::shared_ptr<void> map_pages(size_t bytes) {
  void* const data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (data == MAP_FAILED) throw Error(ErrorCode::kMachine, "not enough memory for a tensor of " + std::to_string(bytes) + " bytes");
  return {data, [bytes](void* p) { ::munmap(p, bytes); }};
}

std::shared_ptr<void> allocate(size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes > AllocationLimit::most()) {
    throw Error(ErrorCode::kMachine, "a tensor of " + std::to_string(bytes) + " bytes, the limit is " + std::to_string(AllocationLimit::most()));
  }
  if (bytes >= kMappedBytes) return map_pages(bytes);
  const size_t rounded = (bytes + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
  void* data = std::aligned_alloc(kTensorAlignment, rounded);
  if (data == nullptr) throw Error(ErrorCode::kMachine, "not enough memory for a tensor of " + std::to_string(bytes) + " bytes");
  return {data, [](void* p) { std::free(p); }};
}

// Calls f with the element reader for `t`'s dtype: f(read) where read(i) returns the stored arithmetic value.
template <class F>
void visit(const ConstTensorView& t, F&& f) {
  const void* p = t.data;
  switch (t.dtype) {
    case DType::kF32: return f([p](int64_t i) { return static_cast<const float*>(p)[i]; });
    case DType::kF16: return f([p](int64_t i) { return f16_to_f32(static_cast<const uint16_t*>(p)[i]); });
    case DType::kBF16: return f([p](int64_t i) { return bf16_to_f32(static_cast<const uint16_t*>(p)[i]); });
    case DType::kF64: return f([p](int64_t i) { return static_cast<const double*>(p)[i]; });
    case DType::kI8: return f([p](int64_t i) { return static_cast<const int8_t*>(p)[i]; });
    case DType::kU8: return f([p](int64_t i) { return static_cast<const uint8_t*>(p)[i]; });
    case DType::kI16: return f([p](int64_t i) { return static_cast<const int16_t*>(p)[i]; });
    case DType::kU16: return f([p](int64_t i) { return static_cast<const uint16_t*>(p)[i]; });
    case DType::kI32: return f([p](int64_t i) { return static_cast<const int32_t*>(p)[i]; });
    case DType::kU32: return f([p](int64_t i) { return static_cast<const uint32_t*>(p)[i]; });
    case DType::kI64: return f([p](int64_t i) { return static_cast<const int64_t*>(p)[i]; });
    case DType::kU64: return f([p](int64_t i) { return static_cast<const uint64_t*>(p)[i]; });
    case DType::kBool: return f([p](int64_t i) { return static_cast<const uint8_t*>(p)[i] != 0; });
    case DType::kI4: return f([p](int64_t i) { return unpack_i4(static_cast<const uint8_t*>(p), i); });
    case DType::kU4: return f([p](int64_t i) { return unpack_u4(static_cast<const uint8_t*>(p), i); });
    case DType::kString: throw Error(ErrorCode::kUnsupported, "arithmetic on strings");
  }
}

// Of a string tensor's offsets and text.
size_t string_bytes(const void* data, int64_t count) {
  if (data == nullptr) return 0;
  return (static_cast<size_t>(count) + 1) * sizeof(uint32_t) + static_cast<const uint32_t*>(data)[count];
}

template <class T>
void fill_integer(void* data, std::span<const double> values) {
  T* out = static_cast<T*>(data);
  const double low = static_cast<double>(std::numeric_limits<T>::min());
  const double high = static_cast<double>(std::numeric_limits<T>::max());
  for (size_t i = 0; i < values.size(); ++i) {
    const double v = std::nearbyint(values[i]);
    out[i] = !(v > low) ? std::numeric_limits<T>::min() : v >= high ? std::numeric_limits<T>::max() : static_cast<T>(v);
  }
}

}  // namespace

Tensor::Tensor(DType dtype, Shape shape) : dtype_(dtype), shape_(shape) {
  bytes_ = packed_bytes(dtype, static_cast<size_t>(shape.count()));
  std::shared_ptr<void> memory = allocate(bytes_);
  if (bytes_ > 0 && bytes_ < kMappedBytes) std::memset(memory.get(), 0, bytes_);
  data_ = memory.get();
  keeper_ = std::move(memory);
}

Tensor Tensor::copy(DType dtype, Shape shape, const void* data, size_t count) {
  if (static_cast<int64_t>(count) != shape.count()) {
    throw Error(ErrorCode::kInvalidArgument, std::to_string(count) + " values for a tensor of shape " + shape.text());
  }
  Tensor t(dtype, shape);
  if (t.bytes_ > 0) std::memcpy(t.mutable_data(), data, t.bytes_);
  return t;
}

Tensor Tensor::from_bytes(DType dtype, Shape shape, std::span<const std::byte> bytes) {
  Tensor t;
  t.dtype_ = dtype;
  t.shape_ = shape;
  t.bytes_ = packed_bytes(dtype, static_cast<size_t>(shape.count()));
  if (t.bytes_ != bytes.size()) {
    throw Error(ErrorCode::kInvalidData, std::to_string(bytes.size()) + " bytes for a tensor " + std::string(dtype_name(dtype)) + shape.text() +
                                             " that takes " + std::to_string(t.bytes_));
  }
  std::shared_ptr<void> memory = allocate(t.bytes_);
  if (t.bytes_ > 0) std::memcpy(memory.get(), bytes.data(), t.bytes_);
  t.data_ = memory.get();
  t.keeper_ = std::move(memory);
  return t;
}

Tensor Tensor::view(DType dtype, Shape shape, const void* data, std::shared_ptr<const void> keeper) {
  Tensor t;
  t.dtype_ = dtype;
  t.shape_ = shape;
  t.bytes_ = dtype == DType::kString ? string_bytes(data, shape.count()) : packed_bytes(dtype, static_cast<size_t>(shape.count()));
  t.data_ = data;
  t.keeper_ = std::move(keeper);
  return t;
}

Tensor Tensor::strings(Shape shape, std::span<const std::string> values) {
  if (static_cast<int64_t>(values.size()) != shape.count()) {
    throw Error(ErrorCode::kInvalidArgument, std::to_string(values.size()) + " strings for a tensor of shape " + shape.text());
  }
  size_t bytes = (values.size() + 1) * sizeof(uint32_t);
  for (const std::string& v : values) bytes += v.size();
  if (bytes > std::numeric_limits<uint32_t>::max()) throw Error(ErrorCode::kUnsupported, "a string tensor of 4 GiB or more");
  std::shared_ptr<void> memory = allocate(bytes);
  uint32_t* offsets = static_cast<uint32_t*>(memory.get());
  char* text = reinterpret_cast<char*>(offsets + values.size() + 1);
  uint32_t at = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    offsets[i] = at;
    std::memcpy(text + at, values[i].data(), values[i].size());
    at += static_cast<uint32_t>(values[i].size());
  }
  offsets[values.size()] = at;
  Tensor t;
  t.dtype_ = DType::kString;
  t.shape_ = shape;
  t.bytes_ = bytes;
  t.data_ = memory.get();
  t.keeper_ = std::move(memory);
  return t;
}

Tensor Tensor::sequence(DType dtype, std::vector<Tensor> elements) {
  for (const Tensor& e : elements) {
    if (e.dtype() == dtype && !e.is_sequence() && !e.is_nothing()) continue;
    throw Error(ErrorCode::kInvalidData, "an element of another type in a sequence of " + std::string(dtype_name(dtype)));
  }
  Tensor t;
  t.dtype_ = dtype;
  t.shape_ = Shape{static_cast<int64_t>(elements.size())};
  t.elements_ = std::make_shared<const std::vector<Tensor>>(std::move(elements));
  return t;
}

Tensor Tensor::nothing(DType dtype) {
  Tensor t;
  t.dtype_ = dtype;
  t.nothing_ = true;
  return t;
}

Tensor Tensor::kept() const {
  if (keeps_bytes()) return *this;
  Tensor t = *this;
  std::shared_ptr<void> memory = allocate(bytes_);
  std::memcpy(memory.get(), data_, bytes_);
  t.data_ = memory.get();
  t.keeper_ = std::move(memory);
  return t;
}

std::span<const Tensor> Tensor::elements() const { return elements_ ? std::span<const Tensor>(*elements_) : std::span<const Tensor>(); }

std::string_view Tensor::string_at(int64_t i) const {
  const uint32_t* offsets = static_cast<const uint32_t*>(data_);
  const char* text = reinterpret_cast<const char*>(offsets + count() + 1);
  return {text + offsets[i], offsets[i + 1] - offsets[i]};
}

Tensor Tensor::reshaped(Shape shape) const {
  if (shape.count() != count()) {
    throw Error(ErrorCode::kInvalidArgument, "cannot reshape " + shape_.text() + " to " + shape.text());
  }
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

bool Tensor::equal(const Tensor& other) const {
  if (is_sequence() != other.is_sequence() || nothing_ != other.nothing_) return false;
  const std::span<const Tensor> a = elements(), b = other.elements();
  if (!std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Tensor& x, const Tensor& y) { return x.equal(y); })) return false;
  return dtype_ == other.dtype_ && shape_ == other.shape_ && bytes_ == other.bytes_ &&
         (bytes_ == 0 || std::memcmp(data_, other.data_, bytes_) == 0);
}

std::vector<double> to_double(const ConstTensorView& t) {
  std::vector<double> out(static_cast<size_t>(t.count()));
  visit(t, [&](auto read) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(read(static_cast<int64_t>(i)));
  });
  return out;
}

std::vector<int64_t> to_int64(const ConstTensorView& t) {
  if (is_float(t.dtype)) throw Error(ErrorCode::kInvalidArgument, "expected integers, found " + std::string(dtype_name(t.dtype)));
  std::vector<int64_t> out(static_cast<size_t>(t.count()));
  visit(t, [&](auto read) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<int64_t>(read(static_cast<int64_t>(i)));
  });
  return out;
}

Tensor from_double(DType dtype, Shape shape, std::span<const double> values) {
  if (static_cast<int64_t>(values.size()) != shape.count()) {
    throw Error(ErrorCode::kInvalidArgument, std::to_string(values.size()) + " values for a tensor of shape " + shape.text());
  }
  Tensor t(dtype, shape);
  void* data = t.mutable_data();
  const auto each = [&](auto write) {
    for (size_t i = 0; i < values.size(); ++i) write(i, values[i]);
  };
  switch (dtype) {
    case DType::kF32: each([&](size_t i, double v) { static_cast<float*>(data)[i] = static_cast<float>(v); }); break;
    case DType::kF64: each([&](size_t i, double v) { static_cast<double*>(data)[i] = v; }); break;
    case DType::kF16: each([&](size_t i, double v) { static_cast<uint16_t*>(data)[i] = f32_to_f16(static_cast<float>(v)); }); break;
    case DType::kBF16: each([&](size_t i, double v) { static_cast<uint16_t*>(data)[i] = f32_to_bf16(static_cast<float>(v)); }); break;
    case DType::kI8: fill_integer<int8_t>(data, values); break;
    case DType::kU8: fill_integer<uint8_t>(data, values); break;
    case DType::kI16: fill_integer<int16_t>(data, values); break;
    case DType::kU16: fill_integer<uint16_t>(data, values); break;
    case DType::kI32: fill_integer<int32_t>(data, values); break;
    case DType::kU32: fill_integer<uint32_t>(data, values); break;
    case DType::kI64: fill_integer<int64_t>(data, values); break;
    case DType::kU64: fill_integer<uint64_t>(data, values); break;
    case DType::kBool: each([&](size_t i, double v) { static_cast<uint8_t*>(data)[i] = v != 0; }); break;
    case DType::kI4:
      each([&](size_t i, double v) {
        pack_4bit(static_cast<uint8_t*>(data), static_cast<int64_t>(i), static_cast<uint8_t>(static_cast<int>(std::clamp(std::nearbyint(v), -8.0, 7.0))));
      });
      break;
    case DType::kU4:
      each([&](size_t i, double v) {
        pack_4bit(static_cast<uint8_t*>(data), static_cast<int64_t>(i), static_cast<uint8_t>(std::clamp(std::nearbyint(v), 0.0, 15.0)));
      });
      break;
    case DType::kString: throw Error(ErrorCode::kUnsupported, "arithmetic on strings");
  }
  return t;
}

}  // namespace omni::core
