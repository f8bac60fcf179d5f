// Random numbers that are a function of where they are used: (seed, name, step, element) gives the bits, in any order, on any thread, on any machine.
//
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011). One block under the key `seed` at the
// counter (hash of the name, step) gives the key and the upper counter half of a stream; block e / 4 of that stream holds the words of element e.
// No libm: its log and sin differ in the last bit between versions and CPUs, and initial weights must be the same bytes everywhere, so
// normal() uses its own, made of IEEE additions, multiplications, divisions and square roots only.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace omni::core {

struct PhiloxBlock {
  uint32_t words[4];
};

// The bijection itself: ten rounds on a counter of four words under a key of two.
inline PhiloxBlock philox4x32(PhiloxBlock counter, uint32_t key0, uint32_t key1) {
  constexpr uint64_t kMultiplier0 = 0xd2511f53, kMultiplier1 = 0xcd9e8d57;
  constexpr uint32_t kWeyl0 = 0x9e3779b9, kWeyl1 = 0xbb67ae85;
  uint32_t* const c = counter.words;
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = kMultiplier0 * c[0], product1 = kMultiplier1 * c[2];
    const uint32_t next0 = static_cast<uint32_t>(product1 >> 32) ^ c[1] ^ key0;
    const uint32_t next2 = static_cast<uint32_t>(product0 >> 32) ^ c[3] ^ key1;
    c[1] = static_cast<uint32_t>(product1);
    c[3] = static_cast<uint32_t>(product0);
    c[0] = next0;
    c[2] = next2;
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return counter;
}

// FNV-1a with 64 bits: the number a stream's name stands for.
constexpr uint64_t name_hash(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// Cheap to make (one block) and to copy; all calls are pure.
class RandomStream {
 public:
  RandomStream(uint64_t seed, uint64_t hashed_name, uint64_t step = 0) {
    const PhiloxBlock at = {{static_cast<uint32_t>(hashed_name), static_cast<uint32_t>(hashed_name >> 32), static_cast<uint32_t>(step),
                             static_cast<uint32_t>(step >> 32)}};
    base_ = philox4x32(at, static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
  }
  RandomStream(uint64_t seed, std::string_view name, uint64_t step = 0) : RandomStream(seed, name_hash(name), step) {}

  // Elements 4 * index to 4 * index + 3 at once.
  PhiloxBlock block(uint64_t index) const {
    const PhiloxBlock at = {{static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), base_.words[2], base_.words[3]}};
    return philox4x32(at, base_.words[0], base_.words[1]);
  }
  uint32_t bits(uint64_t element) const { return block(element / 4).words[element % 4]; }

  // [0, 1), a multiple of 2^-24.
  static float to_uniform(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }
  float uniform(uint64_t element) const { return to_uniform(bits(element)); }
  // [0, bound), bound > 0; its bias is below bound / 2^64. Takes the words of elements 2 * element and 2 * element + 1.
  uint64_t below(uint64_t element, uint64_t bound) const;
  // Standard normal by Box and Muller (1958) in double: elements 2k and 2k + 1 are the cosine and the sine of one pair of words.
  float normal(uint64_t element) const;

 private:
  PhiloxBlock base_;
};

inline uint32_t random_bits(uint64_t seed, uint64_t hashed_name, uint64_t step, uint64_t element) {
  return RandomStream(seed, hashed_name, step).bits(element);
}

// The order of n samples in one epoch: a permutation of 0 … n - 1 (Fisher and Yates). n >= 0.
std::vector<int64_t> shuffle(uint64_t seed, uint64_t epoch, int64_t n);

}  // namespace omni::core
