// omni compress: a smaller model from a float one, by one method or by a recipe.
#include <algorithm>
#include <filesystem>

#include "compress_report.h"
#include "model_inputs.h"
#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

namespace fs = std::filesystem;

constexpr PositionalSpec kPositionals[] = {{"MODEL", "an .onnx or .omni file with float weights", false}};
constexpr OptionSpec kOptions[] = {
    {"--method", "METHOD", "one step, applied whether it pays or not: fp16, int8-static, int4-weight …; list shows all with their options",
     Kind::kText},
    {"--recipe", "NAME", "steps in order: one of those that --recipe list shows, or a YAML file", Kind::kText},
    {"-o", "FILE", "the compressed model: .onnx or .omni by its extension", Kind::kText},
    {.name = "--option", .value = "NAME=VALUE", .help = "an option of --method, as a recipe writes it", .kind = Kind::kText, .repeated = true},
    {"--group", "N", "int4-weight, gptq: weights that share a scale", Kind::kCount, "32"},
    {"--layers", "", "list what was done with every layer", Kind::kFlag},
    {"--force", "", "overwrite FILE", Kind::kFlag},
};
constexpr OptionSpec kCalibrationOptions[] = {
    {"--data", "DATA", "samples: IDX directory or pair, NPY, NPZ, CSV, folder of pictures, or fashion-mnist; then @train, @test, @0:1000",
     Kind::kText},
    {"--samples", "N", "of them, to calibrate on", Kind::kCount, "512"},
    {"--observer", "NAME", "int8-static: how an activation's range is chosen; auto: what serves the outputs best", Kind::kChoice, "auto",
     "auto|minmax|percentile|entropy|mse"},
    {"--percentile", "SHARE", "int8-static: of the values inside the range, for --observer percentile", Kind::kShare, "99.99%"},
    {"--target", "NAME", "CSV column or NPZ array that is the target; none for none", Kind::kText},
    {"--values", "", "the target is a value, even where all are whole numbers", Kind::kFlag},
};
constexpr OptionSpec kMeasureOptions[] = {
    {"--validation", "DATA", "what accuracy is measured on: data, or a share of --data that no step sees", Kind::kText, "10%"},
    {"--max-accuracy-loss", "SHARE", "a step that brings the loss beyond it is not applied", Kind::kShare},
    {"--device", "NAME", "latencies are predicted for this profile instead of measured here", Kind::kText},
    {"--latency-time", "TIME", "each comparison of latencies takes so long", Kind::kTime, "1s"},
    {.name = "--shape",
     .value = "NAME=SIZES",
     .help = "an input's sizes for latencies, where the model leaves them open (default 1)",
     .kind = Kind::kText,
     .repeated = true},
    {"--report", "DIR", "report.html and report.json: what every step changed, sizes by layer, ranges, errors, drift", Kind::kText},
};
constexpr OptionSpec kWorkOptions[] = {
    {"--seed", "N", "of held-out samples, of their order in training", Kind::kInteger, "1"},
    {"--work", "DIR", "intermediate models, checkpoints and the journal, from which the same command goes on; stays. Default: FILE.work, which goes",
     Kind::kText},
    {"--keep", "", "leave FILE.work", Kind::kFlag},
    {"--restart", "", "begin anew whatever is in it", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions},
                                   {"Data", kCalibrationOptions},
                                   {"Did it help?", kMeasureOptions},
                                   {"Work and resuming", kWorkOptions},
                                   kPreprocessGroup,
                                   kMachineGroup,
                                   kOutputGroup};
constexpr Example kExamples[] = {
    {"8-bit weights and activations, calibrated on training pictures",
     "omni compress lenet5.onnx --method int8-static --data fashion-mnist@0:512 -o lenet5-int8.onnx"},
    {"4-bit weights in groups of 32", "omni compress lenet5.onnx --method int4-weight -o lenet5-int4.omni"},
    {"An epoch of training, then 8 bits; every step measured, with a report",
     "omni compress lenet5.onnx --recipe int8-finetuned --data fashion-mnist@0:3000 --latency-time 200ms --report report -o lenet5-best.omni"},
};

[[noreturn]] void refuse(std::string what, std::string option, std::string fix) {
  throw Error(ErrorCode::kInvalidArgument, std::move(what), std::move(option), std::move(fix));
}

int list_recipes(Output& output) {
  Table table({"recipe", "steps", "what it does"});
  Json recipes = Json::array();
  for (const Recipe& recipe : Recipe::list()) {
    std::string steps;
    for (const std::string& step : recipe.steps()) steps += (steps.empty() ? "" : ", ") + step;
    table.row({recipe.name(), steps, recipe.description()});
    recipes.push(std::move(Json::object().set("name", recipe.name()).set("description", recipe.description()).set("text", recipe.text())));
  }
  output.result().set("recipes", recipes);
  output.table(table);
  return 0;
}

