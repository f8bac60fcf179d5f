#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "core/error.h"
#include "core/sha256.h"
#include "runtime/loop/batches.h"
#include "runtime/loop/step_loop.h"
#include "runtime/session.h"
#include "train/metrics.h"
#include "train/trainer_checkpoint.h"
#include "train/training_graph.h"

namespace omni::train {

namespace {

using Clock = std::chrono::steady_clock;
constexpr double kProgressSeconds = 0.1;      // between two calls

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

LossKind loss_kind(const SampleData& data, LossKind asked) {
  const runtime::SampleField* target = data.target_field();
  if (target == nullptr) throw Error(ErrorCode::kInvalidArgument, "the data has no targets to train for", {}, "name the column or array that holds them");
  const LossKind fitting = target->dtype == DType::kI64 ? LossKind::kCrossEntropy : LossKind::kMse;
  if (asked != LossKind::kAuto && asked != fitting) {
    throw Error(ErrorCode::kInvalidArgument, std::string(loss_name(asked)) + " does not go with targets of type " + std::string(dtype_name(target->dtype)),
                "field " + core::quoted(target->name), "use " + std::string(loss_name(fitting)));
  }
  return fitting;
}

void check(const TrainOptions& o, const SampleData& data) {
  const auto require = [](bool ok, const char* what, const char* fix = "") {
    if (!ok) throw Error(ErrorCode::kInvalidArgument, what, "training", fix);
  };
  check(o.optimizer);
  check(o.schedule);
  require(o.rate >= 0 && std::isfinite(o.rate), "the learning rate is negative");
  require(o.epochs >= 1, "epochs are at least 1");
  require(o.batch >= 1, "the batch size is at least 1");
  require(o.validation >= 0 && o.validation < 1, "the validation part is a fraction, at least 0 and below 1");
  require(o.patience >= 0, "patience is negative");
  require(o.validation == 0 || o.validation_data == nullptr, "validation data and a validation part at once", "choose one");
  require(o.patience == 0 || o.validation > 0 || o.validation_data != nullptr, "patience needs a validation part", "add --validation 0.1");
  require(data.source->size() >= 1, "the data is empty");
}

// The batch dimension must be free, or the batch size must be the model's.
void check_batch(const Graph& model, const TrainOptions& o) {
  for (const ValueId id : model.inputs()) {
    const Type& type = model.type(id);
    if (type.rank() == 0 || !type.dim(0).is_constant() || type.dim(0).value == o.batch) continue;
    throw Error(ErrorCode::kInvalidArgument, "the model's batch is fixed at " + std::to_string(type.dim(0).value), "input " + core::quoted(model.value(id).name),
                "export it with a dynamic batch, or train with that batch size");
  }
}

void check_labels(const SampleData& data, const TrainingGraphs& graphs) {
  const Type& type = graphs.eval.type(graphs.eval.outputs()[0]);
  if (data.target_field()->dtype != DType::kI64 || type.rank() < 2 || !type.dim(1).is_constant() || data.classes <= type.dim(1).value) return;
  throw Error(ErrorCode::kInvalidArgument, "the data has " + std::to_string(data.classes) + " classes, the model gives " + std::to_string(type.dim(1).value),
              "output " + core::quoted(graphs.prediction), "make the model with that many classes");
}

// A hash of everything the result depends on but the instruction set. Of the data: size, first and last sample.
std::string identity_of(const TrainingGraphs& graphs, const SampleData& data, const TrainOptions& o, double rate) {
  Sha256 hash;
  const auto add = [&](std::string_view text) { hash.update(std::as_bytes(std::span(text))); };
  add(print(graphs.train));
  add(o.edit.identity);
  char text[512];
  std::snprintf(text, sizeof text, "%lld %lld %llu %a %lld %a %d %a %a %a %a %a %lld", static_cast<long long>(o.epochs), static_cast<long long>(o.batch),
                static_cast<unsigned long long>(o.seed), o.validation, static_cast<long long>(o.patience), rate, static_cast<int>(o.schedule.kind),
                o.schedule.warmup, o.schedule.gamma, o.schedule.final_fraction, o.schedule.peak, o.schedule.start_divisor,
                static_cast<long long>(data.source->size()));
  add(text);
  for (const double m : o.schedule.milestones) add(std::to_string(m));
  const int64_t ends[] = {0, data.source->size() - 1};
  const std::vector<Tensor> samples = read_samples(*data.source, ends);
  for (const Tensor& t : samples) hash.update({static_cast<const std::byte*>(t.data()), t.bytes()});
  return to_hex(hash.finish());
}

struct Split {
  std::shared_ptr<const runtime::SampleSource> train, validation;  // validation may be null
};

Split split(const SampleData& data, const TrainOptions& o) {
  if (o.validation == 0) return {data.source, o.validation_data != nullptr ? o.validation_data->source : nullptr};
  HeldOut parts = hold_out(data.source, o.validation, o.seed);
  return {std::move(parts.rest), std::move(parts.held)};
}

class Trainer {
 public:
  Trainer(const Graph& model, const SampleData& data, const TrainOptions& options)
      : options_(options), data_(data), rate_(options.rate > 0 ? options.rate : usual_rate(options.optimizer.kind)) {
    check(options, data);
    check_batch(model, options);
    TrainingGraphOptions graph_options{options.parameters, options.loss, options.optimizer, options.edit};
    graph_options.loss.kind = loss_kind(data, options.loss.kind);
    graphs_ = build_training_graphs(model, graph_options);
    check_labels(data, graphs_);
    labels_ = graph_options.loss.kind == LossKind::kCrossEntropy;
    if (!options.directory.empty()) identity_ = identity_of(graphs_, data, options, rate_);
    split_ = split(data, options);
    pool_ = options.pool ? options.pool : std::make_shared<ThreadPool>(options.threads);
    states_ = std::make_shared<runtime::StateSet>();
    states_->attach(graphs_.model);
    train_ = make_session(graphs_.train, data, *split_.train, options.batch, options.levers);
    train_batches_ = std::make_unique<runtime::Batches>(*split_.train, runtime::BatchOptions{options.batch, true, options.seed}, pool_.get());
    train_loop_ = std::make_unique<runtime::StepLoop>(*train_, *train_batches_, field_names(data));
    train_loop_->track(graphs_.loss, runtime::MetricKind::kMean);
    if (!graphs_.seed.empty()) train_loop_->set(graphs_.seed, static_cast<int64_t>(options.seed));
    if (split_.validation == nullptr) return;
    eval_ = make_session(graphs_.eval, options.validation_data != nullptr ? *options.validation_data : data, *split_.validation, kValidationBatch, {});
    eval_batches_ = std::make_unique<runtime::Batches>(*split_.validation, runtime::BatchOptions{kValidationBatch}, pool_.get());
    eval_loop_ = std::make_unique<runtime::StepLoop>(*eval_, *eval_batches_, field_names(options.validation_data != nullptr ? *options.validation_data : data));
    eval_loop_->track(graphs_.loss, runtime::MetricKind::kMean);
  }

