#include "compress/quantize/gptq.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/half.h"

namespace omni::compress {

namespace {

constexpr int64_t kRows = 16;      // of weights at once, so that a row of the inverse is read once for all of them
constexpr int64_t kColumns = 128;  // of the inverse in one task

// H in the order of `order`, damped.
std::vector<double> damped(std::span<const float> gram, int64_t k, const std::vector<int64_t>& order, double damping) {
  const size_t n = static_cast<size_t>(k);
  double mean = 0;
  for (size_t i = 0; i < n; ++i) mean += static_cast<double>(gram[i * n + i]) / static_cast<double>(n);
  if (!(mean > 0)) mean = 1;
  std::vector<double> h(n * n);
  for (size_t i = 0; i < n; ++i) {
    const size_t from = static_cast<size_t>(order[i]);
    for (size_t j = 0; j < n; ++j) {
      const size_t at = static_cast<size_t>(order[j]);
      h[i * n + j] = (static_cast<double>(gram[from * n + at]) + static_cast<double>(gram[at * n + from])) / 2;
    }
    if (h[i * n + i] <= 0) h[i * n + i] = mean;
    h[i * n + i] += damping * mean;
  }
  return h;
}

// In place: the lower triangle becomes T with H = T^T T, that is H = R R^T for the upper triangular R = T^T. False where H is not positive definite.
bool factorize(std::vector<double>& h, int64_t k, ThreadPool& pool) {
  const size_t n = static_cast<size_t>(k);
  for (size_t j = n; j-- > 0;) {
    double* const row = h.data() + j * n;
    if (!(row[j] > 0) || !std::isfinite(row[j])) return false;
    const double pivot = std::sqrt(row[j]);
    row[j] = pivot;
    for (size_t i = 0; i < j; ++i) row[i] /= pivot;
    const int64_t tasks = (static_cast<int64_t>(j) + kColumns - 1) / kColumns;
    pool.parallel_for(tasks, [&](int64_t task) {
      const size_t to = std::min(j, static_cast<size_t>((task + 1) * kColumns));
      for (size_t i = static_cast<size_t>(task * kColumns); i < to; ++i) {
        double* const target = h.data() + i * n;
        const double factor = row[i];
        for (size_t c = 0; c <= i; ++c) target[c] -= factor * row[c];
      }
    });
  }
  return true;
}

// U = R^-1, upper triangular, so that H^-1 = U^T U.
std::vector<double> inverse(const std::vector<double>& t, int64_t k, ThreadPool& pool) {
  const size_t n = static_cast<size_t>(k);
  std::vector<double> u(n * n, 0.0);
  pool.parallel_for((k + kColumns - 1) / kColumns, [&](int64_t task) {
    const size_t begin = static_cast<size_t>(task * kColumns), end = std::min(n, begin + static_cast<size_t>(kColumns));
    for (size_t i = end; i-- > 0;) {
      double* const row = u.data() + i * n;
      if (i >= begin) row[i] = 1;
      for (size_t m = i + 1; m < end; ++m) {
        const double factor = t[m * n + i];
        const double* const other = u.data() + m * n;
        for (size_t c = std::max(begin, m); c < end; ++c) row[c] -= factor * other[c];
      }
      const double pivot = t[i * n + i];
      for (size_t c = std::max(begin, i); c < end; ++c) row[c] /= pivot;
    }
  });
  return u;
}

// The columns in the order they are rounded.
std::vector<int64_t> column_order(std::span<const float> gram, int64_t k, bool act_order) {
  std::vector<int64_t> order(static_cast<size_t>(k));
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto weight = [&](int64_t i) { return gram[static_cast<size_t>(i * k + i)]; };
  if (act_order) std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return weight(a) > weight(b); });
  return order;
}

// Rounds one row; `levels` [K] and `params` [blocks] come out in the order of the matrix.
class RowRounder {
 public:
  RowRounder(std::span<const float> weights, const std::vector<int64_t>& order, const GptqOptions& options)
      : order_(order),
        options_(options),
        w_(weights.size()),
        levels_(weights.size()),
        params_((weights.size() + static_cast<size_t>(options.group) - 1) / static_cast<size_t>(options.group)) {
    for (size_t i = 0; i < w_.size(); ++i) w_[i] = weights[static_cast<size_t>(order[i])];
    if (!options.act_order) return;
    for (size_t b = 0; b < params_.size(); ++b) params_[b] = choose_block(block(weights, b), options.levels, options.choice);
  }

