// Device profiles, and what they say about a model.
#include "api/access.h"
#include "core/json_escape.h"

namespace omni {

namespace {

template <class Key, class T>
DeviceFigure figure_of(const Key& key, const device::Known<T>& known) {
  DeviceFigure figure;
  figure.key = key.key;
  figure.meaning = key.meaning;
  figure.source = known.source;
  figure.confidence = device::confidence_name(known.confidence);
  return figure;
}

DeviceProfile public_profile(const device::StoredProfile& stored) {
  const device::Profile& profile = stored.profile;
  DeviceProfile result{profile.name, profile.description, stored.origin, {}};
  for (const device::WordKey& key : device::word_keys()) {
    const std::optional<device::Fact>& fact = profile.*key.member;
    if (!fact) continue;
    result.figures.push_back(figure_of(key, *fact));
    result.figures.back().value = fact->value;
  }
  for (const device::NumberKey& key : device::number_keys()) {
    const std::optional<device::Figure>& number = profile.*key.member;
    if (!number) continue;
    DeviceFigure& figure = result.figures.emplace_back(figure_of(key, *number));
    figure.unit = key.unit;
    figure.number = number->value;
    figure.value = core::json_number(number->value);
  }
  return result;
}

}  // namespace

DeviceProfiler::DeviceProfiler(std::string_view name) {
  device::StoredProfile stored = device::find_profile(name);
  DeviceProfile shown = public_profile(stored);
  impl_ = std::make_shared<const Impl>(Impl{std::move(stored), std::move(shown)});
}

DeviceProfiler DeviceProfiler::probe(const ProbeOptions& options) {
  device::ProbeOptions inner;
  inner.seconds = options.seconds;
  inner.isa = api::isa(options.isa);
  inner.progress = options.progress;
  device::StoredProfile stored{device::probe_host(inner), "probed"};
  DeviceProfile shown = public_profile(stored);
  return DeviceProfiler(std::make_shared<const Impl>(Impl{std::move(stored), std::move(shown)}));
}

int64_t DeviceProfiler::timed_kernels() const { return static_cast<int64_t>(impl_->stored.profile.kernels.size()); }
double DeviceProfiler::fit_deviation() const { return device::fit_deviation(impl_->stored.profile, impl_->stored.profile.cores()); }

std::string DeviceProfiler::store(std::string_view name) const { return device::store_profile(yaml(name)); }

const DeviceProfile& DeviceProfiler::profile() const { return impl_->shown; }

std::string DeviceProfiler::yaml(std::string_view name) const {
  device::Profile profile = impl_->stored.profile;
  if (!name.empty()) profile.name = name;
  std::string text = device::profile_text(profile);
  device::parse_profile(text, "name");  // the new name is one
  return text;
}

StudyAdvice DeviceProfiler::study_rule(int64_t model_bytes) const {
  const double size = static_cast<double>(model_bytes) / (1 << 20);
  device::StudyAdvice advice = device::study_rule(impl_->stored.profile, size);
  return {std::move(advice.recommendations), advice.feasible, size, impl_->stored.profile.max_model_size_mb->value};
}

std::string api::planning_isa(const device::Profile& profile, std::string_view isa) {
  if (!isa.empty()) return std::string(isa);
  const core::Isa own = profile.instruction_set();
  return std::string(core::isa_name(core::isa_available(own) ? own : core::Isa::kScalar));
}

Prediction api::predict(const Planned& planned, const device::Profile& profile, int threads, std::string_view isa) {
  Prediction result;
  result.memory = planned.memory;
  device::LatencyPrediction latency = device::predict_latency(planned.work, profile, threads);
  result.latency = {latency.mean, latency.p50,    latency.p95,    latency.p99,     latency.low,
                    latency.high, latency.joules, latency.probed, latency.threads, {}};
  for (device::OperatorTime& time : latency.operators) result.latency.operators.push_back({std::move(time.op), time.nodes, time.seconds});
  if (isa.empty() && !core::isa_available(profile.instruction_set())) {
    result.memory.notes.push_back("this machine has no " + profile.isa->value + ": weights are counted as packed for the scalar kernels");
  }
  result.ram_bytes = static_cast<int64_t>(profile.ram_bytes());
  result.fits = result.memory.peak_bytes <= result.ram_bytes;
  return result;
}

Prediction DeviceProfiler::predict(const Graph& graph, const PredictOptions& options) const {
  PredictOptions here = options;
  here.isa = api::planning_isa(impl_->stored.profile, options.isa);
  return api::predict(api::plan(graph, here), impl_->stored.profile, options.threads, options.isa);
}

std::vector<DeviceProfile> DeviceProfiler::list(std::vector<std::string>* problems) {
  std::vector<DeviceProfile> profiles;
  for (const device::StoredProfile& stored : device::all_profiles(problems)) profiles.push_back(public_profile(stored));
  return profiles;
}

std::string DeviceProfiler::add(const std::string& path, bool overwrite) { return device::add_profile(path, overwrite); }
std::string DeviceProfiler::user_folder() { return device::user_folder(); }

}  // namespace omni
