// Decompression with zlib, never beyond what the caller has room for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace omni::formats {

bool is_gzip(std::span<const std::byte> bytes);

// A stream of bytes from compressed bytes, which must outlive it.
class Inflater {
 public:
  enum class Wrapping { kGzip, kRaw };
  Inflater(std::span<const std::byte> bytes, Wrapping wrapping, std::string where);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Fills `out`; returns fewer bytes only at the end of the stream. Throws Error (kInvalidData) for broken bytes.
  size_t read(std::span<std::byte> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::string where_;
};

// The largest size that `compressed` bytes of deflate can have: a bound to hold a declared size against before allocating it.
constexpr size_t max_inflated(size_t compressed) { return compressed > SIZE_MAX / 1040 ? SIZE_MAX : compressed * 1032 + 1032; }

}  // namespace omni::formats
