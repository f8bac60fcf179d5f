#include "train/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace omni::train {

using core::ConstTensorView;

namespace {

struct Grid {
  int64_t samples, classes, inner;
  explicit Grid(const ConstTensorView& scores) : samples(scores.shape[0]), classes(scores.shape[1]), inner(scores.shape.count(2)) {}
};

// Calls f(first score, stride, label) for every label that is a class.
template <class F>
void for_each_label(const ConstTensorView& scores, const ConstTensorView& labels, F&& f) {
  const Grid g(scores);
  for (int64_t n = 0; n < g.samples; ++n) {
    for (int64_t i = 0; i < g.inner; ++i) {
      const int64_t label = labels.as<int64_t>()[n * g.inner + i];
      if (label >= 0 && label < g.classes) f(scores.as<float>() + n * g.classes * g.inner + i, g, label);
    }
  }
}

}  // namespace

int64_t count_correct(const ConstTensorView& scores, const ConstTensorView& labels, int64_t k) {
  int64_t correct = 0;
  for_each_label(scores, labels, [&](const float* x, const Grid& g, int64_t label) {
    const float own = x[label * g.inner];
    if (std::isnan(own)) return;
    int64_t better = 0;
    for (int64_t c = 0; c < g.classes; ++c) {
      const float other = x[c * g.inner];
      better += other > own || (other == own && c < label) ? 1 : 0;
    }
    correct += better < k ? 1 : 0;
  });
  return correct;
}

double cross_entropy_sum(const ConstTensorView& scores, const ConstTensorView& labels, ScoreKind kind) {
  double sum = 0;
  for_each_label(scores, labels, [&](const float* x, const Grid& g, int64_t label) {
    const double own = x[label * g.inner];
    if (kind == ScoreKind::kLogProbabilities) {
      sum -= own;
    } else if (kind == ScoreKind::kProbabilities) {
      sum -= std::log(std::max(own, static_cast<double>(std::numeric_limits<float>::min())));  // a probability that underflowed is no infinite loss
    } else {
      double most = -std::numeric_limits<double>::infinity(), total = 0;
      for (int64_t c = 0; c < g.classes; ++c) most = std::max(most, static_cast<double>(x[c * g.inner]));
      for (int64_t c = 0; c < g.classes; ++c) total += std::exp(x[c * g.inner] - most);
      sum += most + std::log(total) - own;
    }
  });
  return sum;
}

double squared_error_sum(const ConstTensorView& a, const ConstTensorView& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.count(); ++i) {
    const double d = static_cast<double>(a.as<float>()[i]) - b.as<float>()[i];
    sum += d * d;
  }
  return sum;
}

}  // namespace omni::train
