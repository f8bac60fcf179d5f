// Learning rates as functions of the step. Host arithmetic in f64; the graph gets the rate of the step as an input.
//
// With T steps in all, W of them warm-up, s the step from 0, and r the base rate:
//   warm-up    s < W: r (s + 1) / W, then the schedule over the other T - W steps: t = s - W, U = max(1, T - W)
//   constant   r
//   step       r gamma^k, k = how many of `milestones` (fractions of T, e.g. 0.5 and 0.75) are <= s / T
//   cosine     floor + (r - floor) (1 + cos(pi t / U)) / 2, floor = r * final_fraction (Loshchilov and Hutter 2017, no restart)
//   one-cycle  from r / start_divisor up to r in the first `peak` of T, then down to r * final_fraction, both by half a cosine (Smith 2018; torch's
//              OneCycleLR without its momentum part); it brings its own warm-up, so W is ignored
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace omni::train {

enum class ScheduleKind : uint8_t { kConstant, kStep, kCosine, kOneCycle };

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::kConstant;
  double warmup = 0;                             // fraction of all steps, [0, 1)
  std::vector<double> milestones = {0.5, 0.75};  // kStep
  double gamma = 0.1;                            // kStep
  double final_fraction = 0;                     // kCosine, kOneCycle: the last rate over the base rate
  double peak = 0.3;                             // kOneCycle: where in [0, 1] the rate is highest
  double start_divisor = 25;                     // kOneCycle
};

// "constant", "step", "cosine", "one-cycle". Throws Error (kInvalidArgument) with the nearest names.
ScheduleKind parse_schedule(std::string_view name);
std::string_view schedule_name(ScheduleKind kind);

// Throws Error (kInvalidArgument) for values outside their ranges.
void check(const ScheduleOptions& options);
// The rate of step `step` of `total`; 0 <= step < total.
double rate_at(const ScheduleOptions& options, double base_rate, int64_t step, int64_t total);

}  // namespace omni::train
