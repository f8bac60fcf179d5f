#include "ops/signal/fourier.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace omni::ops {

Fourier::Fourier(int64_t n, bool inverse) : n_(n) {
  int64_t rest = n;
  for (const int64_t p : {int64_t{4}, int64_t{2}}) {
    for (; rest % p == 0; rest /= p) factors_.push_back(p);
  }
  for (int64_t p = 3; p * p <= rest; p += 2) {
    for (; rest % p == 0; rest /= p) factors_.push_back(p);
  }
  if (rest > 1) factors_.push_back(rest);
  for (const int64_t p : factors_) largest_ = std::max(largest_, p);
  roots_.reserve(static_cast<size_t>(n));
  for (int64_t j = 0; j < n; ++j) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(j) / static_cast<double>(n);
    roots_.emplace_back(std::cos(angle), inverse ? std::sin(angle) : -std::sin(angle));
  }
}

void Fourier::run(const std::complex<double>* in, std::complex<double>* out, std::complex<double>* workspace) const noexcept {
  step(in, 1, out, n_, 0, workspace);
}

// Decimation in time: p transforms of every p-th element, joined column by column.
void Fourier::step(const std::complex<double>* in, int64_t stride, std::complex<double>* out, int64_t n, size_t factor,
                   std::complex<double>* workspace) const noexcept {
  if (n == 1) {
    out[0] = in[0];
    return;
  }
  const int64_t p = factors_[factor], m = n / p, turn = n_ / n;
  for (int64_t k = 0; k < p; ++k) step(in + k * stride, stride * p, out + k * m, m, factor + 1, workspace);
  for (int64_t j = 0; j < m; ++j) {
    for (int64_t k = 0; k < p; ++k) workspace[k] = out[k * m + j] * roots_[static_cast<size_t>(k * j * turn)];
    for (int64_t q = 0; q < p; ++q) {
      std::complex<double> sum = workspace[0];
      for (int64_t k = 1; k < p; ++k) sum += workspace[k] * roots_[static_cast<size_t>(k * q % p * (n_ / p))];
      out[q * m + j] = sum;
    }
  }
}

}  // namespace omni::ops
