#include "compress/quantize/observer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace omni::compress {

namespace {

constexpr double kLevels = 255;

Range with_zero(Range r) { return {std::min(r.lo, 0.0), std::max(r.hi, 0.0)}; }

// Sums over the sorted bins, so that the error of any range costs two binary searches.
class Moments {
 public:
  explicit Moments(const Histogram& histogram) : bins_(histogram.bins()) {
    for (const Histogram::Bin& b : bins_) {
      n_.push_back(n_.back() + b.count);
      sum_.push_back(sum_.back() + b.count * b.value);
      square_.push_back(square_.back() + b.count * b.value * b.value);
      if (b.value == 0) zeros_ += b.count;
    }
  }

  double power() const { return square_.back(); }
  double count() const { return n_.back(); }
  double error(Range r) const {
    const size_t below = static_cast<size_t>(std::lower_bound(bins_.begin(), bins_.end(), r.lo, by_value) - bins_.begin());
    const size_t above = static_cast<size_t>(std::lower_bound(bins_.begin(), bins_.end(), std::nextafter(r.hi, HUGE_VAL), by_value) - bins_.begin());
    const double step = (r.hi - r.lo) / kLevels;
    // Rounding spreads evenly over a step, except for exact zeros, which are on the grid.
    const double inside = std::max(0.0, n_[above] - n_[below] - zeros_) * step * step / 12;
    return inside + clipped(0, below, r.lo) + clipped(above, bins_.size(), r.hi);
  }

 private:
  static bool by_value(const Histogram::Bin& b, double v) { return b.value < v; }
  double clipped(size_t from, size_t to, double bound) const {
    return (square_[to] - square_[from]) - 2 * bound * (sum_[to] - sum_[from]) + bound * bound * (n_[to] - n_[from]);
  }

