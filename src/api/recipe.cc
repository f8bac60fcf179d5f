// Recipes in public, and carrying them out.
#include <filesystem>

#include "api/access.h"
#include "core/system_error.h"
#include "core/thread_pool.h"

namespace omni {

namespace {

// From where on a value of the result has drifted: a relative error of a tenth is a signal-to-noise ratio of 20 dB.
constexpr double kDrift = 0.1;

const char* kind_name(compress::OptionKind kind) {
  switch (kind) {
    case compress::OptionKind::kFlag: return "flag";
    case compress::OptionKind::kCount: return "count";
    case compress::OptionKind::kNumber: return "number";
    case compress::OptionKind::kShare: return "share";
    case compress::OptionKind::kChoice: return "choice";
    case compress::OptionKind::kText: return "text";
    case compress::OptionKind::kList: break;
  }
  return "list";
}

// A folder that goes when the call ends.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_((std::filesystem::temp_directory_path() / "omni-recipe-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) throw core::system_error("cannot make a folder for the work", path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What steps see and what accuracy is measured on.
struct Samples {
  std::optional<train::SampleData> work, evaluation;
};

Samples samples_for(const graph::Graph& graph, const std::optional<Dataset>& data, const compress::Recipe& recipe, const RecipeOptions& options) {
  Samples samples;
  if (data) samples.work = train::match_data(graph, Access::shared_data(*data));
  if (recipe.decide == compress::Decide::kNone) return samples;
  if (options.validation) {
    samples.evaluation = train::match_data(graph, Access::shared_data(*options.validation));
    if (samples.evaluation->target_field() == nullptr) {
      throw Error(ErrorCode::kInvalidArgument, "the data to measure accuracy on has no labels or target values", "validation");
    }
  } else if (samples.work && samples.work->target_field() != nullptr) {
    const train::HeldOut parts = train::hold_out(samples.work->source, options.validation_share, options.seed);
    samples.evaluation = samples.work;
    samples.work->source = parts.rest;
    samples.evaluation->source = parts.held;
  }
  return samples;
}

ModelChange change_of(const compress::StepChange& c) {
  ModelChange change;
  change.bytes_before = c.bytes_before;
  change.bytes_after = c.bytes_after;
  if (c.latency) {
    change.latency_before = c.latency->before;
    change.latency_after = c.latency->after;
    change.latency_ratio = c.latency->ratio;
    change.latency_low = c.latency->low;
    change.latency_high = c.latency->high;
  }
  if (c.outcomes) {
    (c.labels ? change.accuracy_before : change.error_before) = c.outcomes->before;
    (c.labels ? change.accuracy_after : change.error_after) = c.outcomes->after;
    change.gain = c.outcomes->gain;
    change.gain_low = c.outcomes->low;
    change.gain_high = c.outcomes->high;
    change.samples = c.outcomes->samples;
  }
  change.text = compress::change_text(c);
  return change;
}

StepReport step_report(compress::StepReport step) {
  StepReport report{std::move(step.method), std::move(step.options), step.applied, step.required, std::move(step.reason)};
  if (step.change) report.change = change_of(*step.change);
  report.seconds = step.seconds;
  for (compress::LayerReport& layer : step.layers) report.layers.push_back(api::layer_report(std::move(layer)));
  for (const compress::TensorReport& tensor : step.tensors) report.activations.push_back(api::activation_report(tensor));
  report.notes = std::move(step.notes);
  return report;
}

// Of one run whose latency is measured; none where noise cannot be made for an input.
std::vector<core::Tensor> latency_inputs(const graph::Graph& graph, const RecipeOptions& options) {
  try {
    return api::noise_inputs(graph, api::input_shapes(graph, options.shapes), 1);
  } catch (const Error&) {
    if (!options.shapes.empty()) throw;
    return {};
  }
}

}  // namespace

std::vector<StepInfo> compression_steps() {
  std::vector<StepInfo> steps;
  for (const compress::StepDef* def : compress::step_defs()) {
    StepInfo& info = steps.emplace_back();
    info.name = def->name;
    info.purpose = def->purpose;
    info.needs_data = def->needs_data;
    info.needs_targets = def->needs_targets;
    info.trains = def->trains;
    info.prepares = def->prepares;
    for (const compress::StepOption& o : def->options) {
      info.options.push_back({std::string(o.name), std::string(o.help), kind_name(o.kind), std::string(o.fallback), compress::choice_names(o)});
    }
  }
  return steps;
}

Recipe::Recipe() : impl_(std::make_shared<const Impl>()) {}
Recipe Recipe::find(std::string_view name) { return Access::recipe(compress::find_recipe(name)); }
Recipe Recipe::parse(std::string_view text) { return Access::recipe(compress::parse_recipe(text, "recipe")); }

std::vector<Recipe> Recipe::list() {
  std::vector<Recipe> recipes;
  for (const compress::Recipe& recipe : compress::shipped_recipes()) recipes.push_back(Access::recipe(recipe));
  return recipes;
}

Recipe& Recipe::add(std::string_view step, const std::map<std::string, std::string, std::less<>>& options, bool required) {
  compress::RecipeStep added(compress::find_step(step));
  for (const auto& [name, text] : options) added.options.set(name, text);
  added.required = required;
  compress::Recipe recipe = impl_->recipe;
  recipe.steps.push_back(std::move(added));
  compress::check(recipe);
  impl_ = std::make_shared<const Impl>(Impl{std::move(recipe)});
  return *this;
}

Recipe& Recipe::decide(std::string_view by) {
  compress::Recipe recipe = impl_->recipe;
  recipe.decide = compress::parse_decide(by);
  impl_ = std::make_shared<const Impl>(Impl{std::move(recipe)});
  return *this;
}

Recipe& Recipe::max_accuracy_loss(double share) {
  if (!(share >= 0 && share <= 1)) throw Error(ErrorCode::kInvalidArgument, "a share is expected, from 0 to 1", "max_accuracy_loss");
  compress::Recipe recipe = impl_->recipe;
  recipe.max_accuracy_loss = share * 100;
  impl_ = std::make_shared<const Impl>(Impl{std::move(recipe)});
  return *this;
}

std::string Recipe::name() const { return impl_->recipe.name; }
std::string Recipe::description() const { return impl_->recipe.description; }
std::string Recipe::decides() const { return std::string(compress::decide_name(impl_->recipe.decide)); }
std::string Recipe::text() const { return compress::recipe_text(impl_->recipe); }

std::vector<std::string> Recipe::steps() const {
  std::vector<std::string> names;
  for (const compress::RecipeStep& step : impl_->recipe.steps) names.emplace_back(step.step->name);
  return names;
}

bool Recipe::trains() const {
  for (const compress::RecipeStep& step : impl_->recipe.steps) {
    if (step.step->trains) return true;
  }
  return false;
}

Graph ModelCompressor::run(const Recipe& wanted, const RecipeOptions& options) {
  const graph::Graph& graph = *Access::graph(graph_);
  compress::Recipe recipe = Access::recipe(wanted);
  if (!options.device.empty()) recipe.decide = compress::Decide::kModel;
  const runtime::SessionOptions session = api::session_options(options_.threads, options_.isa);
  const Samples samples = samples_for(graph, options_.data, recipe, options);
  compress::RecipeRun run;
  run.data = samples.work ? &*samples.work : nullptr;
  run.evaluation = samples.evaluation ? &*samples.evaluation : nullptr;
  run.seed = options.seed;
  run.pool = std::make_shared<core::ThreadPool>(session.threads);
  run.isa = session.isa;
  run.progress = options_.progress;
  run.restart = options.restart;
  run.checkpoint_seconds = options.checkpoint_seconds;
  if (options.format != "onnx" && options.format != "omni") {
    throw Error(ErrorCode::kInvalidArgument, "there is no format " + core::quoted(options.format), "format", "use onnx or omni");
  }
  run.onnx = options.format == "onnx";
  run.latency_seconds = options.latency_seconds;
  if (recipe.decide == compress::Decide::kHost) run.latency_inputs = latency_inputs(graph, options);
  std::optional<DeviceProfiler> device;
  if (!options.device.empty()) {
    device.emplace(options.device);
    run.predictor = device->yaml();
    run.predict = [&](const graph::Graph& candidate) {
      return device->predict(Access::graph(candidate.clone()), {.shapes = options.shapes, .threads = 1, .isa = options_.isa}).latency.p50;
    };
  }
  std::optional<TemporaryFolder> temporary;
  if (options.directory.empty()) temporary.emplace();
  run.directory = temporary ? temporary->path() : options.directory;
  compress::RecipeResult result = compress::run_recipe(graph, recipe, run);

  recipe_report_ = {};
  recipe_report_.key = result.key;
  if (!result.applied.steps.empty()) recipe_report_.applied = compress::canonical_text(result.applied);
  for (compress::StepReport& step : result.steps) recipe_report_.steps.push_back(step_report(std::move(step)));
  if (result.whole) recipe_report_.whole = change_of(*result.whole);
  for (compress::LayerReport& layer : result.layers) recipe_report_.layers.push_back(api::layer_report(std::move(layer)));
  recipe_report_.notes = std::move(result.notes);
  recipe_report_.resumed = result.resumed;
  Graph made = Access::graph(std::move(result.graph));
  if (!recipe_report_.applied.empty()) made.set_metadata("recipe", recipe_report_.applied);
  recipe_report_.float_nodes = prepare(made, {.threads = 1, .isa = options_.isa}).notes;
  if (options.compare) {
    const std::optional<Dataset>& held = options.validation ? options.validation : options_.data;
    CompareOptions compare_options{.drift = kDrift, .shapes = options.shapes, .threads = options_.threads, .isa = options_.isa};
    compare_options.progress = options_.progress;
    try {
      recipe_report_.values = std::make_shared<const Comparison>(compare(graph_, made, held, compare_options));
    } catch (const Error& error) {  // what was made stands without it
      if (error.code() == ErrorCode::kInterrupted) throw;
      recipe_report_.notes.push_back(std::string("where values drift is not known: ") + error.what());
    }
  }
  return made;
}

}  // namespace omni
