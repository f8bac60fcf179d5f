#include "runtime/profiler.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "core/json_escape.h"

namespace omni::runtime {

using namespace core;

namespace {

int64_t nanoseconds() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The rates of a row whose operations and bytes of all calls are known.
void set_rates(ProfileRow& row, double operations, double bytes, double total, double peak_gflops) {
  if (total > 0) row.share = row.seconds / total;
  if (row.seconds <= 0) return;
  row.gflops = operations / row.seconds / 1e9;
  row.gigabytes_per_second = bytes / row.seconds / 1e9;
  if (peak_gflops > 0) row.share_of_peak = row.gflops / peak_gflops;
}

double total_seconds(const std::vector<StepProfile>& steps) {
  double total = 0;
  for (const StepProfile& s : steps) total += s.seconds;
  return total;
}

std::string number_member(const char* name, double value) { return json_quoted(name) + ":" + json_number(value); }

}  // namespace

using namespace core;

Profiler::Profiler() : start_(nanoseconds()) {}

double Profiler::now() const noexcept { return static_cast<double>(nanoseconds() - start_) * 1e-9; }

size_t Profiler::add_steps(std::vector<StepProfile> steps) {
  const size_t first = steps_.size();
  for (StepProfile& s : steps) steps_.push_back(std::move(s));
  return first;
}

void Profiler::reset() noexcept {
  for (StepProfile& s : steps_) {
    s.calls = 0;
    s.seconds = s.begin = s.end = 0;
  }
  runs_ = 0;
  run_seconds_ = 0;
}

std::vector<ProfileRow> Profiler::by_node(double peak_gflops) const {
  const double total = total_seconds(steps_);
  std::vector<ProfileRow> rows;
  for (const StepProfile& s : steps_) {
    if (s.calls == 0) continue;
    ProfileRow& row = rows.emplace_back();
    row.name = s.node;
    row.op = s.op;
    row.shapes = s.shapes;
    row.calls = s.calls;
    row.seconds = s.seconds;
    const auto calls = static_cast<double>(s.calls);
    set_rates(row, static_cast<double>(s.operations) * calls, static_cast<double>(s.bytes) * calls, total, peak_gflops);
  }
  return rows;
}

std::vector<ProfileRow> Profiler::by_operator(double peak_gflops) const {
  struct Sum {
    ProfileRow row;
    double operations = 0, bytes = 0;
  };
  std::map<std::string, Sum> sums;
  for (const StepProfile& s : steps_) {
    if (s.calls == 0) continue;
    Sum& sum = sums[s.op];
    sum.row.nodes = sum.row.calls == 0 ? 1 : sum.row.nodes + 1;
    sum.row.calls += s.calls;
    sum.row.seconds += s.seconds;
    sum.operations += static_cast<double>(s.operations) * static_cast<double>(s.calls);
    sum.bytes += static_cast<double>(s.bytes) * static_cast<double>(s.calls);
  }
  const double total = total_seconds(steps_);
  std::vector<ProfileRow> rows;
  for (auto& [op, sum] : sums) {
    sum.row.name = sum.row.op = op;
    set_rates(sum.row, sum.operations, sum.bytes, total, peak_gflops);
    rows.push_back(std::move(sum.row));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const ProfileRow& a, const ProfileRow& b) { return a.seconds > b.seconds; });
  return rows;
}

std::string Profiler::chrome_trace() const {
  std::string out = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[";
  bool first = true;
  for (const StepProfile& s : steps_) {
    if (s.calls == 0) continue;
    out += first ? "\n" : ",\n";
    first = false;
    const double seconds = s.end - s.begin;
    out += "{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"cat\":\"node\",\"name\":" + json_quoted(s.node) + "," + number_member("ts", s.begin * 1e6) + "," +
           number_member("dur", seconds * 1e6) + ",\"args\":{\"op\":" + json_quoted(s.op) + ",\"output\":" + json_quoted(s.shapes) + "," +
           number_member("gflops", seconds > 0 ? static_cast<double>(s.operations) / seconds / 1e9 : 0) + "," +
           number_member("bytes", static_cast<double>(s.bytes)) + "}}";
  }
  return out + "\n]}\n";
}

}  // namespace omni::runtime
