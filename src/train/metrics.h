// What is counted about predictions on the host.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace omni::train {

// scores [N, C, d…] f32, labels [N, d…] i64: how many labels are among the k best classes. Of equal scores the lower class is the better one; a NaN
// is worse than all numbers. A label outside [0, C) is never right.
int64_t count_correct(const core::ConstTensorView& scores, const core::ConstTensorView& labels, int64_t k = 1);

// Sum over all labels of -log softmax(scores), in double; `probabilities`: the scores are probabilities already, `logarithms`: their logarithms.
enum class ScoreKind : uint8_t { kLogits, kProbabilities, kLogProbabilities };
double cross_entropy_sum(const core::ConstTensorView& scores, const core::ConstTensorView& labels, ScoreKind kind);

// Sum of squared differences of two f32 tensors of one count, in double.
double squared_error_sum(const core::ConstTensorView& a, const core::ConstTensorView& b);

}  // namespace omni::train
