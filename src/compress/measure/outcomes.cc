#include "compress/measure/outcomes.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/error.h"
#include "core/statistics.h"
#include "train/evaluate.h"

namespace omni::compress {

namespace {

constexpr int64_t kBatch = 256;  // of evaluation, where the model leaves it open
constexpr size_t kFloatDigits = 8;

bool right_or_wrong(const Outcomes& outcomes) {
  return outcomes.labels && std::all_of(outcomes.scores.begin(), outcomes.scores.end(), [](float s) { return s == 0 || s == 1; });
}

[[noreturn]] void broken() { throw Error(ErrorCode::kInvalidData, "the scores of an evaluation are broken", "journal", "begin anew with --restart"); }

}  // namespace

double Outcomes::mean() const {
  double sum = 0;
  for (const float s : scores) sum += static_cast<double>(s);
  return scores.empty() ? 0 : sum / static_cast<double>(scores.size());
}

// "b" and a hexadecimal digit for four samples, or "l" or "v" and eight digits a sample.
std::string Outcomes::text() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  if (right_or_wrong(*this)) {
    out = "b" + std::to_string(scores.size()) + ":";
    for (size_t i = 0; i < scores.size(); i += 4) {
      unsigned digit = 0;
      for (size_t k = i; k < std::min(i + 4, scores.size()); ++k) digit |= (scores[k] == 1 ? 1u : 0u) << (k - i);
      out += kDigits[digit];
    }
    return out;
  }
  out = (labels ? "l" : "v") + std::to_string(scores.size()) + ":";
  for (const float s : scores) {
    uint32_t bits = 0;
    std::memcpy(&bits, &s, sizeof bits);
    for (int shift = 28; shift >= 0; shift -= 4) out += kDigits[bits >> shift & 15];
  }
  return out;
}

Outcomes Outcomes::parse(std::string_view text) {
  const size_t colon = text.find(':');
  size_t count = 0;
  if (colon == std::string_view::npos || colon < 2 || (text[0] != 'b' && text[0] != 'l' && text[0] != 'v')) broken();
  const auto [end, failed] = std::from_chars(text.data() + 1, text.data() + colon, count);
  const std::string_view digits = text.substr(colon + 1);
  const bool bits = text[0] == 'b';
  if (failed != std::errc{} || end != text.data() + colon || count > digits.size() * 4) broken();
  if (digits.size() != (bits ? (count + 3) / 4 : count * kFloatDigits)) broken();
  Outcomes outcomes{text[0] != 'v', std::vector<float>(count)};
  for (size_t i = 0; i < count; ++i) {
    const std::string_view part = bits ? digits.substr(i / 4, 1) : digits.substr(i * kFloatDigits, kFloatDigits);
    uint32_t value = 0;
    const auto [stop, wrong] = std::from_chars(part.data(), part.data() + part.size(), value, 16);
    if (wrong != std::errc{} || stop != part.data() + part.size()) broken();
    if (bits) {
      outcomes.scores[i] = (value >> (i % 4) & 1) != 0 ? 1.0f : 0.0f;
    } else {
      std::memcpy(&outcomes.scores[i], &value, sizeof value);
    }
  }
  return outcomes;
}

Outcomes measure_outcomes(const graph::Graph& model, const train::SampleData& data, const runtime::SessionOptions& session,
                          const Progress& progress) {
  train::EvaluateOptions options;
  options.batch = std::clamp<int64_t>(data.source->size(), 1, kBatch);
  options.top = {1};
  options.each = true;
  options.progress = progress;
  train::Evaluation found = train::evaluate(model, data, options, session);
  return {found.labels > 0, std::move(found.scores)};
}

OutcomeChange compare_outcomes(const Outcomes& before, const Outcomes& after) {
  if (before.labels != after.labels || before.scores.size() != after.scores.size() || before.scores.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "two models are compared on the same samples", "evaluation");
  }
  OutcomeChange change;
  change.before = before.mean();
  change.after = after.mean();
  change.samples = static_cast<int64_t>(before.scores.size());
  std::vector<double> gains(before.scores.size());
  for (size_t i = 0; i < gains.size(); ++i) {
    gains[i] = (static_cast<double>(after.scores[i]) - static_cast<double>(before.scores[i])) * (before.labels ? 1 : -1);
    change.better += gains[i] > 0;
    change.worse += gains[i] < 0;
  }
  const bool binary = right_or_wrong(before) && right_or_wrong(after);
  const Interval interval = binary ? paired_interval(change.better, change.worse, change.samples) : normal_interval(gains);
  change.gain = core::mean(gains);
  change.low = interval.low;
  change.high = interval.high;
  return change;
}

}  // namespace omni::compress
