#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"

namespace omni::train {

namespace {

constexpr std::string_view kNames[] = {"constant", "step", "cosine", "one-cycle"};
constexpr double kPi = 3.14159265358979323846;

// From `a` to `b` by half a cosine, at the fraction x of the way.
double half_cosine(double a, double b, double x) { return b + (a - b) * (1 + std::cos(kPi * x)) / 2; }

double one_cycle(const ScheduleOptions& o, double base, int64_t step, int64_t total) {
  const double last = static_cast<double>(std::max<int64_t>(1, total - 1)), top = o.peak * last;
  const double s = static_cast<double>(step);
  if (s < top) return half_cosine(base / o.start_divisor, base, s / top);
  return half_cosine(base, base * o.final_fraction, last > top ? (s - top) / (last - top) : 1);
}

}  // namespace

ScheduleKind parse_schedule(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<ScheduleKind>(i);
  }
  const std::vector<std::string> known(std::begin(kNames), std::end(kNames));
  const std::string near = core::did_you_mean(name, known);
  throw Error(ErrorCode::kInvalidArgument, "no learning rate schedule " + core::quoted(name), {}, near.empty() ? "choose constant, step, cosine or one-cycle" : near);
}

std::string_view schedule_name(ScheduleKind kind) { return kNames[static_cast<size_t>(kind)]; }

void check(const ScheduleOptions& o) {
  const auto require = [](bool ok, const char* what) {
    if (!ok) throw Error(ErrorCode::kInvalidArgument, what, "learning rate schedule");
  };
  require(o.warmup >= 0 && o.warmup < 1, "warm-up is a fraction of the training, at least 0 and below 1");
  require(o.gamma > 0 && o.gamma <= 1, "gamma is outside (0, 1]");
  require(o.final_fraction >= 0 && o.final_fraction <= 1, "the final fraction is outside [0, 1]");
  require(o.peak >= 0 && o.peak <= 1, "the peak of one-cycle is outside [0, 1]");
  require(o.start_divisor >= 1, "the start divisor is below 1");
  for (const double m : o.milestones) require(m >= 0 && m <= 1, "a milestone is a fraction of the training, in [0, 1]");
}

double rate_at(const ScheduleOptions& o, double base, int64_t step, int64_t total) {
  if (o.kind == ScheduleKind::kOneCycle) return one_cycle(o, base, step, total);
  const int64_t warm = static_cast<int64_t>(std::llround(o.warmup * static_cast<double>(total)));
  if (step < warm) return base * static_cast<double>(step + 1) / static_cast<double>(warm);
  const double done = static_cast<double>(step) / static_cast<double>(std::max<int64_t>(1, total));
  switch (o.kind) {
    case ScheduleKind::kStep: {
      double rate = base;
      for (const double m : o.milestones) rate *= m <= done ? o.gamma : 1;
      return rate;
    }
    case ScheduleKind::kCosine:
      return half_cosine(base, base * o.final_fraction, static_cast<double>(step - warm) / static_cast<double>(std::max<int64_t>(1, total - warm)));
    default: return base;
  }
}

}  // namespace omni::train
