#include "compress/recipe/run_recipe.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "compress/recipe/identity.h"
#include "compress/recipe/step_records.h"
#include "compress/recipe/weight_report.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/sha256.h"
#include "formats/onnx/export.h"
#include "formats/package/package.h"
#include "ops/op_list.h"
#include "passes/canonical.h"

namespace omni::compress {

namespace {

namespace fs = std::filesystem;

constexpr char kJournalFile[] = "recipe.journal";

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string file_hash(const std::string& path) { return sha256_hex(map_file(path).bytes); }

void save_stage(const Graph& graph, const std::string& path) {
  formats::Package package;
  package.graphs.push_back(std::make_shared<const Graph>(graph.clone()));
  const auto coding = graph.metadata.find(std::string(formats::kMetaCoding));  // the bytes of a stage are those of a file made of it
  if (coding != graph.metadata.end()) package.metadata.insert(*coding);
  formats::save_package(path, package, Overwrite::kReplace);
}

Graph load_stage(const std::string& path) { return formats::load_package(path, ops::find_op).graphs.at(0)->clone(); }

bool has_labels(const train::SampleData& data) {
  const runtime::SampleField* target = data.target_field();
  return target != nullptr && target->dtype == DType::kI64;
}

// Makes the folder, or finds it fit to be gone on with.
void prepare_folder(const std::string& directory, bool restart) {
  std::error_code failed;
  const fs::path folder(directory);
  const bool ours = fs::exists(folder / kJournalFile, failed);
  if (!ours && fs::exists(folder, failed) && !fs::is_empty(folder, failed)) {
    throw Error(ErrorCode::kExists, "is no work folder of a recipe, and not empty", directory, "name another one with --work");
  }
  fs::create_directories(folder, failed);
  if (failed) throw Error(ErrorCode::kMachine, "cannot make the directory: " + failed.message(), directory);
  if (!ours || !restart) return;
  const Journal lock((folder / kJournalFile).string());  // nobody is at work there
  const auto remove = [&](const fs::path& what) {
    fs::remove_all(what, failed);
    if (failed) throw Error(ErrorCode::kMachine, "cannot be removed: " + failed.message(), what.string());
  };
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename() != kJournalFile) remove(entry.path());
  }
  remove(folder / kJournalFile);  // the last, so that a folder that is left half-way is still known as one
}

class RecipeRunner {
 public:
  RecipeRunner(const Graph& model, const Recipe& recipe, const RecipeRun& run) : model_(model), recipe_(recipe), run_(run) {
    check(recipe);
    if (recipe.decide == Decide::kModel && !run.predict) {
      throw Error(ErrorCode::kInvalidArgument, "the recipe decides by a device's model, and no device is named", "decide: model",
                  "name it with --device");
    }
    if (recipe.max_accuracy_loss && run.evaluation == nullptr) {
      throw Error(ErrorCode::kInvalidArgument, "accuracy is bounded, and there is no data to measure it on", "max_accuracy_loss",
                  "give --data with labels");
    }
    if (recipe.max_accuracy_loss && recipe.decide == Decide::kNone) {
      throw Error(ErrorCode::kInvalidArgument, "accuracy is bounded, and nothing is measured", "max_accuracy_loss", "leave out `decide: none`");
    }
    if (recipe.max_accuracy_loss && !has_labels(*run.evaluation)) {
      throw Error(ErrorCode::kInvalidArgument, "accuracy is bounded, and the data has values instead of labels", "max_accuracy_loss", "leave it out");
    }
    for (const RecipeStep& step : recipe.steps) check_needs(*step.step, run.data);
    prepare_folder(run.directory, run.restart);
    journal_.emplace(path(kJournalFile));
    pool_ = run.pool ? run.pool : std::make_shared<ThreadPool>(0);
    begin();
  }

  RecipeResult run() {
    for (size_t i = 1; i <= recipe_.steps.size(); ++i) step(i);
    finish();
    return std::move(result_);
  }

 private:
  std::string path(const std::string& name) const { return (fs::path(run_.directory) / name).string(); }
  const RecipeStep& recipe_step(size_t i) const { return recipe_.steps[i - 1]; }
  std::string stage_name(size_t i) const { return std::to_string(i) + "-" + std::string(recipe_step(i).step->name); }
  static std::string key(size_t i, const char* what = "") { return "step/" + std::to_string(i) + what; }
  bool measured() const { return recipe_.decide != Decide::kNone; }

