// Tensors in row-major order, bytes shared and never changed once others can see them.
//
// A Tensor owns a reference to its bytes (owned, mapped from a file, or borrowed from the caller, who then keeps them alive).
// It also stands for the two values of ONNX that are no tensor: a sequence of tensors (of one element type) and an optional that holds nothing.
// A TensorView owns nothing: it is what kernels and Session::run work on.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"

namespace omni::core {

inline constexpr size_t kTensorAlignment = 64;

struct ConstTensorView {
  DType dtype = DType::kF32;
  Shape shape;
  const void* data = nullptr;

  template <class T>
  const T* as() const { return static_cast<const T*>(data); }
  int64_t count() const { return shape.count(); }
  size_t bytes() const { return packed_bytes(dtype, static_cast<size_t>(shape.count())); }
};

struct TensorView {
  DType dtype = DType::kF32;
  Shape shape;
  void* data = nullptr;

  template <class T>
  T* as() const { return static_cast<T*>(data); }
  int64_t count() const { return shape.count(); }
  size_t bytes() const { return packed_bytes(dtype, static_cast<size_t>(shape.count())); }
  operator ConstTensorView() const { return {dtype, shape, data}; }
};

class Tensor {
 public:
  Tensor() = default;
  // Zero-filled, aligned to 64 bytes. Not for strings. Throws Error (kMachine) when memory is short.
  Tensor(DType dtype, Shape shape);

  // A copy of `values`, whose count must be that of `shape`.
  template <class T>
  static Tensor of(Shape shape, std::span<const T> values) {
    return copy(dtype_of<T>, shape, values.data(), values.size());
  }
  template <class T>
  static Tensor of(Shape shape, std::initializer_list<T> values) {
    return copy(dtype_of<T>, shape, values.begin(), values.size());
  }
  template <class T>
  static Tensor scalar(T value) { return copy(dtype_of<T>, Shape{}, &value, 1); }
  // `bytes` must be exactly what the shape needs, packed.
  static Tensor from_bytes(DType dtype, Shape shape, std::span<const std::byte> bytes);
  // Bytes that live as long as `keeper` does (a mapped file, a caller's buffer with an empty keeper).
  static Tensor view(DType dtype, Shape shape, const void* data, std::shared_ptr<const void> keeper);
  // A string tensor: offsets (count + 1 u32), then the bytes.
  static Tensor strings(Shape shape, std::span<const std::string> values);
  // A sequence of tensors of that element type; its shape is [number of elements], it has no bytes. Throws Error for another element type.
  static Tensor sequence(DType dtype, std::vector<Tensor> elements);
  // An optional that holds nothing.
  static Tensor nothing(DType dtype);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t count() const { return shape_.count(); }
  size_t bytes() const { return bytes_; }
  bool defined() const { return data_ != nullptr || bytes_ == 0; }
  const void* data() const { return data_; }
  // The bytes for writing; the caller is the only one who has seen this tensor.
  void* mutable_data() { return const_cast<void*>(data_); }

  template <class T>
  std::span<const T> values() const { return {static_cast<const T*>(data_), bytes_ / sizeof(T)}; }
  template <class T>
  std::span<T> mutable_values() { return {static_cast<T*>(mutable_data()), bytes_ / sizeof(T)}; }
  std::string_view string_at(int64_t i) const;
  bool is_sequence() const { return elements_ != nullptr; }
  bool is_nothing() const { return nothing_; }
  std::span<const Tensor> elements() const;
  // Whether the bytes live as long as this tensor does: false for those that a caller lent.
  bool keeps_bytes() const { return keeper_ != nullptr || bytes_ == 0; }
  // This tensor, or a copy that keeps its bytes.
  Tensor kept() const;

  ConstTensorView view() const { return {dtype_, shape_, data_}; }
  TensorView mutable_view() { return {dtype_, shape_, mutable_data()}; }
  // The same bytes under another shape of the same count.
  Tensor reshaped(Shape shape) const;
  // Same dtype, shape and bytes (bit patterns, so NaN equals itself).
  bool equal(const Tensor& other) const;

 private:
  static Tensor copy(DType dtype, Shape shape, const void* data, size_t count);

  DType dtype_ = DType::kF32;
  Shape shape_{0};
  const void* data_ = nullptr;
  size_t bytes_ = 0;
  std::shared_ptr<const void> keeper_;
  std::shared_ptr<const std::vector<Tensor>> elements_;  // of a sequence
  bool nothing_ = false;
};

// Elements as double / int64, converted one by one (4-bit, half and bf16 included); throws Error for strings, and to_int64 for floats.
std::vector<double> to_double(const ConstTensorView& t);
std::vector<int64_t> to_int64(const ConstTensorView& t);
inline std::vector<double> to_double(const Tensor& t) { return to_double(t.view()); }
inline std::vector<int64_t> to_int64(const Tensor& t) { return to_int64(t.view()); }
// A tensor of `dtype` with these values: rounded to nearest even for half types and bf16, saturated for integers.
Tensor from_double(DType dtype, Shape shape, std::span<const double> values);

}  // namespace omni::core