  // Rounds column i and takes its error to those behind it; `u` is row i of the inverse.
  void step(size_t i, const double* u) {
    const size_t column = static_cast<size_t>(order_[i]), b = column / static_cast<size_t>(options_.group);
    if (!options_.act_order && column % static_cast<size_t>(options_.group) == 0) {
      const std::vector<float> now(w_.begin(), w_.end());
      params_[b] = choose_block(block(now, b), options_.levels, options_.choice);
    }
    levels_[column] = static_cast<uint8_t>(block_level(w_[i], params_[b], options_.levels));
    const double error = (w_[i] - block_value(levels_[column], params_[b])) / u[i];
    for (size_t j = i + 1; j < w_.size(); ++j) w_[j] -= error * u[j];
  }

  const std::vector<uint8_t>& levels() const { return levels_; }
  const std::vector<BlockParams>& params() const { return params_; }

 private:
  std::span<const float> block(std::span<const float> row, size_t b) const {
    const size_t from = b * static_cast<size_t>(options_.group);
    return row.subspan(from, std::min(static_cast<size_t>(options_.group), row.size() - from));
  }

  const std::vector<int64_t>& order_;
  const GptqOptions& options_;
  std::vector<double> w_;
  std::vector<uint8_t> levels_;
  std::vector<BlockParams> params_;
};

}  // namespace

BlockWeights quantize_gptq(const Tensor& matrix, const Tensor& gram, const GptqOptions& options, ThreadPool& pool) {
  const int64_t rows = matrix.shape()[0], k = matrix.shape()[1], groups = gram.shape()[0], each = rows / groups;
  const int64_t blocks = (k + options.group - 1) / options.group;
  BlockWeights out(rows, k, options.group);
  std::vector<uint8_t> levels(static_cast<size_t>(rows * k));
  std::vector<BlockParams> params(static_cast<size_t>(rows * blocks));
  for (int64_t g = 0; g < groups; ++g) {
    const std::span<const float> h = gram.values<float>().subspan(static_cast<size_t>(g * k * k), static_cast<size_t>(k * k));
    const std::vector<int64_t> order = column_order(h, k, options.act_order);
    std::vector<double> t = damped(h, k, order, options.damping);
    if (!factorize(t, k, pool)) {
      throw Error(ErrorCode::kInvalidData, "the inputs' Gram matrix is not positive definite", {},
                  "look for values that are not finite in the data, or raise the damping");
    }
    const std::vector<double> u = inverse(t, k, pool);
    pool.parallel_for((each + kRows - 1) / kRows, [&](int64_t task) {
      const int64_t first = g * each + task * kRows, last = std::min((g + 1) * each, first + kRows);
      std::vector<RowRounder> rounders;
      for (int64_t r = first; r < last; ++r) {
        rounders.emplace_back(matrix.values<float>().subspan(static_cast<size_t>(r * k), static_cast<size_t>(k)), order, options);
      }
      for (size_t i = 0; i < static_cast<size_t>(k); ++i) {
        for (RowRounder& rounder : rounders) rounder.step(i, u.data() + i * static_cast<size_t>(k));
      }
      for (int64_t r = first; r < last; ++r) {
        const RowRounder& rounder = rounders[static_cast<size_t>(r - first)];
        std::copy(rounder.levels().begin(), rounder.levels().end(), levels.begin() + r * k);
        std::copy(rounder.params().begin(), rounder.params().end(), params.begin() + r * blocks);
      }
    });
  }
  for (size_t i = 0; i < levels.size(); ++i) pack_4bit(static_cast<uint8_t*>(out.values.mutable_data()), static_cast<int64_t>(i), levels[i]);
  for (size_t b = 0; b < params.size(); ++b) out.set_block(static_cast<int64_t>(b), params[b]);
  return out;
}

double output_error(const Tensor& a, const Tensor& b, const Tensor& gram) {
  const size_t rows = static_cast<size_t>(a.shape()[0]), k = static_cast<size_t>(a.shape()[1]), each = rows / static_cast<size_t>(gram.shape()[0]);
  const std::span<const float> p = a.values<float>(), q = b.values<float>();
  std::vector<double> d(k), sums(k);
  double total = 0;
  for (size_t r = 0; r < rows; ++r) {
    const float* const h = gram.values<float>().data() + r / each * k * k;
    for (size_t i = 0; i < k; ++i) d[i] = static_cast<double>(p[r * k + i]) - q[r * k + i];
    std::fill(sums.begin(), sums.end(), 0.0);
    for (size_t i = 0; i < k; ++i) {
      for (size_t j = 0; j < k; ++j) sums[j] += d[i] * static_cast<double>(h[i * k + j]);
    }
    for (size_t j = 0; j < k; ++j) total += sums[j] * d[j];
  }
  return total;
}

}  // namespace omni::compress
