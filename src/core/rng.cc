#include "core/rng.h"

#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

namespace omni::core {

namespace {

// Natural logarithm for 0 < x <= 1, within 2 ulp: x = m 2^e with m in [√½, √2), ln m = 2 artanh((m - 1) / (m + 1)) as a series in its square,
// whose term of order 23 is below 2^-59.
double portable_log(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1) / (m + 1), z = s * s;
  double sum = 0;
  for (int order = 21; order >= 3; order -= 2) sum = (sum + 1.0 / order) * z;
  return static_cast<double>(exponent) * 0.6931471805599453 + (2 * s + 2 * s * sum);
}

// sin and cos of x in [-π/4, π/4] by their Taylor series, whose first term left out is below 2^-60.
double small_sin(double x) {
  const double z = x * x;
  double sum = 1;
  for (int k = 17; k >= 3; k -= 2) sum = 1 - sum * z / (k * (k - 1));
  return x * sum;
}

double small_cos(double x) {
  const double z = x * x;
  double sum = 1;
  for (int k = 18; k >= 2; k -= 2) sum = 1 - sum * z / (k * (k - 1));
  return sum;
}

// cos and sin of 2 π turn / 2^32.
std::pair<double, double> cos_sin(uint32_t turn) {
  const uint32_t quadrant = (turn + 0x20000000u) >> 30;                            // the nearest multiple of a quarter turn
  const double x = static_cast<double>(static_cast<int32_t>(turn - (quadrant << 30))) * 0x1p-32 * 6.283185307179586;
  const double c = small_cos(x), s = small_sin(x);
  switch (quadrant) {
    case 0: return {c, s};
    case 1: return {-s, c};
    case 2: return {-c, -s};
    default: return {s, -c};
  }
}

}  // namespace

uint64_t RandomStream::below(uint64_t element, uint64_t bound) const {
  const PhiloxBlock b = block(element / 2);
  const size_t at = (element % 2) * 2;
  const uint64_t word = static_cast<uint64_t>(b.words[at + 1]) << 32 | b.words[at];
  // The high half of the 128-bit product, in parts: the standard has no wider type.
  const uint64_t low = (word & 0xffffffff) * (bound & 0xffffffff);
  const uint64_t middle0 = (word >> 32) * (bound & 0xffffffff) + (low >> 32);
  const uint64_t middle1 = (word & 0xffffffff) * (bound >> 32) + (middle0 & 0xffffffff);
  return (word >> 32) * (bound >> 32) + (middle0 >> 32) + (middle1 >> 32);
}

float RandomStream::normal(uint64_t element) const {
  const PhiloxBlock b = block(element / 4);
  const size_t pair = (element % 4) & ~size_t{1};
  const double u = (static_cast<double>(b.words[pair]) + 1) * 0x1p-32;  // (0, 1], so that the logarithm is finite
  const double radius = std::sqrt(-2 * portable_log(u));
  const auto [c, s] = cos_sin(b.words[pair + 1]);
  return static_cast<float>(radius * (element % 2 == 0 ? c : s));
}

std::vector<int64_t> shuffle(uint64_t seed, uint64_t epoch, int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  const RandomStream stream(seed, "shuffle", epoch);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[stream.below(i - 1, i)]);
  return order;
}

}  // namespace omni::core