int list_methods(Output& output) {
  Table table({"method", "option", "default", "what it does"});
  Json methods = Json::array();
  for (const StepInfo& step : compression_steps()) {
    table.row({step.name, "", "", step.purpose + (step.needs_targets ? "; needs labels or values" : step.needs_data ? "; needs data" : "")});
    Json options = Json::array();
    for (const StepOptionInfo& o : step.options) {
      std::string help = o.help;
      for (const std::string& choice : o.choices) help += (choice == o.choices.front() ? ": " : ", ") + choice;
      table.row({"", o.name, o.fallback, help});
      options.push(std::move(Json::object()
                                 .set("name", o.name)
                                 .set("help", o.help)
                                 .set("kind", o.kind)
                                 .set("default", o.fallback)
                                 .set("choices", Json::array(o.choices))));
    }
    methods.push(
        std::move(Json::object().set("name", step.name).set("description", step.purpose).set("options", options).set("needs_data", step.needs_data)));
  }
  output.result().set("methods", methods);
  output.table(table);
  return 0;
}

// Options of --method: those that have a name on the command line, then --option.
std::map<std::string, std::string, std::less<>> step_options(const Arguments& arguments, const StepInfo& step) {
  const std::pair<const char*, const char*> named[] = {
      {"--group", "group"}, {"--samples", "samples"}, {"--observer", "observer"}, {"--percentile", "percentile"}};
  std::map<std::string, std::string, std::less<>> options;
  for (const auto& [word, option] : named) {
    if (!arguments.given(word)) continue;
    const bool known = std::any_of(step.options.begin(), step.options.end(), [&](const StepOptionInfo& o) { return o.name == option; });
    if (!known) refuse(step.name + " has no such option", word, "omni compress --method list shows what it takes");
    options[option] =
        word == std::string_view("--group") || word == std::string_view("--samples") ? std::to_string(arguments.count(word)) : arguments.text(word);
  }
  for (const std::string& text : arguments.all("--option")) {
    const size_t mark = text.find('=');
    if (mark == std::string::npos || mark == 0)
      refuse("expected NAME=VALUE, got " + printable(text), "--option", "omni compress --method list shows them");
    options[text.substr(0, mark)] = text.substr(mark + 1);
  }
  return options;
}

Recipe recipe_of(const Arguments& arguments) {
  Recipe recipe;
  if (arguments.given("--recipe")) {
    for (const char* option : {"--group", "--samples", "--observer", "--percentile", "--option"}) {
      if (arguments.given(option)) refuse("goes with --method only", option, "say it in the recipe's file");
    }
    recipe = Recipe::find(arguments.text("--recipe"));
  } else {
    const std::string method = arguments.text("--method");
    const std::vector<StepInfo> steps = compression_steps();
    const auto step = std::find_if(steps.begin(), steps.end(), [&](const StepInfo& s) { return s.name == method; });
    if (step == steps.end()) recipe.add(method);  // refuses it with the nearest
    else recipe.add(method, step_options(arguments, *step), true);
    if (!arguments.given("--report")) recipe.decide("none");
  }
  if (arguments.given("--max-accuracy-loss")) recipe.max_accuracy_loss(arguments.share("--max-accuracy-loss"));
  return recipe;
}

void check_options(const Arguments& arguments) {
  if (arguments.positionals().empty()) refuse("MODEL is missing", "omni compress", "give an .onnx or .omni file");
  if (arguments.given("--method") == arguments.given("--recipe"))
    refuse("one of --method and --recipe is needed", "omni compress", "give one; list shows what there is");
  if (!arguments.given("-o")) refuse("-o is missing", "omni compress", "name the compressed model's file");
  if (arguments.given("--work") && arguments.flag("--keep")) refuse("a folder that --work names stays anyway", "--keep", "leave it out");
  if (arguments.given("--device") && arguments.given("--latency-time")) refuse("latency is predicted for the device, not measured", "--latency-time", "leave it out");
  if (arguments.given("--method") && arguments.given("--max-accuracy-loss")) {
    refuse("a single method is applied whether it pays or not", "--max-accuracy-loss", "say the method in a recipe's file and use --recipe");
  }
  if (arguments.given("--recipe") || arguments.given("--report")) return;
  for (const char* option : {"--validation", "--device", "--latency-time", "--shape"}) {
    if (arguments.given(option)) refuse("nothing is measured for a single method without a report", option, "give --report DIR, or use --recipe");
  }
}

