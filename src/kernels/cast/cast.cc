#include "kernels/cast/cast.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/half.h"
#include "kernels/cast/half.h"

namespace omni::kernels {

using core::DType;

namespace {

constexpr int64_t kBlock = 256;

// Elements pass through a block of the widest type of their kind: 16 readers and 3 × 16 writers instead of 16 × 16 loops.
union Block {
  double d[kBlock];
  int64_t i[kBlock];
  float f[kBlock];
};
enum class Kind : uint8_t { kFloat, kDouble, kInteger };

Kind kind_of(DType t) {
  if (t == DType::kF64) return Kind::kDouble;
  return core::is_float(t) ? Kind::kFloat : Kind::kInteger;
}

template <class T>
void read_integers(const void* x, int64_t at, int64_t n, int64_t* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<int64_t>(static_cast<const T*>(x)[at + i]);
}

void read(const CastKernel& kernel, const void* x, int64_t at, int64_t n, Block& block) noexcept {
  switch (kernel.from) {
    case DType::kF32: std::memcpy(block.f, static_cast<const float*>(x) + at, static_cast<size_t>(n) * 4); return;
    case DType::kF64: std::memcpy(block.d, static_cast<const double*>(x) + at, static_cast<size_t>(n) * 8); return;
    case DType::kF16:
    case DType::kBF16: return select_widen(kernel.from, kernel.isa)(static_cast<const uint16_t*>(x) + at, block.f, n);
    case DType::kI8: return read_integers<int8_t>(x, at, n, block.i);
    case DType::kU8: return read_integers<uint8_t>(x, at, n, block.i);
    case DType::kI16: return read_integers<int16_t>(x, at, n, block.i);
    case DType::kU16: return read_integers<uint16_t>(x, at, n, block.i);
    case DType::kI32: return read_integers<int32_t>(x, at, n, block.i);
    case DType::kU32: return read_integers<uint32_t>(x, at, n, block.i);
    case DType::kI64: return read_integers<int64_t>(x, at, n, block.i);
    case DType::kU64: return read_integers<uint64_t>(x, at, n, block.i);
    case DType::kBool:
      for (int64_t i = 0; i < n; ++i) block.i[i] = static_cast<const uint8_t*>(x)[at + i] != 0;
      return;
    case DType::kI4:
      for (int64_t i = 0; i < n; ++i) block.i[i] = core::unpack_i4(static_cast<const uint8_t*>(x), at + i);
      return;
    case DType::kU4:
      for (int64_t i = 0; i < n; ++i) block.i[i] = core::unpack_u4(static_cast<const uint8_t*>(x), at + i);
      return;
    case DType::kString: return;
  }
}

// Rounded towards an odd last bit, so that rounding again to fewer bits rounds once.
float to_odd(double d) {
  const float f = static_cast<float>(d);
  if (static_cast<double>(f) == d || f != f || std::isinf(f)) return f;
  const uint32_t bits = std::bit_cast<uint32_t>(f);
  if ((bits & 1u) != 0) return f;
  const bool away = std::fabs(static_cast<double>(f)) > std::fabs(d);
  return std::bit_cast<float>(away ? bits - 1 : bits + 1);
}

template <class T, class S>
T to_number(S v) {
  if constexpr (std::is_floating_point_v<T> || std::is_integral_v<S>) {
    return static_cast<T>(v);
  } else {
    if (v != v) return 0;
    constexpr double kLow = static_cast<double>(std::numeric_limits<T>::min()), kHigh = static_cast<double>(std::numeric_limits<T>::max());
    const double d = static_cast<double>(v);
    return d <= kLow ? std::numeric_limits<T>::min() : d >= kHigh ? std::numeric_limits<T>::max() : static_cast<T>(d);
  }
}

template <class T, class S>
void write_numbers(const S* in, void* y, int64_t at, int64_t n) {
  for (int64_t i = 0; i < n; ++i) static_cast<T*>(y)[at + i] = to_number<T>(in[i]);
}

// The low four bits of the whole part, as the ONNX suite has it; `at` is even, so whole bytes are written.
template <class S>
void write_4bit(const S* in, void* y, int64_t at, int64_t n) {
  auto* bytes = static_cast<uint8_t*>(y) + at / 2;
  for (int64_t i = 0; i < n; ++i) {
    uint8_t nibble;
    if constexpr (std::is_floating_point_v<S>) {
      nibble = static_cast<uint8_t>(to_number<int64_t>(in[i]) & 15);
    } else {
      nibble = static_cast<uint8_t>(in[i] & 15);
    }
    bytes[i / 2] = static_cast<uint8_t>(i % 2 == 0 ? nibble : bytes[i / 2] | (nibble << 4));
  }
}

template <class S>
void write(const CastKernel& kernel, const S* in, void* y, int64_t at, int64_t n) noexcept {
  switch (kernel.to) {
    case DType::kF32: return write_numbers<float>(in, y, at, n);
    case DType::kF64: return write_numbers<double>(in, y, at, n);
    case DType::kF16:
    case DType::kBF16: {
      auto* out = static_cast<uint16_t*>(y) + at;
      if constexpr (std::is_same_v<S, float>) {
        select_narrow(kernel.to, kernel.isa)(in, out, n);
      } else {
        float wide[kBlock];
        for (int64_t i = 0; i < n; ++i) wide[i] = to_odd(static_cast<double>(in[i]));
        select_narrow(kernel.to, kernel.isa)(wide, out, n);
      }
      return;
    }
    case DType::kI8: return write_numbers<int8_t>(in, y, at, n);
    case DType::kU8: return write_numbers<uint8_t>(in, y, at, n);
    case DType::kI16: return write_numbers<int16_t>(in, y, at, n);
    case DType::kU16: return write_numbers<uint16_t>(in, y, at, n);
    case DType::kI32: return write_numbers<int32_t>(in, y, at, n);
    case DType::kU32: return write_numbers<uint32_t>(in, y, at, n);
    case DType::kI64: return write_numbers<int64_t>(in, y, at, n);
    case DType::kU64: return write_numbers<uint64_t>(in, y, at, n);
    case DType::kBool:
      for (int64_t i = 0; i < n; ++i) static_cast<uint8_t*>(y)[at + i] = in[i] != S{0};
      return;
    case DType::kI4:
    case DType::kU4: return write_4bit(in, y, at, n);
    case DType::kString: return;
  }
}

}  // namespace

bool cast_supports(DType from, DType to) { return from != DType::kString && to != DType::kString; }

void run_cast(const CastKernel& kernel, const void* x, void* y, int64_t n, core::ThreadPool& pool) noexcept {
  constexpr int64_t kGrain = 1 << 14;  // a multiple of kBlock, and even: tasks never share a byte of packed elements
  pool.parallel_for((n + kGrain - 1) / kGrain, [&](int64_t task) {
    Block block;
    for (int64_t at = task * kGrain; at < std::min(n, (task + 1) * kGrain); at += kBlock) {
      const int64_t part = std::min(kBlock, n - at);
      read(kernel, x, at, part, block);
      switch (kind_of(kernel.from)) {
        case Kind::kFloat: write(kernel, block.f, y, at, part); break;
        case Kind::kDouble: write(kernel, block.d, y, at, part); break;
        case Kind::kInteger:
          if (kernel.from == DType::kU64)
            write(kernel, reinterpret_cast<const uint64_t*>(block.i), y, at, part);
          else
            write(kernel, block.i, y, at, part);
          break;
      }
    }
  });
}

}  // namespace omni::kernels