  std::vector<Histogram::Bin> bins_;
  std::vector<double> n_ = {0}, sum_ = {0}, square_ = {0};
  double zeros_ = 0;
};

Range mse_range(const Histogram& histogram) {
  constexpr int kSteps = 48;  // eighths of an octave: down to 1/64 of the extreme
  const Moments moments(histogram);
  const Range full = with_zero({histogram.min(), histogram.max()});
  Range best = full;
  double least = moments.error(full);
  for (int i = 0; i <= (full.lo < 0 ? kSteps : 0); ++i) {
    for (int j = 0; j <= (full.hi > 0 ? kSteps : 0); ++j) {
      const Range r{full.lo * std::exp2(-i / 8.0), full.hi * std::exp2(-j / 8.0)};
      const double error = moments.error(r);
      if (error < least) {
        least = error;
        best = r;
      }
    }
  }
  return best;
}

Range percentile_range(const Histogram& histogram, double percentile) {
  const std::vector<Histogram::Bin> bins = histogram.bins();
  const double outside = static_cast<double>(histogram.count()) * (1 - percentile / 100) / 2;
  Range r{histogram.min(), histogram.max()};
  double seen = 0;
  for (const Histogram::Bin& b : bins) {
    if ((seen += b.count) > outside) {
      r.lo = seen == b.count ? histogram.min() : b.value;
      break;
    }
  }
  seen = 0;
  for (auto b = bins.rbegin(); b != bins.rend(); ++b) {
    if ((seen += b->count) > outside) {
      r.hi = seen == b->count ? histogram.max() : b->value;
      break;
    }
  }
  return r;
}

// Divergence of |x| clipped at bin `edge` from its 128-level quantization.
double divergence(const std::vector<double>& p, size_t edge) {
  constexpr size_t kBuckets = 128;
  std::vector<double> reference(p.begin(), p.begin() + static_cast<ptrdiff_t>(edge));
  for (size_t i = edge; i < p.size(); ++i) reference.back() += p[i];
  std::vector<double> quantized(edge, 0.0);
  for (size_t k = 0; k < kBuckets; ++k) {
    const size_t from = k * edge / kBuckets, to = (k + 1) * edge / kBuckets;
    double total = 0, used = 0;
    for (size_t i = from; i < to; ++i) {
      total += p[i];
      used += p[i] > 0;
    }
    for (size_t i = from; i < to; ++i) quantized[i] = p[i] > 0 ? total / used : 0;
  }
  double sum_p = 0, sum_q = 0;
  for (size_t i = 0; i < edge; ++i) {
    sum_p += reference[i];
    sum_q += quantized[i];
  }
  if (sum_p <= 0 || sum_q <= 0) return std::numeric_limits<double>::infinity();
  double kl = 0;
  for (size_t i = 0; i < edge; ++i) {
    if (reference[i] <= 0) continue;
    const double a = reference[i] / sum_p, b = std::max(quantized[i] / sum_q, 1e-9);
    kl += a * std::log(a / b);
  }
  return kl;
}

Range entropy_range(const Histogram& histogram) {
  constexpr size_t kFine = 2048, kCoarsest = 128;
  const double extreme = std::max(std::fabs(histogram.min()), std::fabs(histogram.max()));
  const Range full{histogram.min(), histogram.max()};
  if (extreme == 0) return full;
  std::vector<double> p(kFine, 0.0);
  for (const Histogram::Bin& b : histogram.bins()) {
    if (b.value == 0) continue;  // exact zeros cost nothing and would dominate
    const double width = std::fabs(b.value) / 32;
    const double from = std::max(0.0, std::fabs(b.value) - width / 2), to = std::min(extreme, from + width);
    const double first = from / extreme * kFine, last = std::max(first + 1e-9, to / extreme * kFine);
    for (size_t i = static_cast<size_t>(first); i < kFine && static_cast<double>(i) < last; ++i) {
      const double overlap = std::min(last, static_cast<double>(i) + 1) - std::max(first, static_cast<double>(i));
      p[i] += b.count * overlap / (last - first);
    }
  }
  const Moments moments(histogram);
  const auto range_of = [&](size_t edge) {
    const double bound = extreme * static_cast<double>(edge) / kFine;
    return with_zero({std::max(full.lo, -bound), std::min(full.hi, bound)});
  };
  const double allowed = moments.error(with_zero(full));
  double least = std::numeric_limits<double>::infinity();
  size_t best = kFine;
  for (size_t edge = kCoarsest; edge <= kFine; edge += 16) {
    const double kl = divergence(p, edge);
    if (kl < least && (edge == kFine || moments.error(range_of(edge)) <= allowed)) {
      least = kl;
      best = edge;
    }
  }
  return range_of(best);
}

}  // namespace

std::string_view observer_name(Observer observer) {
  constexpr std::array<std::string_view, 5> kNames = {"minmax", "percentile", "entropy", "mse", "auto"};
  return kNames[static_cast<size_t>(observer)];
}

Range observe(const Histogram& histogram, Observer observer, double percentile) {
  if (histogram.count() == 0) return {};
  switch (observer) {
    case Observer::kMinMax: return with_zero({histogram.min(), histogram.max()});
    case Observer::kPercentile: return with_zero(percentile_range(histogram, percentile));
    case Observer::kEntropy: return with_zero(entropy_range(histogram));
    case Observer::kAuto:
    case Observer::kMse: return with_zero(mse_range(histogram));
  }
  return {};
}

QuantParams to_u8(Range range) {
  const Range r = with_zero(range);
  const float scale = static_cast<float>((r.hi - r.lo) / kLevels);
  if (!(scale > std::numeric_limits<float>::min()) || !std::isfinite(scale)) return {1, 0};
  return {scale, static_cast<int32_t>(std::clamp(std::nearbyint(-r.lo / static_cast<double>(scale)), 0.0, kLevels))};
}

double squared_error(const Histogram& histogram, Range range) { return Moments(histogram).error(with_zero(range)); }

double signal_to_noise_db(const Histogram& histogram, Range range) {
  const Moments moments(histogram);
  const double error = moments.error(with_zero(range));
  if (error <= 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(moments.power() / error);
}

}  // namespace omni::compress
