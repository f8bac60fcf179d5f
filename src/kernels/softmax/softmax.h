// Softmax and log-softmax along one axis of [outer, axis, inner], and softmax cross-entropy with its gradient. f32 (f64 by the scalar truth;
// half types are widened by the operator). Sums are carried in double. y may be x.
#pragma once

#include "core/dtype.h"
#include "core/isa.h"
#include "core/kernel_args.h"

namespace omni::kernels {

struct SoftmaxArgs {
  int64_t outer = 1, axis = 1, inner = 1;
  bool log = false;
};

struct SoftmaxKernel {
  core::DType dtype = core::DType::kF32;
  // One row of n contiguous elements; `columns` adjacent columns of n elements `stride` apart.
  void (*row)(const void* x, void* y, int64_t n, bool log) noexcept = nullptr;
  void (*column_block)(const void* x, void* y, int64_t n, int64_t stride, int64_t columns, bool log) noexcept = nullptr;
  // y[i] = e^x[i] * s[i * step]: f32 only
  void (*exp_scale)(const float* x, const float* s, int64_t step, float* y, int64_t n) noexcept = nullptr;
  explicit operator bool() const { return row != nullptr; }
};

inline constexpr int64_t kSoftmaxColumns = 16;  // of a block

SoftmaxKernel select_softmax(core::DType dtype, core::Isa isa);
void run_softmax(const SoftmaxKernel& kernel, const SoftmaxArgs& args, const void* x, void* y, core::ThreadPool& pool) noexcept;

// ONNX's SoftmaxCrossEntropyLoss. Logits and log probabilities [batch, classes, inner], labels and losses [batch, inner].
enum class LossReduction : uint8_t { kNone, kSum, kMean };
struct CrossEntropyArgs {
  int64_t batch = 1, classes = 1, inner = 1;
  LossReduction reduction = LossReduction::kMean;
  bool has_ignore = false;
  int64_t ignore_index = 0;
  core::DType label_type = core::DType::kI64;  // or kI32
};

// Losses from log probabilities: loss [batch, inner] for kNone, else one value: Σ w·l or Σ w·l / Σ w. weights [classes] or null. A label out
// of range is reported ("label out of range": label, classes).
void run_cross_entropy(const CrossEntropyArgs& args, const float* log_probabilities, const void* labels, const float* weights, float* loss,
                       core::StatusSlot& status) noexcept;
void run_cross_entropy(const CrossEntropyArgs& args, const double* log_probabilities, const void* labels, const double* weights, double* loss,
                       core::StatusSlot& status) noexcept;
// Gradient by the logits: (e^log_probability − one-hot) · w · loss_gradient (/ Σ w for kMean). scratch: batch * inner floats.
void run_cross_entropy_gradient(const SoftmaxKernel& kernel, const CrossEntropyArgs& args, const float* loss_gradient, const float* log_probabilities,
                                const void* labels, const float* weights, float* gradient, float* scratch, core::ThreadPool& pool,
                                core::StatusSlot& status) noexcept;

void run_cross_entropy_gradient(const CrossEntropyArgs& args, const double* loss_gradient, const double* log_probabilities, const void* labels,
                                const double* weights, double* gradient, double* scratch, core::StatusSlot& status) noexcept;

namespace scalar {
SoftmaxKernel softmax(core::DType dtype);
}
namespace avx2 {
SoftmaxKernel softmax_f32();
}
namespace avx512 {
SoftmaxKernel softmax_f32();
}

}  // namespace omni::kernels