  TrainResult run() {
    const Clock::time_point start = Clock::now();
    TrainResult result;
    result.resumed = resume();
    total_steps_ = options_.epochs * train_batches_->per_epoch();
    while (!memory_.finished) run_epoch();
    runtime::StateSet final = *states_;
    if (options_.patience > 0 && !memory_.best.empty()) final.load(memory_.best, false);
    runtime::bake(graphs_.model, final);
    result.model = std::move(graphs_.model);
    result.epochs = memory_.epochs;
    result.best_epoch = memory_.best_epoch;
    result.stopped_early = memory_.stopped_early;
    result.steps = memory_.step;
    result.seconds = since(start);
    result.parameters = graphs_.parameters;
    result.notes = graphs_.notes;
    return result;
  }

 private:
  std::unique_ptr<runtime::Session> make_session(const Graph& graph, const SampleData& data, const runtime::SampleSource& source, int64_t batch,
                                                 runtime::Levers levers) const {
    runtime::SessionOptions o;
    o.isa = options_.isa;
    o.pool = pool_;
    o.states = states_;
    levers.order = true;
    runtime::apply(levers, batch_shapes(graph, data, source, std::min(batch, source.size())), o);
    return std::make_unique<runtime::Session>(graph.clone(), o);
  }

  // Sizes of the graph's inputs in a whole batch; what no field feeds is a scalar.
  std::vector<Shape> batch_shapes(const Graph& graph, const SampleData& data, const runtime::SampleSource& source, int64_t batch) const {
    const auto names = field_names(data);
    std::vector<Shape> shapes;
    for (const ValueId id : graph.inputs()) {
      std::vector<int64_t> dims;
      const auto field = names.find(graph.value(id).name);
      for (const runtime::SampleField& f : source.fields()) {
        if (field == names.end() || f.name != field->second) continue;
        dims.push_back(batch);
        dims.insert(dims.end(), f.shape.begin(), f.shape.end());
      }
      shapes.emplace_back(dims);
    }
    return shapes;
  }