  // The folder belongs to this run, or to none so far.
  void begin() {
    std::vector<IdentityPart> parts = {{"recipe", canonical_text(recipe_)}, {"model", model_identity(model_)}};
    parts.push_back({"data", run_.data == nullptr ? "none" : data_identity(*run_.data)});
    parts.push_back({"evaluation data", run_.evaluation == nullptr ? "none" : data_identity(*run_.evaluation)});
    parts.push_back({"seed", std::to_string(run_.seed)});
    parts.push_back({"version of omni", OMNI_VERSION});
    parts.push_back({"instruction set", std::string(isa_name(run_.isa))});
    parts.push_back({"device", recipe_.decide == Decide::kModel ? run_.predictor : ""});
    parts.push_back({"way to latency", run_.latency_inputs.empty() ? "not measured" : "measured"});
    parts.push_back({"form of the result", run_.onnx ? "onnx" : "omni"});
    result_.key = identity_key(parts);
    if (const JournalRecord* before = journal_->find("run")) {
      for (const IdentityPart& part : parts) {
        if (before->text(part.name) == part.value) continue;
        throw Error(ErrorCode::kExists, "the work of a run with another " + part.name + " is there", run_.directory,
                    "go on with the same command, begin anew with --restart, or name another folder with --work");
      }
      result_.resumed = true;
      return;
    }
    JournalRecord record{"run", {{"key", result_.key}}};
    for (const IdentityPart& part : parts) record.fields[part.name] = part.value;
    journal_->put(std::move(record));
  }

  // What step i made (0: the model given), read back from its file.
  const Graph& graph_of(size_t i) {
    if (i == 0) return model_;
    if (loaded_index_ != i) {
      loaded_ = load_stage(path(stage_name(i) + ".omni"));
      loaded_index_ = i;
    }
    return loaded_;
  }

  // Carries the step out, unless that was done.
  StepDone carry_out(size_t i, size_t from) {
    const RecipeStep& wanted = recipe_step(i);
    const std::string file = path(stage_name(i) + ".omni");
    const std::optional<StepDone> before = find_done(*journal_, key(i));
    std::error_code failed;
    if (before && fs::exists(file, failed)) {
      if (file_hash(file) == before->sha256) return *before;
      throw Error(ErrorCode::kInvalidData, "has been changed since it was written", file, "begin anew with --restart");
    }
    StepInput input;
    input.data = run_.data;
    input.seed = run_.seed;
    input.pool = pool_;
    input.isa = run_.isa;
    input.progress = part(i, 0, 0.8);
    input.directory = path(stage_name(i));
    input.checkpoint_seconds = run_.checkpoint_seconds;
    const double start = now();
    StepResult result = apply_step(graph_of(from), *wanted.step, wanted.options, input);
    save_stage(result.graph, file);
    StepDone done{std::move(result.layers), std::move(result.tensors), std::move(result.notes), now() - start, file_hash(file)};
    if (before && before->sha256 != done.sha256)
      throw Error(ErrorCode::kInternal, "a step gave other bytes the second time", std::string(wanted.step->name));
    if (!before) journal_->put(records_of(key(i), done));
    return done;
  }

  void step(size_t i) {
    const RecipeStep& wanted = recipe_step(i);
    report(run_.progress, progress_at(i, 0), std::string(wanted.step->name), "go on with the same command");
    const size_t from = pending_.empty() ? applied_.empty() ? 0 : applied_.back() : pending_.back();
    StepDone done = carry_out(i, from);
    StepReport& entry = result_.steps.emplace_back();
    entry.method = wanted.step->name;
    entry.options = options_text(wanted);
    entry.required = wanted.required;
    entry.seconds = done.seconds;
    entry.layers = std::move(done.layers);
    entry.tensors = std::move(done.tensors);
    entry.notes = std::move(done.notes);
    pending_.push_back(i);
    if (wanted.step->prepares && i < recipe_.steps.size()) {
      entry.reason = "prepares for the next step and is judged with it";
      return;
    }
    const size_t before = applied_.empty() ? 0 : applied_.back();
    Verdict verdict{true, {}, {}, "applied, nothing was measured"};
    if (measured()) {
      entry.change = change(before, i);
      const bool required = std::any_of(pending_.begin(), pending_.end(), [&](size_t k) { return recipe_step(k).required; });
      VerdictRules rules{required, recipe_.max_accuracy_loss};
      if (rules.max_accuracy_loss) *rules.max_accuracy_loss /= 100;
      verdict = judge(*entry.change, rules);
    }
    entry.reason = verdict.reason;
    for (const size_t k : pending_) {
      StepReport& judged = result_.steps[k - 1];
      judged.applied = verdict.applied;
      if (k != i && !verdict.applied) judged.reason = "not applied, as the step it prepares for";
      if (verdict.applied) applied_.push_back(k);
    }
    pending_.clear();
  }

  StepChange change(size_t before, size_t after) {
    StepChange c = sizes(before, after);
    if (recipe_.decide == Decide::kModel) {
      const double a = predicted(before), b = predicted(after);
      c.latency = StepChange::Latency{a, b, b / std::max(a, 1e-12), b / std::max(a, 1e-12), b / std::max(a, 1e-12)};
    } else if (!run_.latency_inputs.empty()) {
      c.latency = latency(before, after);
    }
    if (run_.evaluation == nullptr) return c;
    const Outcomes was = outcomes(before), is = outcomes(after);
    c.outcomes = compare_outcomes(was, is);
    c.labels = is.labels;
    if (is.labels) c.accuracy_loss_in_all = outcomes(0).mean() - is.mean();
    return c;
  }

