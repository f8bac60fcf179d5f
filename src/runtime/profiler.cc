#include "runtime/profiler.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "core/json_escape.h"
#include "core/thread_pool.h"
#include "kernels/peak/peak.h"

namespace omni::runtime {

using namespace core;

namespace {

int64_t nanoseconds() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Sums {
  double operations = 0, bytes = 0;
  double ideal = 0;  // seconds at the peak; 0 where that is not known

  void add(const StepProfile& s, const Peak& peak) {
    const auto calls = static_cast<double>(s.calls);
    const double best = s.integer ? peak.int8 : peak.f32;
    operations += static_cast<double>(s.operations) * calls;
    bytes += static_cast<double>(s.bytes) * calls;
    if (best > 0) ideal += static_cast<double>(s.operations) * calls / (best * 1e9);
  }
};

void set_rates(ProfileRow& row, const Sums& sums, double total) {
  if (total > 0) row.share = row.seconds / total;
  if (row.seconds <= 0) return;
  row.gflops = sums.operations / row.seconds / 1e9;
  row.gigabytes_per_second = sums.bytes / row.seconds / 1e9;
  row.share_of_peak = sums.ideal / row.seconds;
}

double total_seconds(const std::vector<StepProfile>& steps) {
  double total = 0;
  for (const StepProfile& s : steps) total += s.seconds;
  return total;
}

std::string number_member(const char* name, double value) { return json_quoted(name) + ":" + json_number(value); }

}  // namespace

using namespace core;

Peak measure_peak(Isa isa, int threads) {
  const int cores = std::clamp(threads, 1, physical_cores());
  return {kernels::peak_rate(kernels::peak_f32(isa)) * cores, kernels::peak_rate(kernels::peak_int8(isa)) * cores};
}

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

std::vector<ProfileRow> Profiler::by_node(const Peak& peak) const {
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
    Sums sums;
    sums.add(s, peak);
    set_rates(row, sums, total);
  }
  return rows;
}

std::vector<ProfileRow> Profiler::by_operator(const Peak& peak) const {
  struct Operator {
    ProfileRow row;
    Sums sums;
  };
  std::map<std::string, Operator> operators;
  for (const StepProfile& s : steps_) {
    if (s.calls == 0) continue;
    Operator& o = operators[s.op];
    o.row.nodes = o.row.calls == 0 ? 1 : o.row.nodes + 1;
    o.row.calls += s.calls;
    o.row.seconds += s.seconds;
    o.sums.add(s, peak);
  }
  const double total = total_seconds(steps_);
  std::vector<ProfileRow> rows;
  for (auto& [name, o] : operators) {
    o.row.name = o.row.op = name;
    set_rates(o.row, o.sums, total);
    rows.push_back(std::move(o.row));
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
