// A binary adaptive range coder (G. N. N. Martin, 1979), the arithmetic coder of the coded tensors.
//
// A probability is the mean of two estimates that adapt at different speeds, as in VVC and in ISO/IEC 15938-17 (DeepCABAC, Wiedemann et al. 2019): quick
// at the start of a small layer, exact in a large one. Encoder and decoder take the same steps, so that the decoder ends on the encoder's last byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace omni::formats {

// That the next bit is set, of 2^16; never so sure that a bit costs less than 1/355 of a bit or more than nine.
class BitModel {
 public:
  uint32_t probability() const {
    const uint32_t p = (quick_ + slow_) >> 1;
    return p < kLeast ? kLeast : p > kOne - kLeast ? kOne - kLeast : p;
  }
  void adapt(bool bit) {
    quick_ = static_cast<uint16_t>(bit ? quick_ + ((kOne - 1 - quick_) >> 4) : quick_ - (quick_ >> 4));
    slow_ = static_cast<uint16_t>(bit ? slow_ + ((kOne - 1 - slow_) >> 7) : slow_ - (slow_ >> 7));
  }

 private:
  static constexpr uint32_t kOne = 1 << 16, kLeast = 128;
  uint16_t quick_ = kOne / 2, slow_ = kOne / 2;
};

class RangeEncoder {
 public:
  bool bit(BitModel& model, bool set) {
    const uint32_t bound = (range_ >> 16) * model.probability();
    if (set) {
      range_ = bound;
    } else {
      low_ += bound;
      range_ -= bound;
    }
    model.adapt(set);
    while (range_ < kTop) {
      range_ <<= 8;
      shift();
    }
    return set;
  }

  std::vector<std::byte> finish() {
    for (int i = 0; i < 5; ++i) shift();
    bytes_.erase(bytes_.begin());  // what was held at the start: 0, which no carry can reach
    return std::move(bytes_);
  }

 private:
  static constexpr uint32_t kTop = 1 << 24;

  // A byte leaves only when no carry can reach it any more.
  void shift() {
    if (low_ < 0xFF000000U || (low_ >> 32) != 0) {
      const auto carry = static_cast<uint8_t>(low_ >> 32);
      for (; waiting_ != 0; --waiting_) {
        bytes_.push_back(static_cast<std::byte>(held_ + carry));
        held_ = 0xFF;
      }
      held_ = static_cast<uint8_t>(low_ >> 24);
    }
    ++waiting_;
    low_ = static_cast<uint32_t>(low_) << 8;
  }

  std::vector<std::byte> bytes_;
  uint64_t low_ = 0, waiting_ = 1;
  uint32_t range_ = 0xFFFFFFFFU;
  uint8_t held_ = 0;
};

// Reads zeros after the last byte; whole() says whether the bytes were exactly those that an encoder wrote for these bits.
class RangeDecoder {
 public:
  explicit RangeDecoder(std::span<const std::byte> bytes) : bytes_(bytes) {
    for (int i = 0; i < 4; ++i) code_ = code_ << 8 | next();
  }

  bool bit(BitModel& model, bool = false) {
    const uint32_t bound = (range_ >> 16) * model.probability();
    const bool set = code_ < bound;
    if (set) {
      range_ = bound;
    } else {
      code_ -= bound;
      range_ -= bound;
    }
    model.adapt(set);
    while (range_ < kTop) {
      range_ <<= 8;
      code_ = code_ << 8 | next();
    }
    return set;
  }

  bool whole() const { return at_ == bytes_.size(); }

 private:
  static constexpr uint32_t kTop = 1 << 24;
  uint32_t next() {
    const size_t at = at_++;
    return at < bytes_.size() ? static_cast<uint32_t>(bytes_[at]) : 0;
  }

  std::span<const std::byte> bytes_;
  size_t at_ = 0;
  uint32_t code_ = 0, range_ = 0xFFFFFFFFU;
};

}  // namespace omni::formats