  StepChange sizes(size_t before, size_t after) {
    StepChange c;
    c.bytes_before = bytes(before);
    c.bytes_after = bytes(after);
    return c;
  }

  // The figures of the model after step i, each found once.
  int64_t bytes(size_t i) {
    const std::string name = key(i, "/bytes");
    if (journal_->find(name) == nullptr) {
      const std::string file = i == 0 ? path("0-model.omni") : path(stage_name(i) + ".omni");
      if (i == 0) save_stage(model_, file);
      auto size = static_cast<int64_t>(fs::file_size(file));
      if (run_.onnx) size = onnx_bytes(graph_of(i), size);
      journal_->put({name, {{"bytes", size}}});
    }
    return journal_->find(name)->integer("bytes");
  }
  // What ONNX cannot hold in one file has the size of its package, near enough: the weights are the same.
  static int64_t onnx_bytes(const Graph& graph, int64_t otherwise) {
    try {
      return static_cast<int64_t>(formats::export_onnx(graph).size());
    } catch (const Error&) {
      return otherwise;
    }
  }

  double predicted(size_t i) {
    const std::string name = key(i, "/predicted");
    if (journal_->find(name) == nullptr) journal_->put({name, {{"seconds", run_.predict(graph_of(i))}}});
    return journal_->find(name)->number("seconds");
  }

  StepChange::Latency latency(size_t before, size_t after) {
    const std::string name = "latency/" + std::to_string(before) + "-" + std::to_string(after);
    if (journal_->find(name) == nullptr) {
      LatencyOptions options;
      options.inputs = run_.latency_inputs;
      options.seconds = run_.latency_seconds;
      options.isa = run_.isa;
      options.progress = part(after, 0.9, 1);
      const Graph first = graph_of(before).clone();
      const PairedLatency l = compare_latency(first, graph_of(after), options);
      journal_->put(record_of(name, {l.before, l.after, l.ratio, l.low, l.high}));
    }
    return latency_of(*journal_->find(name));
  }

  Outcomes outcomes(size_t i) {
    const std::string name = key(i, "/outcomes");
    if (journal_->find(name) == nullptr) {
      runtime::SessionOptions session;
      session.isa = run_.isa;
      session.pool = pool_;
      const Outcomes found = measure_outcomes(graph_of(i), *run_.evaluation, session, part(std::max<size_t>(i, 1), 0.8, 0.9));
      journal_->put({name, {{"scores", found.text()}}});
    }
    return Outcomes::parse(journal_->find(name)->text("scores"));
  }

  void finish() {
    const size_t last = applied_.empty() ? 0 : applied_.back();
    result_.applied = recipe_;
    result_.applied.steps.clear();
    std::vector<std::string> notes;
    for (const size_t i : applied_) {
      result_.applied.steps.push_back(recipe_step(i));
      notes.insert(notes.end(), result_.steps[i - 1].notes.begin(), result_.steps[i - 1].notes.end());
    }
    if (measured() && last != 0) result_.whole = change(0, last);
    result_.graph = graph_of(last).clone();
    Graph before = model_.clone();
    PassContext context;
    run_passes(before, passes::canonical_passes(), context);
    result_.layers = report_weights(before, result_.graph, notes);
    if (!measured()) return;
    const bool timed = std::any_of(result_.steps.begin(), result_.steps.end(), [](const StepReport& s) { return s.change && s.change->latency; });
    if (run_.evaluation == nullptr) result_.notes.emplace_back("accuracy was not measured: there is no data with labels or target values");
    if (!timed) result_.notes.emplace_back("latency was not measured: the inputs of a run are not known");
  }

  double progress_at(size_t i, double fraction) const { return (static_cast<double>(i - 1) + fraction) / static_cast<double>(recipe_.steps.size()); }
  Progress part(size_t i, double from, double to) const { return part_of(run_.progress, progress_at(i, from), progress_at(i, to)); }

  const Graph& model_;
  const Recipe& recipe_;
  const RecipeRun& run_;
  std::optional<Journal> journal_;
  std::shared_ptr<ThreadPool> pool_;
  Graph loaded_;
  size_t loaded_index_ = 0;
  std::vector<size_t> applied_, pending_;  // steps, from 1
  RecipeResult result_;
};

}  // namespace

std::string options_text(const RecipeStep& step) {
  std::string text;
  for (const StepOption& option : step.step->options) {
    text += (text.empty() ? "" : ", ") + std::string(option.name) + ": " + option_text(option, step.options.value(option.name));
  }
  return text;
}

RecipeResult run_recipe(const Graph& model, const Recipe& recipe, const RecipeRun& run) { return RecipeRunner(model, recipe, run).run(); }

}  // namespace omni::compress
