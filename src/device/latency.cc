#include "device/latency.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "device/kernel_work.h"

namespace omni::device {

namespace {

constexpr double kZ90 = 1.6448536269514722;  // of a normal distribution, two-sided 90 %
constexpr size_t kNearest = 4;
constexpr double kRowsWeight = 0.7, kFarWeight = 2;
// Errors of kernels of one kind go together: this share of an operator's error is common to all kernels of a run.
constexpr double kCommon = 0.5;
constexpr double kLoneDeviation = 0.5;  // where there is one kernel of a kind alone
constexpr double kUnprobedFactor = 2.5;  // a plain roofline misses by 2 to 3 times between models on one chip (published comparisons)
constexpr double kUnprobedShare = 0.4;   // of the peak; ncnn reaches 0.54 on a Raspberry Pi 4 with ResNet-50, smaller layers less
constexpr double kUnprobedBandwidth = 0.5;
constexpr double kUnprobedNodeMicroseconds = 3;

// Where weights are read from when a run comes to them again: it depends on how much has passed through the caches since.
enum Level : uint8_t { kNear, kShared, kMemory };

struct Roofline {
  double operations_per_second, node_seconds;
  double bytes_per_second[3];                    // by level
  double near_bytes = 0, shared_bytes = 0;       // what the caches hold; without them everything is in memory
  Level level(const KernelWork& work) const { return work.passing <= near_bytes ? kNear : work.passing <= shared_bytes ? kShared : kMemory; }
  double weight_seconds(const KernelWork& work) const { return std::min(work.weights, work.bytes) / bytes_per_second[level(work)]; }
  // A nanosecond at least: times are compared by their logarithms.
  double seconds(const KernelWork& work) const {
    const double others = std::max(0.0, work.bytes - work.weights) / bytes_per_second[shared_bytes > 0 ? kNear : kMemory];
    return std::max(1e-9, node_seconds + work.operations / operations_per_second + others + weight_seconds(work));
  }
};

double value_or(const std::optional<Figure>& figure, double fallback) { return figure ? figure->value : fallback; }

Roofline probed_roofline(const Profile& p, bool integer, int threads) {
  const int used = std::min(threads, p.cores());
  const double f32 = value_or(p.f32_gflops, 10.0 * p.cores());
  const double memory = value_or(p.copy_gb_s, 10) * 1e9, near = value_or(p.l2_gb_s, value_or(p.copy_gb_s, 10)) * 1e9 * used;
  Roofline roof{(integer ? value_or(p.int8_gops, f32) : f32) * 1e9 * used / p.cores(), value_or(p.node_us, 0.1) * 1e-6, {near, near, memory}};
  roof.near_bytes = value_or(p.l2_kb, 512) * 1024 * used;
  roof.shared_bytes = std::max(roof.near_bytes, value_or(p.l3_kb, 0) * 1024);
  if (p.l3_gb_s) roof.bytes_per_second[kShared] = std::min(near, p.l3_gb_s->value * 1e9 * used);
  return roof;
}

// What a whole network reaches, spread over the cores that are used.
Roofline unprobed_roofline(const Profile& p, bool integer, int threads) {
  const double f32 = value_or(p.conv_f32_gflops, value_or(p.f32_gflops, 8.0 * p.cores()) * kUnprobedShare);
  const double int8 = value_or(p.conv_int8_gops, p.int8_gops ? p.int8_gops->value * kUnprobedShare : f32 * 1.3);
  const double share = static_cast<double>(std::min(threads, p.cores())) / p.cores();
  const double bandwidth = value_or(p.copy_gb_s, value_or(p.memory_gb_s, 4) * kUnprobedBandwidth);
  return {(integer ? int8 : f32) * 1e9 * share, kUnprobedNodeMicroseconds * 1e-6, {bandwidth * 1e9, bandwidth * 1e9, bandwidth * 1e9}};
}

// Where a kernel stands among others of its kind, in doublings: work for each output, outputs side by side, rows of them; and how much of its time goes
// into reading weights from how far away.
using Position = std::array<double, 4>;

Position position(const KernelWork& w, const Roofline& roof) {
  const double elements = std::max(w.elements, 1.0), columns = std::clamp(w.columns, 1.0, elements);
  const double far = roof.weight_seconds(w) / roof.seconds(w) * static_cast<double>(roof.level(w));
  return {std::log2(w.operations / elements + 1), std::log2(columns), kRowsWeight * std::log2(elements / columns), kFarWeight * far};
}

struct Point {
  Position at;
  double log_ratio;  // measured over roofline
};

double square_distance(const Position& a, const Position& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// Weighted by the inverse square of the distance, among the nearest; `without`: a point to leave out.
double interpolate(const std::vector<Point>& points, const Position& at, const Point* without = nullptr) {
  std::vector<std::pair<double, double>> near;
  for (const Point& p : points) {
    if (&p != without) near.emplace_back(square_distance(p.at, at), p.log_ratio);
  }
  if (near.empty()) return 0;
  const size_t count = std::min(kNearest, near.size());
  std::partial_sort(near.begin(), near.begin() + static_cast<ptrdiff_t>(count), near.end());
  double sum = 0, weights = 0;
  for (size_t i = 0; i < count; ++i) {
    const double weight = 1 / (near[i].first + 0.05);
    sum += weight * near[i].second;
    weights += weight;
  }
  return sum / weights;
}

// Kinds that the probe does not time, and whose kernels do the same as theirs. Others are taken as the nearest of those that move data or go through
// it element by element.
constexpr std::pair<std::string_view, std::string_view> kRelatives[] = {{"groups", "windows"}, {"sequence", "windows"}, {"RNN", "GRU"}, {"ConvTranspose", "windows"}};
constexpr std::string_view kHeavy[] = {"product", "product of activations", "points", "windows", "stem", "depthwise", "FusedAttention", "LSTM", "GRU"};

bool heavy(std::string_view kind) { return std::find(std::begin(kHeavy), std::end(kHeavy), kind) != std::end(kHeavy); }

// The kernels of one number of threads, by kind and arithmetic.
class Fit {
 public:
  Fit(const Profile& profile, int threads) {
    for (const bool integer : {false, true}) rooflines_[integer] = probed_roofline(profile, integer, threads);
    for (const KernelSample& k : profile.kernels) {
      if (k.threads != threads || !(k.microseconds > 0)) continue;
      const Roofline& roof = rooflines_[k.work.integer];
      const Point point{position(k.work, roof), std::log(k.microseconds * 1e-6 / roof.seconds(k.work))};
      points_[{k.work.kind, k.work.integer}].push_back(point);
      all_.push_back(point);
      if (!heavy(k.work.kind)) light_.push_back(point);
    }
    if (light_.empty()) light_ = all_;
    for (const auto& [key, points] : points_) deviations_[key] = deviation(points);
    others_ = std::max(0.5, deviation(light_));
  }

  struct Time {
    double seconds, deviation;  // of the logarithm
  };
  Time time(const KernelWork& work) const {
    const Roofline& roof = rooflines_[work.integer];
    const double seconds = roof.seconds(work);
    const Position at = position(work, roof);
    const auto found = find(work);
    if (found == points_.end()) return {seconds * std::exp(interpolate(light_, at)), others_};
    const double deviation = deviations_.at(found->first);
    return {seconds * std::exp(interpolate(found->second, at)), found->first.first == work.kind ? deviation : std::max(others_, deviation)};
  }

  double deviation_of_all() const {
    double sum = 0;
    for (const auto& [key, points] : points_) sum += deviations_.at(key) * deviations_.at(key) * static_cast<double>(points.size());
    return all_.empty() ? 0 : std::sqrt(sum / static_cast<double>(all_.size()));
  }

 private:
  using Points = std::map<std::pair<std::string, bool>, std::vector<Point>>;

  Points::const_iterator find(const KernelWork& work) const {
    const auto own = points_.find({work.kind, work.integer});
    if (own != points_.end()) return own;
    for (const auto& [kind, other] : kRelatives) {
      if (kind == work.kind) return points_.find({std::string(other), work.integer});
    }
    return points_.end();
  }

  static double deviation(const std::vector<Point>& points) {
    if (points.size() < 2) return kLoneDeviation;
    double sum = 0;
    for (const Point& p : points) {
      const double off = interpolate(points, p.at, &p) - p.log_ratio;
      sum += off * off;
    }
    return std::sqrt(sum / static_cast<double>(points.size()));
  }

  Roofline rooflines_[2] = {};
  Points points_;
  std::map<std::pair<std::string, bool>, double> deviations_;
  std::vector<Point> all_, light_;
  double others_ = 0;
};

// Numbers of threads that the kernels were timed with, in order.
std::vector<int> sampled_threads(const Profile& profile) {
  std::vector<int> counts;
  for (const KernelSample& k : profile.kernels) counts.push_back(k.threads);
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

// Between two sampled numbers of threads times go with a power of the number.
std::vector<Fit::Time> probed_times(const Workload& work, const Profile& profile, int threads) {
  const std::vector<int> counts = sampled_threads(profile);
  const int below = *std::max_element(counts.begin(), counts.end(), [&](int a, int b) { return (a <= threads ? a : 0) < (b <= threads ? b : 0); });
  const auto above = std::find_if(counts.begin(), counts.end(), [&](int c) { return c >= threads; });
  const Fit low(profile, below);
  std::vector<Fit::Time> times;
  for (const KernelWork& kernel : work.kernels) times.push_back(low.time(kernel));
  if (above == counts.end() || *above == below) return times;
  const Fit high(profile, *above);
  const double share = std::log(static_cast<double>(threads) / below) / std::log(static_cast<double>(*above) / below);
  for (size_t i = 0; i < times.size(); ++i) {
    const Fit::Time other = high.time(work.kernels[i]);
    times[i] = {std::exp((1 - share) * std::log(times[i].seconds) + share * std::log(other.seconds)), std::max(times[i].deviation, other.deviation)};
  }
  return times;
}

void add_operator(std::vector<OperatorTime>& operators, const std::string& op, double seconds) {
  auto found = std::find_if(operators.begin(), operators.end(), [&](const OperatorTime& o) { return o.op == op; });
  if (found == operators.end()) found = operators.insert(operators.end(), {op, 0, 0});
  ++found->nodes;
  found->seconds += seconds;
}

void set_energy(LatencyPrediction& prediction, const Workload& work, const Profile& profile) {
  if (!profile.picojoules_per_operation || !profile.picojoules_per_byte) return;
  for (const runtime::StepProfile& step : work.steps) {
    prediction.joules += 1e-12 * (static_cast<double>(step.operations) * profile.picojoules_per_operation->value +
                                  static_cast<double>(step.bytes) * profile.picojoules_per_byte->value);
  }
}

}  // namespace

LatencyPrediction predict_latency(const Workload& work, const Profile& profile, int threads) {
  LatencyPrediction result;
  result.threads = threads > 0 ? threads : profile.cores();
  result.probed = !profile.kernels.empty();
  std::vector<Fit::Time> times;
  if (result.probed) {
    times = probed_times(work, profile, result.threads);
  } else {
    for (const KernelWork& kernel : work.kernels) {
      times.push_back({unprobed_roofline(profile, kernel.integer, result.threads).seconds(kernel), std::log(kUnprobedFactor) / kZ90});
    }
  }
  double sum = value_or(profile.run_us, 0) * 1e-6, apart = 0, together = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    sum += times[i].seconds;
    apart += times[i].seconds * times[i].deviation * times[i].seconds * times[i].deviation;
    together += times[i].seconds * times[i].deviation;
    add_operator(result.operators, work.steps[i].op, times[i].seconds);
  }
  std::stable_sort(result.operators.begin(), result.operators.end(),
                   [](const OperatorTime& a, const OperatorTime& b) { return a.seconds > b.seconds; });
  result.p50 = sum;
  result.mean = sum * value_or(profile.mean_ratio, 1);
  result.p95 = sum * value_or(profile.p95_ratio, 1.2);
  result.p99 = sum * value_or(profile.p99_ratio, 1.5);
  const double common = result.probed ? kCommon : 1;
  const double deviation = sum > 0 ? std::sqrt((1 - common) * apart + common * together * together) / sum : 0;
  const double factor = std::exp(kZ90 * deviation);
  result.low = result.mean / factor;
  result.high = result.mean * factor;
  set_energy(result, work, profile);
  return result;
}

double fit_deviation(const Profile& profile, int threads) { return Fit(profile, threads).deviation_of_all(); }

}  // namespace omni::device
