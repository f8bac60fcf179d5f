#include "train/evaluate.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "core/error.h"
#include "ops/op_list.h"
#include "train/losses.h"

namespace omni::train {

namespace {

size_t output_index(const runtime::Engine& engine, const std::string& name) {
  std::vector<std::string> names;
  for (size_t i = 0; i < engine.outputs().size(); ++i) {
    if (name.empty() || engine.outputs()[i].name == name) return i;
    names.push_back(engine.outputs()[i].name);
  }
  throw Error(ErrorCode::kInvalidArgument, "the model has no output " + quoted(name), {}, did_you_mean(name, names));
}

// The number of samples a run takes: the model's where it is fixed.
int64_t batch_of(const runtime::Engine& engine, int64_t asked) {
  for (const runtime::EnginePort& port : engine.inputs()) {
    if (!port.dims.empty() && port.dims[0] > 0) return port.dims[0];
  }
  return asked;
}

class Evaluator {
 public:
  Evaluator(runtime::Engine& engine, const SampleData& data, const EvaluateOptions& options)
      : engine_(engine), data_(data), options_(options), output_(output_index(engine, options.output)), batch_(batch_of(engine, options.batch)) {
    if (batch_ < 1) throw Error(ErrorCode::kInvalidArgument, "the batch size is at least 1", "evaluation");
    const auto fields = data.source->fields();
    for (size_t i = 0; i < fields.size(); ++i) {
      std::vector<int64_t> dims = {batch_};
      dims.insert(dims.end(), fields[i].shape.begin(), fields[i].shape.end());
      batch_tensors_.emplace_back(fields[i].dtype, Shape(dims));
      if (!data.target.empty() && fields[i].name == data.target) target_ = i;
    }
    if (target_ == SIZE_MAX) throw Error(ErrorCode::kInvalidArgument, "the data has no targets to compare with", "evaluation");
    for (const runtime::EnginePort& port : engine.inputs()) feeds_.push_back(field_of(port.name));
    result_.correct.assign(options.top.size(), 0);
  }

  Evaluation run() {
    int64_t n = data_.source->size();
    if (options_.limit > 0) n = std::min(n, options_.limit);
    std::vector<int64_t> indices(static_cast<size_t>(batch_));
    for (int64_t first = 0; first < n; first += batch_) {
      const int64_t count = std::min(batch_, n - first);
      // A batch that is not full repeats its last sample, whose results are left out: every run has one shape.
      for (int64_t i = 0; i < batch_; ++i) indices[static_cast<size_t>(i)] = first + std::min(i, count - 1);
      std::vector<TensorView> views;
      for (Tensor& t : batch_tensors_) views.push_back(t.mutable_view());
      data_.source->read(indices, views, nullptr);
      add(count);
      report(options_.progress, static_cast<double>(first + count) / static_cast<double>(n), "evaluating");
    }
    result_.samples = n;
    if (result_.labels > 0) result_.loss = loss_sum_ / static_cast<double>(result_.labels);
    if (elements_ > 0) result_.mean_squared_error = loss_sum_ / static_cast<double>(elements_);
    return result_;
  }

 private:
  size_t field_of(const std::string& input) const {
    const auto found = data_.fields.find(input);
    const std::string& name = found == data_.fields.end() ? input : found->second;
    for (size_t i = 0; i < data_.source->fields().size(); ++i) {
      if (data_.source->fields()[i].name == name) return i;
    }
    throw Error(ErrorCode::kInvalidArgument, "the data has no field for input " + quoted(input), "evaluation");
  }

