// The study's own recommendation, kept as the baseline: compares the model's size with the device's limit and asks for nothing else.
//
// Source: the study's DeviceProfiler.recommend_optimization, to the letter, its sentences too. Sizes are MB of 2^20 bytes, as its measure_compression
// counts.
#pragma once

#include <string>
#include <vector>

#include "device/profile.h"

namespace omni::device {

struct StudyAdvice {
  std::vector<std::string> recommendations;
  bool feasible = false;  // at most twice the limit before compression
};

StudyAdvice study_rule(const Profile& profile, double model_size_mb);

}  // namespace omni::device