  std::map<std::string, std::string, std::less<>> field_names(const SampleData& data) const {
    auto names = data.fields;
    names[graphs_.target] = data.target;
    return names;
  }

  bool resume() {
    last_saved_ = last_progress_ = Clock::now();
    if (options_.directory.empty()) return false;
    std::error_code failed;
    std::filesystem::create_directories(options_.directory, failed);
    if (failed) throw Error(ErrorCode::kMachine, "cannot make the directory: " + failed.message(), options_.directory);
    path_ = checkpoint_path(options_.directory);
    if (options_.on_checkpoint == OnCheckpoint::kRestart) return false;
    if (options_.on_checkpoint == OnCheckpoint::kRefuse && std::filesystem::exists(path_)) {
      throw Error(ErrorCode::kExists, "a training was begun there already", path_, "go on with it (--resume), or choose another directory");
    }
    auto memory = load_training(path_, *states_, identity_, options_.isa);
    if (!memory) return false;
    memory_ = std::move(*memory);
    return true;
  }

  void save() {
    if (path_.empty()) return;
    save_training(path_, memory_, *states_, identity_, options_.isa);
    last_saved_ = Clock::now();
  }

  void run_epoch() {
    const int64_t per_epoch = train_batches_->per_epoch(), epoch = memory_.step / per_epoch;
    const Clock::time_point start = Clock::now();
    const double before = memory_.seconds;
    train_loop_->start(static_cast<uint64_t>(epoch), memory_.step % per_epoch);
    if (!memory_.sums.empty()) train_loop_->restore(memory_.sums);
    while (memory_.step < (epoch + 1) * per_epoch) {
      step();
      memory_.seconds = before + since(start);
      if (memory_.step < (epoch + 1) * per_epoch) between_steps(epoch);
    }
    const runtime::MetricSum& loss = train_loop_->metric(graphs_.loss);
    if (!std::isfinite(loss.mean())) diverged();
    EpochReport report{.epoch = epoch + 1, .rate = rate_at(options_.schedule, rate_, memory_.step - 1, total_steps_), .train_loss = loss.mean()};
    report.train_accuracy = memory_.labels > 0 ? static_cast<double>(memory_.correct) / static_cast<double>(memory_.labels) : 0;
    if (eval_loop_) validate(report);
    report.seconds = before + since(start);
    memory_.epochs.push_back(report);
    memory_.sums.clear();
    memory_.correct = memory_.labels = 0;
    memory_.seconds = 0;
    memory_.stopped_early = options_.patience > 0 && report.epoch - memory_.best_epoch >= options_.patience && report.epoch < options_.epochs;
    memory_.finished = memory_.stopped_early || report.epoch >= options_.epochs;
    save();
    if (options_.epoch_done) options_.epoch_done(report);
    tell(epoch, true);
  }

  void step() {
    if (options_.edit.before_step) options_.edit.before_step(memory_.step, total_steps_, *states_);
    train_loop_->set(graphs_.rate, static_cast<float>(rate_at(options_.schedule, rate_, memory_.step, total_steps_)));
    if (!graphs_.step.empty()) train_loop_->set(graphs_.step, memory_.step);
    if (!train_loop_->step()) throw Error(ErrorCode::kInternal, "an epoch ended early", "training");
    if (labels_) count(*train_loop_, data_.target, memory_.correct, memory_.labels);
    ++memory_.step;
  }

