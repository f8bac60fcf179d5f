// Fourier transforms against the sum that defines them; windows against their formulas.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "ops/op_case_test.h"
#include "ops/signal/fourier.h"

namespace omni::ops {
namespace {

using Complex = std::complex<double>;

std::vector<Complex> transform(const std::vector<Complex>& x, int sign) {
  std::vector<Complex> y(x.size());
  for (size_t k = 0; k < x.size(); ++k) {
    for (size_t j = 0; j < x.size(); ++j)
      y[k] += x[j] * std::polar(1.0, sign * 2 * std::numbers::pi * static_cast<double>(j * k % x.size()) / static_cast<double>(x.size()));
  }
  return y;
}

TEST(Fourier, EveryLength) {
  for (const int64_t n : {1, 2, 3, 4, 5, 6, 8, 9, 12, 15, 16, 17, 30, 49, 97, 128, 400}) {
    std::vector<Complex> x;
    for (int64_t i = 0; i < n; ++i) x.emplace_back(std::sin(1.7 * static_cast<double>(i)), std::cos(0.3 * static_cast<double>(i * i)));
    for (const bool inverse : {false, true}) {
      const Fourier fourier(n, inverse);
      std::vector<Complex> y(x.size()), workspace(static_cast<size_t>(fourier.workspace()));
      fourier.run(x.data(), y.data(), workspace.data());
      const std::vector<Complex> expected = transform(x, inverse ? 1 : -1);
      for (size_t i = 0; i < y.size(); ++i) EXPECT_LT(std::abs(y[i] - expected[i]), 1e-12 * static_cast<double>(n)) << n;
    }
  }
}

std::vector<double> parts(const std::vector<Complex>& x, size_t first) {
  std::vector<double> y;
  for (size_t i = 0; i < first; ++i) y.insert(y.end(), {x[i].real(), x[i].imag()});
  return y;
}

TEST(Dft, Cases) {
  const Tensor x = wave(Shape{1, 6, 1});
  std::vector<Complex> signal;
  for (const double v : to_double(x)) signal.emplace_back(v);
  const std::vector<Complex> full = transform(signal, -1);
  check({.name = "real", .op = &kDFT, .inputs = {x}, .expected = {parts(full, 6)}, .shapes = {Shape{1, 6, 2}}});
  check({.name = "one-sided",
         .op = &kDFT,
         .inputs = {x},
         .attributes = {{"onesided", int64_t{1}}},
         .expected = {parts(full, 4)},
         .shapes = {Shape{1, 4, 2}}});
  std::vector<Complex> longer = signal;
  longer.resize(8);
  check({.name = "filled up to 8",
         .op = &kDFT,
         .inputs = {x, Tensor::scalar(int64_t{8}), Tensor::scalar(int64_t{1})},
         .expected = {parts(transform(longer, -1), 8)}});
  const Tensor back = from_double(DType::kF32, Shape{1, 6, 2}, parts(full, 6));
  std::vector<double> again;
  for (const Complex& v : signal) again.insert(again.end(), {v.real(), 0.0});
  check({.name = "inverse", .op = &kDFT, .inputs = {back}, .attributes = {{"inverse", int64_t{1}}}, .expected = {again}});
  const Tensor half = from_double(DType::kF64, Shape{1, 4, 2}, parts(full, 4));
  check({.name = "one-sided inverse of f64",
         .op = &kDFT,
         .inputs = {half},
         .attributes = {{"inverse", int64_t{1}}, {"onesided", int64_t{1}}},
         .expected = {to_double(x)},
         .shapes = {Shape{1, 6, 1}},
         .tolerance = 1e-7});
  expect_refused(kDFT, {wave(Shape{1, 6, 3})}, {}, "1 (real) or 2 (complex)");
  expect_refused(kDFT, {wave(Shape{1, 6, 1}), Tensor::scalar(int64_t{0})}, {}, "length 0");
}

TEST(Stft, FramesOverlap) {
  const Tensor x = wave(Shape{1, 10, 1}), window = Tensor::of<float>(Shape{4}, {0.5f, 1, 1, 0.5f});
  std::vector<double> expected;
  const std::vector<double> v = to_double(x);
  for (size_t start = 0; start + 4 <= 10; start += 3) {
    const std::vector<double> frame = parts(transform({v[start] * 0.5, v[start + 1], v[start + 2], v[start + 3] * 0.5}, -1), 3);
    expected.insert(expected.end(), frame.begin(), frame.end());
  }
  check({.name = "windowed", .op = &kSTFT, .inputs = {x, Tensor::scalar(int64_t{3}), window}, .expected = {expected}, .shapes = {Shape{1, 3, 3, 2}}});
  expect_refused(kSTFT, {x, Tensor::scalar(int64_t{0}), window}, {}, "frame_step is 0");
}

TEST(Windows, Cases) {
  const auto expected = [](double a0, double a1, double a2, double n) {
    std::vector<double> w;
    for (int i = 0; i < 5; ++i) {
      const double t = 2 * std::numbers::pi * i / n;
      w.push_back(a0 - a1 * std::cos(t) + a2 * std::cos(2 * t));
    }
    return w;
  };
  const Tensor five = Tensor::scalar(int64_t{5});
  check({.name = "Hann", .op = &kHannWindow, .inputs = {five}, .expected = {expected(0.5, 0.5, 0, 5)}});
  check({.name = "Hann, symmetric",
         .op = &kHannWindow,
         .inputs = {five},
         .attributes = {{"periodic", int64_t{0}}},
         .expected = {expected(0.5, 0.5, 0, 4)}});
  check({.name = "Hamming", .op = &kHammingWindow, .inputs = {five}, .expected = {expected(25.0 / 46, 21.0 / 46, 0, 5)}});
  check({.name = "Blackman in f64",
         .op = &kBlackmanWindow,
         .inputs = {five},
         .attributes = {{"output_datatype", int64_t{11}}},
         .expected = {expected(0.42, 0.5, 0.08, 5)},
         .tolerance = 1e-15});
}

TEST(MelWeightMatrix, RisesAndFalls) {
  const Inputs in = {Tensor::scalar(int64_t{2}), Tensor::scalar(int64_t{16}), Tensor::scalar(int64_t{8000}), Tensor::scalar(0.0f),
                     Tensor::scalar(4000.0f)};
  // Edges on the mel scale at 0, 1, 2, 3 quarters of 2595 log10(1 + 4000 / 700): 0, 427, 1114, 2220 Hz, that is bins 0, 0, 2, 4 of 17 / 8000 Hz.
  check({.name = "two bands",
         .op = &kMelWeightMatrix,
         .inputs = in,
         .expected = {{1, 0, 0.5, 0.5, 0, 1, 0, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
         .shapes = {Shape{9, 2}}});
  Inputs beyond = in;
  beyond[4] = Tensor::scalar(90000.0f);
  Graph g;
  std::vector<ValueId> ids;
  for (const auto& t : beyond) ids.push_back(g.add_constant("x", *t));
  g.add_output(g.add1(kMelWeightMatrix, ids));
  ThreadPool pool(1);
  EXPECT_THROW(run_graph(g, {}, pool, Isa::kScalar), Error);
}

}  // namespace
}  // namespace omni::ops