RecipeOptions run_options(const Arguments& arguments, const Graph& graph) {
  RecipeOptions options;
  const std::string validation = arguments.text("--validation");
  if (validation.ends_with('%')) {
    options.validation_share = parse_share(validation, "--validation");
  } else {
    options.validation = open_data(arguments, graph, validation, "test");
  }
  options.seed = static_cast<uint64_t>(arguments.integer("--seed"));
  options.restart = arguments.flag("--restart");
  options.device = arguments.text("--device");
  options.format = arguments.text("-o").ends_with(".onnx") ? "onnx" : "omni";
  options.latency_seconds = arguments.seconds("--latency-time");
  options.shapes = shapes_option(arguments);
  options.compare = arguments.given("--report");
  return options;
}

// The folder of intermediate results. Its file `output` names the result that was about to be written: one that is there when the run is begun again
// is this run's own and may be replaced.
class Work {
 public:
  explicit Work(const Arguments& arguments)
      : to_(arguments.text("-o")), path_(arguments.given("--work") ? arguments.text("--work") : to_ + ".work"),
        keep_(arguments.given("--work") || arguments.flag("--keep")) {
    std::error_code failed;
    if (!fs::is_regular_file(marker(), failed)) return;
    const std::vector<std::string> lines = read_lines(marker());
    own_output_ = !lines.empty() && lines[0] == to_ && (lines.size() == 1 || (fs::is_regular_file(to_, failed) && file_sha256(to_) == lines[1]));
  }

  const std::string& path() const { return path_; }
  bool own_output() const { return own_output_; }
  void about_to_write() { write_file(marker(), to_, true); }
  void done() {
    if (!keep_) return remove();
    std::error_code failed;
    if (fs::is_regular_file(to_, failed)) write_file(marker(), to_ + "\n" + file_sha256(to_), true);
  }

 private:
  std::string marker() const { return (fs::path(path_) / "output").string(); }
  // The journal last, so that a folder that is left half-way is still known as one.
  void remove() {
    std::error_code ignored;
    if (!fs::exists(fs::path(path_) / "recipe.journal", ignored)) return;
    for (const auto& entry : fs::directory_iterator(path_, ignored)) {
      if (entry.path().filename() != "recipe.journal") fs::remove_all(entry.path(), ignored);
    }
    fs::remove_all(path_, ignored);
  }

  std::string to_, path_;
  bool keep_, own_output_ = false;
};

Graph run_recipe(ModelCompressor& compressor, const Recipe& recipe, const RecipeOptions& options) {
  try {
    return compressor.run(recipe, options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInterrupted || options.directory.empty()) throw;
    throw Error(ErrorCode::kInterrupted, "stopped", error.where(), "go on with the same command; the work so far is in " + options.directory);
  }
}

int run(const Arguments& arguments, Output& output) {
  if (arguments.text("--recipe") == "list") return list_recipes(output);
  if (arguments.text("--method") == "list") return list_methods(output);
  check_options(arguments);
  const std::string &path = arguments.positional(0), to = arguments.text("-o");
  const Recipe recipe = recipe_of(arguments);
  // A single step that does not train is done in a moment: nobody goes on with it.
  std::optional<Work> work;
  if (arguments.given("--recipe") || arguments.given("--work") || recipe.trains()) work.emplace(arguments);
  for (const char* option : {"--keep", "--restart"}) {
    if (!work && arguments.flag(option)) refuse("a single method leaves no work to go on with", option, "give --work, or leave it out");
  }
  const SaveOptions save{.overwrite = arguments.flag("--force") || (work && work->own_output()), .format = {}};
  check_writable(to, save.overwrite);
  const Graph graph = Graph::load(path);
  CompressorOptions options;
  if (arguments.given("--data")) options.data = open_data(arguments, graph, arguments.text("--data"), "train");
  options.threads = threads_option(arguments);
  options.isa = arguments.text("--isa");
  options.progress = output.progress("compress");
  ModelCompressor compressor(graph, options);
  RecipeOptions how = run_options(arguments, graph);
  if (work) how.directory = work->path();
  Graph small = run_recipe(compressor, recipe, how);
  output.end_progress();
  const RecipeReport& report = compressor.recipe_report();
  const auto before = static_cast<int64_t>(fs::file_size(path));
  output.input().set("path", path).set("size_bytes", before);
  output.input().set(arguments.given("--recipe") ? "recipe" : "method", arguments.text(arguments.given("--recipe") ? "--recipe" : "--method"));
  CompressAnswer answer{path, to, before, 0, arguments.flag("--layers"), arguments.given("--recipe") || arguments.given("--report")};
  const bool any = !report.applied.empty();
  if (any) {
    set_source(small, arguments, graph, path);
    if (work) work->about_to_write();
    small.save(to, {.overwrite = save.overwrite, .format = {}});
    answer.after = static_cast<int64_t>(fs::file_size(to));
  }
  print_answer(output, report, answer);
  if (arguments.given("--report")) save_report(arguments, output, report, answer);
  if (work) work->done();
  return any ? 0 : 1;
}

}  // namespace

extern const CommandSpec kCompress = {"compress", "Make a model smaller", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
