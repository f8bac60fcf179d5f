#include "device/study_rule.h"

namespace omni::device {

StudyAdvice study_rule(const Profile& profile, double model_size_mb) {
  const double limit = profile.max_model_size_mb->value;
  StudyAdvice advice;
  if (model_size_mb > limit) {
    const double ratio = model_size_mb / limit;
    advice.recommendations.emplace_back(ratio > 4   ? "INT4 quantization + 70% pruning"
                                        : ratio > 2 ? "INT8 quantization + 50% pruning"
                                                    : "INT8 quantization");
  }
  advice.recommendations.emplace_back(profile.has_gpu() ? "GPU acceleration available" : "CPU-optimized inference (ONNX Runtime)");
  advice.feasible = model_size_mb <= limit * 2;
  return advice;
}

}  // namespace omni::device