  static void count(runtime::StepLoop& loop, const std::string& target_field, int64_t& correct, int64_t& labels) {
    const runtime::Batches& batches = loop.batches();
    for (size_t i = 0; i < batches.source().fields().size(); ++i) {
      if (batches.source().fields()[i].name != target_field) continue;
      const ConstTensorView target = batches.fields()[i].view();
      correct += count_correct(loop.outputs()[0], target);
      labels += target.count();
    }
  }

  // Checkpoint and progress, when it is time.
  void between_steps(int64_t epoch) {
    if (!path_.empty() && since(last_saved_) >= options_.checkpoint_seconds) {
      keep_sums();
      save();
    }
    if (since(last_progress_) >= kProgressSeconds) {
      if (!std::isfinite(train_loop_->metric(graphs_.loss).sum)) diverged();
      tell(epoch, false);
    }
  }

  void keep_sums() { memory_.sums.assign(train_loop_->metrics().begin(), train_loop_->metrics().end()); }

  void tell(int64_t epoch, bool epoch_done) {
    if (!options_.progress) return;
    last_progress_ = Clock::now();
    const double loss = epoch_done ? memory_.epochs.back().train_loss : train_loop_->metric(graphs_.loss).mean();
    char text[96];
    std::snprintf(text, sizeof text, "epoch %lld of %lld, loss %.4f", static_cast<long long>(epoch + 1), static_cast<long long>(options_.epochs), loss);
    if (options_.progress(static_cast<double>(memory_.step) / static_cast<double>(total_steps_), text)) return;
    if (!epoch_done) keep_sums();
    save();
    throw Error(ErrorCode::kInterrupted, "training stopped", text, path_.empty() ? "" : "the same command goes on from " + path_);
  }

  void validate(EpochReport& report) {
    eval_loop_->start(0);
    int64_t correct = 0, labels = 0;
    while (eval_loop_->step()) {
      if (labels_) count(*eval_loop_, options_.validation_data != nullptr ? options_.validation_data->target : data_.target, correct, labels);
    }
    report.validation_loss = eval_loop_->metric(graphs_.loss).mean();
    report.validation_accuracy = labels > 0 ? static_cast<double>(correct) / static_cast<double>(labels) : 0;
    double best = INFINITY;
    if (memory_.best_epoch > 0) best = memory_.epochs[static_cast<size_t>(memory_.best_epoch - 1)].validation_loss;
    if (!(report.validation_loss < best)) return;
    report.best = true;
    memory_.best_epoch = report.epoch;
    if (options_.patience == 0) return;
    memory_.best.clear();
    for (const std::string& name : states_->names()) {
      if (states_->role(name) != Role::kMoment) memory_.best.push_back({name, states_->get(name)});
    }
  }

  [[noreturn]] void diverged() const {
    throw Error(ErrorCode::kInvalidArgument, "the loss is no longer a finite number", "training, step " + std::to_string(memory_.step),
                "lower the learning rate, or limit the gradients (--clip-norm 1)");
  }

  const TrainOptions& options_;
  const SampleData& data_;
  double rate_;
  bool labels_ = false;
  TrainingGraphs graphs_;
  std::string identity_, path_;
  Split split_;
  std::shared_ptr<ThreadPool> pool_;
  std::shared_ptr<runtime::StateSet> states_;
  std::unique_ptr<runtime::Session> train_, eval_;
  std::unique_ptr<runtime::Batches> train_batches_, eval_batches_;
  std::unique_ptr<runtime::StepLoop> train_loop_, eval_loop_;
  TrainerMemory memory_;
  int64_t total_steps_ = 0;
  Clock::time_point last_saved_, last_progress_;
};

}  // namespace

TrainResult train(const Graph& model, const SampleData& data, const TrainOptions& options) { return Trainer(model, data, options).run(); }

}  // namespace omni::train
