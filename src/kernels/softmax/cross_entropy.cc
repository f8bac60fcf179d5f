#include <algorithm>

#include "kernels/softmax/softmax.h"

namespace omni::kernels {

namespace {

int64_t label_at(const CrossEntropyArgs& args, const void* labels, int64_t i) {
  return args.label_type == core::DType::kI32 ? static_cast<const int32_t*>(labels)[i] : static_cast<const int64_t*>(labels)[i];
}

// The weight of position i, 0 when it is ignored or its label is out of range (reported); `label` is then 0.
float weight_at(const CrossEntropyArgs& args, const void* labels, const float* weights, int64_t i, int64_t& label, core::StatusSlot& status) {
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
  return weights != nullptr ? weights[label] : 1.0f;
}

// In the order of the positions: batches are small beside the logits.
double weight_sum(const CrossEntropyArgs& args, const void* labels, const float* weights, core::StatusSlot& status) {
  double sum = 0;
  int64_t label;
  for (int64_t i = 0; i < args.batch * args.inner; ++i) sum += static_cast<double>(weight_at(args, labels, weights, i, label, status));
  return sum;
}

}  // namespace

void run_cross_entropy(const CrossEntropyArgs& args, const float* log_probabilities, const void* labels, const float* weights, float* loss,
                       core::StatusSlot& status) noexcept {
  double total = 0, total_weight = 0;
  for (int64_t i = 0; i < args.batch * args.inner; ++i) {
    int64_t label;
    const float w = weight_at(args, labels, weights, i, label, status);
    const float l = w == 0 ? 0.0f : -w * log_probabilities[(i / args.inner * args.classes + label) * args.inner + i % args.inner];
    if (args.reduction == LossReduction::kNone) loss[i] = l;
    total += static_cast<double>(l);
    total_weight += static_cast<double>(w);
  }
  if (args.reduction == LossReduction::kSum) *loss = static_cast<float>(total);
  if (args.reduction == LossReduction::kMean) *loss = static_cast<float>(total / total_weight);
}

void run_cross_entropy_gradient(const SoftmaxKernel& kernel, const CrossEntropyArgs& args, const float* loss_gradient, const float* log_probabilities,
                                const void* labels, const float* weights, float* gradient, float* scratch, core::ThreadPool& pool,
                                core::StatusSlot& status) noexcept {
  const int64_t positions = args.batch * args.inner, panel = args.classes * args.inner;
  const double divisor = args.reduction == LossReduction::kMean ? weight_sum(args, labels, weights, status) : 1.0;
  int64_t label;
  for (int64_t i = 0; i < positions; ++i) {
    const double g = static_cast<double>(loss_gradient[args.reduction == LossReduction::kNone ? i : 0]) / divisor;
    const float w = weight_at(args, labels, weights, i, label, status);
    scratch[i] = w == 0 ? 0.0f : static_cast<float>(static_cast<double>(w) * g);
  }
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
