// DynamicQuantizeLSTM against the same in doubles: every product's left side goes to bytes by its own range, whole numbers are multiplied.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

struct Bytes {
  std::vector<double> numbers;  // zero point taken off
  double scale;
};

Bytes to_bytes(const std::vector<double>& x) {
  double low = 0, high = 0;
  for (const double v : x) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  const auto scale = static_cast<double>(high == low ? 1.0f : (static_cast<float>(high) - static_cast<float>(low)) / 255.0f);
  const double zero = std::nearbyint(std::clamp(-low / scale, 0.0, 255.0));
  Bytes b{{}, scale};
  for (const double v : x) b.numbers.push_back(std::clamp(std::nearbyint(v / scale) + zero, 0.0, 255.0) - zero);
  return b;
}

double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }

// Y, Y_h, Y_c; all entries as long as the sequence.
Outputs lstm(const Inputs& in) {
  const Shape &xs = in[0]->shape(), &ws = in[1]->shape();
  const int64_t steps = xs[0], batch = xs[1], inputs = xs[2], directions = ws[0], width = ws[2], hidden = width / 4;
  const std::vector<double> x = to_double(*in[0]), b = to_double(*in[3]), w = to_double(*in[1]), r = to_double(*in[2]);
  Outputs out = {std::vector<double>(static_cast<size_t>(steps * directions * batch * hidden)), {}, {}};
  const auto factor = [&](int i, int64_t d, int64_t column) {
    const std::vector<double> list = to_double(*in[static_cast<size_t>(i)]);
    return list[static_cast<size_t>(static_cast<int64_t>(list.size()) == directions ? d : d * width + column)];
  };
  const auto product = [&](const Bytes& a, int64_t row, int64_t k, const std::vector<double>& m, int64_t d, int64_t column, int scale_at) {
    double sum = 0;
    for (int64_t i = 0; i < k; ++i) {
      sum += a.numbers[static_cast<size_t>(row * k + i)] * (m[static_cast<size_t>((d * k + i) * width + column)] - factor(scale_at + 1, d, column));
    }
    return sum * a.scale * factor(scale_at, d, column);
  };
  const Bytes quantized = to_bytes(x);
  for (int64_t d = 0; d < directions; ++d) {
    std::vector<double> h(static_cast<size_t>(batch * hidden)), c(h);
    for (int64_t s = 0; s < steps; ++s) {
      const int64_t t = d == 1 ? steps - 1 - s : s;
      const Bytes state = to_bytes(h);
      for (int64_t e = 0; e < batch; ++e) {
        for (int64_t k = 0; k < hidden; ++k) {
          const auto gate = [&](int64_t g) {
            const int64_t column = g * hidden + k;
            return product(quantized, t * batch + e, inputs, w, d, column, 8) + product(state, e, hidden, r, d, column, 10) +
                   b[static_cast<size_t>(d * 2 * width + column)] + b[static_cast<size_t>(d * 2 * width + width + column)];
          };
          const auto at = static_cast<size_t>(e * hidden + k);
          c[at] = sigmoid(gate(2)) * c[at] + sigmoid(gate(0)) * std::tanh(gate(3));
          h[at] = sigmoid(gate(1)) * std::tanh(c[at]);
          out[0][static_cast<size_t>(((t * directions + d) * batch + e) * hidden + k)] = h[at];
        }
      }
    }
    out[1].insert(out[1].end(), h.begin(), h.end());
    out[2].insert(out[2].end(), c.begin(), c.end());
  }
  return out;
}

Tensor bytes_of(DType dtype, Shape shape, int step) {
  std::vector<double> v(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<double>(static_cast<int>(i) * step % 251) - (dtype == DType::kI8 ? 125 : 0);
  return from_double(dtype, shape, v);
}

Inputs inputs_of(DType dtype, int64_t directions, bool per_column) {
  const int64_t hidden = 5, width = 4 * hidden;
  const Shape list = per_column ? Shape{directions, width} : Shape{directions};
  const double zero = dtype == DType::kI8 ? 0 : 120;
  const Tensor zeros = from_double(dtype, list, std::vector<double>(static_cast<size_t>(list.count()), zero));
  return {wave(Shape{4, 3, 7}),
          bytes_of(dtype, Shape{directions, 7, width}, 37),
          bytes_of(dtype, Shape{directions, hidden, width}, 53),
          wave(Shape{directions, 2 * width}, 0.3),
          std::nullopt,
          std::nullopt,
          std::nullopt,
          std::nullopt,
          wave(list, 0.001, 0.004),
          zeros,
          wave(list, 0.001, 0.005),
          zeros};
}

// A state that lies between two bytes may go to the other one in f32: a step of its scale, 0.004, times a weight, 0.6; none of these does.
TEST(DynamicQuantizeLSTM, ProductsOfBytes) {
  for (const DType dtype : {DType::kI8, DType::kU8}) {
    for (const bool per_column : {false, true}) {
      for (const bool constant : {true, false}) {
        check({.name = constant ? "constant weights" : "weights packed in the run",
               .op = &kMsDynamicQuantizeLSTM,
               .inputs = inputs_of(dtype, 1, per_column),
               .attributes = {{"hidden_size", int64_t{5}}},
               .outputs = 3,
               .reference = lstm,
               .constants = constant ? std::vector<int>{1, 2, 8, 9, 10, 11} : std::vector<int>{},
               .tolerance = 5e-6});
      }
    }
  }
  check({.name = "both directions",
         .op = &kMsDynamicQuantizeLSTM,
         .inputs = inputs_of(DType::kI8, 2, true),
         .attributes = {{"hidden_size", int64_t{5}}, {"direction", "bidirectional"}},
         .outputs = 3,
         .reference = lstm,
         .constants = {1, 2, 8, 9, 10, 11},
         .tolerance = 5e-6});
}

}  // namespace
}  // namespace omni::ops
