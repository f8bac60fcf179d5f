// The discrete Fourier transform of any length: mixed radix in double precision, prime factors by the sum itself.
#pragma once

#include <algorithm>
#include <complex>
#include <cstdint>
#include <vector>

namespace omni::ops {

class Fourier {
 public:
  // Tables for length n >= 1; `inverse` turns the sign of the exponent (and divides by nothing).
  Fourier(int64_t n, bool inverse);

  int64_t length() const { return n_; }
  // Complex numbers that run() wants as its workspace: no allocation there.
  int64_t workspace() const { return largest_; }
  // Tasks that so many transforms are cut into, and what they need beside each other: `task_numbers()` complex numbers each, in, out and workspace.
  static int64_t tasks(int64_t lines) { return std::max<int64_t>(1, std::min<int64_t>(32, lines)); }
  int64_t task_numbers() const { return 2 * n_ + largest_; }
  size_t scratch_bytes(int64_t tasks) const { return static_cast<size_t>(tasks * task_numbers()) * sizeof(std::complex<double>); }
  // out[k] = sum over j of in[j] * exp(∓2πi jk / n). in and out do not overlap.
  void run(const std::complex<double>* in, std::complex<double>* out, std::complex<double>* workspace) const noexcept;

 private:
  void step(const std::complex<double>* in, int64_t stride, std::complex<double>* out, int64_t n, size_t factor,
            std::complex<double>* workspace) const noexcept;

  int64_t n_, largest_ = 1;
  std::vector<int64_t> factors_;
  std::vector<std::complex<double>> roots_;  // exp(∓2πi j / n)
};

}  // namespace omni::ops
