#include <algorithm>
#include <cmath>

#include "kernels/softmax/softmax.h"

namespace omni::kernels {

namespace {

int64_t label_at(const CrossEntropyArgs& args, const void* labels, int64_t i) {
  return args.label_type == core::DType::kI32 ? static_cast<const int32_t*>(labels)[i] : static_cast<const int64_t*>(labels)[i];
}

// The weight of position i, 0 when it is ignored or its label is out of range (reported); `label` is then 0.
template <class T>
T weight_at(const CrossEntropyArgs& args, const void* labels, const T* weights, int64_t i, int64_t& label, core::StatusSlot& status) {
  label = label_at(args, labels, i);
  if (args.has_ignore && label == args.ignore_index) {
    label = 0;
    return 0;
  }
  if (label < 0 || label >= args.classes) {
    status.fail(i, "label out of range", label, args.classes);
    label = 0;
    return 0;
  }
  return weights != nullptr ? weights[label] : T(1);
}

// In the order of the positions: batches are small beside the logits.
template <class T>
double weight_sum(const CrossEntropyArgs& args, const void* labels, const T* weights, core::StatusSlot& status) {
  double sum = 0;
  int64_t label;
  for (int64_t i = 0; i < args.batch * args.inner; ++i) sum += static_cast<double>(weight_at(args, labels, weights, i, label, status));
  return sum;
}

template <class T>
void cross_entropy(const CrossEntropyArgs& args, const T* log_probabilities, const void* labels, const T* weights, T* loss,
                   core::StatusSlot& status) noexcept {
  double total = 0, total_weight = 0;
  for (int64_t i = 0; i < args.batch * args.inner; ++i) {
    int64_t label;
    const T w = weight_at(args, labels, weights, i, label, status);
    const T l = w == 0 ? T(0) : -w * log_probabilities[(i / args.inner * args.classes + label) * args.inner + i % args.inner];
    if (args.reduction == LossReduction::kNone) loss[i] = l;
    total += static_cast<double>(l);
    total_weight += static_cast<double>(w);
  }
  if (args.reduction == LossReduction::kSum) *loss = static_cast<T>(total);
  if (args.reduction == LossReduction::kMean) *loss = static_cast<T>(total / total_weight);
}

// scratch[i] = weight of position i times what flows to its loss.
template <class T>
void scale_positions(const CrossEntropyArgs& args, const T* loss_gradient, const void* labels, const T* weights, T* scratch,
                     core::StatusSlot& status) noexcept {
  const double divisor = args.reduction == LossReduction::kMean ? weight_sum(args, labels, weights, status) : 1.0;
  int64_t label;
  for (int64_t i = 0; i < args.batch * args.inner; ++i) {
    const double g = static_cast<double>(loss_gradient[args.reduction == LossReduction::kNone ? i : 0]) / divisor;
    const T w = weight_at(args, labels, weights, i, label, status);
    scratch[i] = w == 0 ? T(0) : static_cast<T>(static_cast<double>(w) * g);
  }
}

}  // namespace

void run_cross_entropy(const CrossEntropyArgs& args, const float* log_probabilities, const void* labels, const float* weights, float* loss,
                       core::StatusSlot& status) noexcept {
  cross_entropy(args, log_probabilities, labels, weights, loss, status);
}
void run_cross_entropy(const CrossEntropyArgs& args, const double* log_probabilities, const void* labels, const double* weights, double* loss,
                       core::StatusSlot& status) noexcept {
  cross_entropy(args, log_probabilities, labels, weights, loss, status);
}

void run_cross_entropy_gradient(const CrossEntropyArgs& args, const double* loss_gradient, const double* log_probabilities, const void* labels,
                                const double* weights, double* gradient, double* scratch, core::StatusSlot& status) noexcept {
  scale_positions(args, loss_gradient, labels, weights, scratch, status);
  for (int64_t i = 0; i < args.batch * args.classes * args.inner; ++i) {
    const int64_t position = i / (args.classes * args.inner) * args.inner + i % args.inner, c = i / args.inner % args.classes;
    gradient[i] = scratch[position] * (std::exp(log_probabilities[i]) - (label_at(args, labels, position) == c ? 1.0 : 0.0));
  }
}

void run_cross_entropy_gradient(const SoftmaxKernel& kernel, const CrossEntropyArgs& args, const float* loss_gradient, const float* log_probabilities,
                                const void* labels, const float* weights, float* gradient, float* scratch, core::ThreadPool& pool,
                                core::StatusSlot& status) noexcept {
  const int64_t panel = args.classes * args.inner;
  scale_positions(args, loss_gradient, labels, weights, scratch, status);
  const int64_t group = std::max<int64_t>(1, (1 << 13) / std::max<int64_t>(1, panel));
  pool.parallel_for((args.batch + group - 1) / group, [&](int64_t task) {
    for (int64_t b = task * group; b < std::min(args.batch, (task + 1) * group); ++b) {
      const float* x = log_probabilities + b * panel;
      float* y = gradient + b * panel;
      if (args.inner == 1) {
        kernel.exp_scale(x, scratch + b, 0, y, args.classes);
      } else {
        for (int64_t c = 0; c < args.classes; ++c) kernel.exp_scale(x + c * args.inner, scratch + b * args.inner, 1, y + c * args.inner, args.inner);
      }
      for (int64_t i = 0; i < args.inner; ++i) {
        const int64_t raw = label_at(args, labels, b * args.inner + i);
        if (raw >= 0 && raw < args.classes) y[raw * args.inner + i] -= scratch[b * args.inner + i];
      }
    }
  });
}

}  // namespace omni::kernels
