#include "runtime/loop/step_loop.h"

#include <algorithm>

#include "core/error.h"

namespace omni::runtime {

namespace {

std::vector<std::string> names_of_inputs(const Session& session) {
  std::vector<std::string> names;
  for (size_t i = 0; i < session.input_count(); ++i) names.push_back(session.input_name(i));
  return names;
}

double scalar(const TensorView& v) {
  switch (v.dtype) {
    case DType::kF32: return static_cast<double>(*v.as<float>());
    case DType::kF64: return *v.as<double>();
    case DType::kI64: return static_cast<double>(*v.as<int64_t>());
    case DType::kI32: return static_cast<double>(*v.as<int32_t>());
    default: return static_cast<double>(*v.as<uint8_t>());
  }
}

}  // namespace

StepLoop::StepLoop(Session& session, Batches& batches, std::map<std::string, std::string, std::less<>> fields)
    : session_(session), batches_(batches) {
  const std::span<const SampleField> known = batches.source().fields();
  for (size_t i = 0; i < session.input_count(); ++i) {
    const auto renamed = fields.find(session.input_name(i));
    const std::string& name = renamed == fields.end() ? session.input_name(i) : renamed->second;
    const auto found = std::find_if(known.begin(), known.end(), [&](const SampleField& f) { return f.name == name; });
    if (found == known.end() && renamed != fields.end()) throw Error(ErrorCode::kNotFound, "there is no field " + quoted(name));
    field_of_.push_back(found == known.end() ? -1 : static_cast<int>(found - known.begin()));
    const DType wanted = session.graph().type(session.graph().inputs()[i]).dtype;
    if (found != known.end() && found->dtype != wanted) {
      throw Error(
          ErrorCode::kInvalidArgument,
          "it takes " + std::string(dtype_name(wanted)) + ", field " + quoted(name) + " of the data is " + std::string(dtype_name(found->dtype)),
          "input " + quoted(session.input_name(i)));
    }
  }
  inputs_.resize(session.input_count());
  given_.resize(session.input_count(), false);
  outputs_.resize(session.output_count());
}

int StepLoop::input(std::string_view name) const {
  const int i = session_.input_index(name);
  if (i >= 0) return i;
  throw Error(ErrorCode::kNotFound, "there is no input " + quoted(name), {}, did_you_mean(name, names_of_inputs(session_)));
}

void StepLoop::track(std::string_view output, MetricKind kind) {
  const int i = session_.output_index(output);
  if (i < 0) throw Error(ErrorCode::kNotFound, "there is no output " + quoted(output));
  const DType t = session_.graph().type(session_.graph().outputs()[static_cast<size_t>(i)]).dtype;
  const bool summable = t == DType::kF32 || t == DType::kF64 || t == DType::kI64 || t == DType::kI32 || t == DType::kBool || t == DType::kU8;
  if (!summable) throw Error(ErrorCode::kUnsupported, "no metric of " + std::string(dtype_name(t)), "output " + quoted(output));
  tracked_.emplace_back(i, kind);
  metrics_.push_back({std::string(output)});
}

void StepLoop::set(std::string_view name, Tensor value) {
  const auto i = static_cast<size_t>(input(name));
  inputs_[i] = std::move(value);
  given_[i] = true;
}

void StepLoop::set(std::string_view name, float value) {
  const auto i = static_cast<size_t>(input(name));
  inputs_[i] = Tensor::scalar(value);
  given_[i] = true;
}

void StepLoop::set(std::string_view name, int64_t value) {
  const auto i = static_cast<size_t>(input(name));
  inputs_[i] = Tensor::scalar(value);
  given_[i] = true;
}

void StepLoop::start(uint64_t epoch, int64_t first_batch) {
  batches_.start(epoch, first_batch);
  for (MetricSum& m : metrics_) m.sum = m.count = 0;
}

bool StepLoop::step() {
  if (!batches_.next()) return false;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (field_of_[i] >= 0 && !given_[i]) {
      inputs_[i] = batches_.fields()[static_cast<size_t>(field_of_[i])];
    } else if (!given_[i]) {
      throw Error(ErrorCode::kInvalidArgument, "the data has no such field, and nobody set it", "input " + quoted(session_.input_name(i)));
    }
  }
  for (TensorView& v : outputs_) v.data = nullptr;
  session_.run(inputs_, outputs_).check();
  add_metrics();
  return true;
}

void StepLoop::add_metrics() {
  const auto n = static_cast<double>(batches_.samples());
  for (size_t m = 0; m < tracked_.size(); ++m) {
    const TensorView& v = outputs_[static_cast<size_t>(tracked_[m].first)];
    if (v.count() != 1)
      throw Error(ErrorCode::kInvalidArgument, "a metric must be one number, found " + v.shape.text(), "output " + quoted(metrics_[m].name));
    const double value = scalar(v);
    switch (tracked_[m].second) {
      case MetricKind::kMean:
        metrics_[m].sum += value * n;
        metrics_[m].count += n;
        break;
      case MetricKind::kSum:
        metrics_[m].sum += value;
        metrics_[m].count += n;
        break;
      case MetricKind::kTotal:
        metrics_[m].sum += value;
        metrics_[m].count += 1;
        break;
    }
  }
}

const MetricSum& StepLoop::metric(std::string_view name) const {
  for (const MetricSum& m : metrics_) {
    if (m.name == name) return m;
  }
  throw Error(ErrorCode::kNotFound, "there is no metric " + quoted(name));
}

void StepLoop::restore(std::span<const MetricSum> sums) {
  for (const MetricSum& s : sums) {
    const auto found = std::find_if(metrics_.begin(), metrics_.end(), [&](const MetricSum& m) { return m.name == s.name; });
    if (found == metrics_.end()) throw Error(ErrorCode::kNotFound, "there is no metric " + quoted(s.name));
    *found = s;
  }
}

}  // namespace omni::runtime
