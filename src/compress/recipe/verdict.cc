#include "compress/recipe/verdict.h"

#include <cmath>
#include <cstdio>

namespace omni::compress {

namespace {

constexpr double kBytesThatCount = 0.005, kLatencyThatCounts = 0.02;

template <class... Args>
std::string format(const char* form, Args... args) {
  char text[160];
  std::snprintf(text, sizeof text, form, args...);
  return text;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) text += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return text;
}

double bytes_ratio(const StepChange& c) { return c.bytes_before > 0 ? static_cast<double>(c.bytes_after) / static_cast<double>(c.bytes_before) : 1; }

void weigh(const StepChange& c, Verdict& v) {
  const auto add = [&](bool better, bool worse, const char* what) {
    if (better) v.gains.emplace_back(what);
    if (worse) v.losses.emplace_back(what);
  };
  add(bytes_ratio(c) <= 1 - kBytesThatCount, bytes_ratio(c) >= 1 + kBytesThatCount, "bytes");
  if (c.latency) {
    add(c.latency->high < 1 && c.latency->ratio <= 1 - kLatencyThatCounts, c.latency->low > 1 && c.latency->ratio >= 1 + kLatencyThatCounts,
        "latency");
  }
  if (c.outcomes) add(c.outcomes->low > 0, c.outcomes->high < 0, "accuracy");
}

std::string outcomes_text(const StepChange& c) {
  const OutcomeChange& o = *c.outcomes;
  if (c.labels) return format("accuracy %+.2f points (%+.2f to %+.2f)", o.gain * 100, o.low * 100, o.high * 100);
  return format("squared error %+.3g (%+.3g to %+.3g)", -o.gain, -o.high, -o.low);
}

}  // namespace

std::string change_text(const StepChange& c) {
  const double bytes = bytes_ratio(c);
  std::string text =
      std::abs(bytes - 1) < 0.0005 ? "as many bytes" : format("%.1f %% %s bytes", std::abs(1 - bytes) * 100, bytes < 1 ? "fewer" : "more");
  if (c.latency && c.latency->low == c.latency->high) text += format(", %.2f times as fast", 1 / c.latency->ratio);
  if (c.latency && c.latency->low != c.latency->high) {
    text += format(", %.2f times as fast (%.2f to %.2f)", 1 / c.latency->ratio, 1 / c.latency->high, 1 / c.latency->low);
  }
  return c.outcomes ? text + ", " + outcomes_text(c) : text;
}

Verdict judge(const StepChange& change, const VerdictRules& rules) {
  Verdict v;
  weigh(change, v);
  const std::string what = change_text(change);
  const double lost = change.accuracy_loss_in_all.value_or(0);
  // Answers that are no numbers any more have no mean to compare.
  const bool broken = change.outcomes && std::isfinite(change.outcomes->before) && !std::isfinite(change.outcomes->after);
  const bool beyond = rules.max_accuracy_loss && lost > *rules.max_accuracy_loss, pays = !v.gains.empty() && !beyond && !broken;
  v.applied = pays || rules.required;
  if (!pays) v.reason = v.applied ? "applied because it is required: " : "not applied: ";
  if (broken) {
    v.reason += "its answers are no finite numbers: ";
  } else if (beyond) {
    v.reason += format("%.2f points of accuracy lost in all, where %.2f are allowed: ", lost * 100, *rules.max_accuracy_loss * 100);
  } else if (!pays) {
    v.reason += std::string("no gain in bytes") + (change.latency ? change.outcomes ? ", latency" : " or latency" : "") +
                (change.outcomes ? " or accuracy: " : ": ");
  }
  v.reason += what;
  if (pays && !v.losses.empty()) v.reason += "; pays in " + joined(v.gains) + ", costs " + joined(v.losses);
  return v;
}

}  // namespace omni::compress