  void add(int64_t count) {
    std::vector<Tensor> inputs;
    for (const size_t i : feeds_) inputs.push_back(batch_tensors_[i]);
    const auto start = std::chrono::steady_clock::now();
    const std::vector<Tensor> outputs = engine_.run(inputs);
    result_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const Tensor& out = outputs.at(output_);
    const Tensor& target = batch_tensors_[target_];
    if (out.dtype() != DType::kF32 || out.shape().rank() < 1 || out.shape()[0] != batch_) refuse(out, target);
    if (target.dtype() != DType::kI64) {
      if (out.count() != target.count() || target.dtype() != DType::kF32) refuse(out, target);
      loss_sum_ += squared_error_sum(first(out, count), first(target, count));
      elements_ += out.count() / batch_ * count;
      if (options_.each) add_errors(out, target, count);
      return;
    }
    if (out.shape().rank() < 2 || out.count() != target.count() * out.shape()[1]) refuse(out, target);
    for (size_t i = 0; i < options_.top.size(); ++i) result_.correct[i] += count_correct(first(out, count), first(target, count), options_.top[i]);
    loss_sum_ += cross_entropy_sum(first(out, count), first(target, count), options_.scores);
    result_.labels += target.count() / batch_ * count;
    if (options_.each) add_shares(out, target, count);
  }

  void add_shares(const Tensor& out, const Tensor& target, int64_t count) {
    const double labels = static_cast<double>(target.count() / batch_);
    for (int64_t i = 0; i < count; ++i) result_.scores.push_back(static_cast<float>(static_cast<double>(count_correct(sample(out, i), sample(target, i), 1)) / labels));
  }
  void add_errors(const Tensor& out, const Tensor& target, int64_t count) {
    const double elements = static_cast<double>(out.count() / batch_);
    for (int64_t i = 0; i < count; ++i) result_.scores.push_back(static_cast<float>(squared_error_sum(sample(out, i), sample(target, i)) / elements));
  }

  static ConstTensorView sample(const Tensor& t, int64_t i) {
    ConstTensorView view = t.view();
    const int64_t batch = view.shape[0];
    view.data = static_cast<const std::byte*>(view.data) + t.bytes() / static_cast<size_t>(batch) * static_cast<size_t>(i);
    view.shape.set(0, 1);
    return view;
  }

  static ConstTensorView first(const Tensor& t, int64_t count) {
    ConstTensorView view = t.view();
    view.shape.set(0, count);
    return view;
  }

  [[noreturn]] void refuse(const Tensor& out, const Tensor& target) const {
    throw Error(ErrorCode::kInvalidArgument,
                "an output " + std::string(dtype_name(out.dtype())) + out.shape().text() + " cannot be compared with targets " +
                    std::string(dtype_name(target.dtype())) + target.shape().text(),
                "output " + quoted(engine_.outputs()[output_].name));
  }

  runtime::Engine& engine_;
  const SampleData& data_;
  const EvaluateOptions& options_;
  size_t output_, target_ = SIZE_MAX;
  int64_t batch_, elements_ = 0;
  std::vector<Tensor> batch_tensors_;
  std::vector<size_t> feeds_;
  double loss_sum_ = 0;
  Evaluation result_;
};

}  // namespace

Evaluation evaluate(runtime::Engine& engine, const SampleData& data, const EvaluateOptions& options) { return Evaluator(engine, data, options).run(); }

std::vector<InputShape> input_shapes(const runtime::Engine& engine) {
  std::vector<InputShape> shapes;
  for (const runtime::EnginePort& port : engine.inputs()) shapes.push_back({port.name, port.dtype, port.dims});
  return shapes;
}

ScoreKind score_kind(const Graph& model, const std::string& output) {
  ValueId id = model.outputs().empty() ? kNone : model.outputs()[0];
  if (!output.empty()) id = model.find(output);
  if (id == kNone) return ScoreKind::kLogits;
  const ValueId logits = logits_of(model, id);
  if (logits == id) return ScoreKind::kLogits;
  for (const Use& use : model.value(logits).uses) {
    if (model.node(use.node).op == &ops::kLogSoftmax) return ScoreKind::kLogProbabilities;
  }
  return ScoreKind::kProbabilities;
}

Evaluation evaluate(const Graph& model, const SampleData& data, EvaluateOptions options, runtime::SessionOptions session) {
  options.scores = score_kind(model, options.output);
  const auto engine = runtime::make_session_engine(std::make_shared<Graph>(model.clone()), std::move(session));
  return evaluate(*engine, data, options);
}

}  // namespace omni::train
