// omni device recommend: what to do to a model so that it fits a device.
#include <algorithm>
#include <filesystem>

#include "options.h"
#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"MODEL", "an .onnx or .omni file", false}};
constexpr OptionSpec kOptions[] = {
    {.name = "--device",
     .value = "NAME",
     .help = "a profile of `omni device list`, the path of one, or this; several, or all, for a table of them",
     .kind = Kind::kText,
     .required = true,
     .repeated = true},
    {"--rule", "RULE", "omni: predicts the model under every compression; study: looks at the file's size alone", Kind::kChoice, "omni",
     "omni|study"},
    {"--max-latency", "TIME", "of the 95th percentile", Kind::kTime},
    {"--max-accuracy-loss", "SHARE", "of right answers", Kind::kShare, "5%"},
    {.name = "--shape",
     .value = "NAME=SIZES",
     .help = "an input's sizes where the model leaves them open (default 1)",
     .kind = Kind::kText,
     .repeated = true},
    {"--until-fits", "", "stop at the least lossy methods that fit; for use without --data", Kind::kFlag},
    {"--apply", "", "carry it out: write the compressed model to -o FILE", Kind::kFlag},
    {"-o", "FILE", "with --apply: .onnx or .omni by its extension", Kind::kText},
    {"--force", "", "overwrite FILE", Kind::kFlag},
    {"--model-size", "SIZE", "with --rule study: a model of this size, instead of MODEL", Kind::kSize},
};
constexpr OptionSpec kCalibrationOptions[] = {
    {"--data", "DATA", "to calibrate on and to measure accuracy with, as omni compress takes it; default: the study's bounds of losses", Kind::kText},
    {"--samples", "N", "of the data", Kind::kCount, "512"},
    {"--target", "NAME", "CSV column or NPZ array that is the target; none for none", Kind::kText},
    {"--values", "", "the target is a value, even where all are whole numbers", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, {"Data", kCalibrationOptions}, kPreprocessGroup, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"The least lossy compression that runs within 20 ms on a Raspberry Pi 4",
     "omni device recommend lenet5.onnx --device raspberry_pi_4 --max-latency 20ms"},
    {"Where a model can go", "omni device recommend lenet5.onnx --device raspberry_pi_4 --device raspberry_pi_5 --until-fits"},
    {"What the study's rule says of a file of 900 MiB that need not be here",
     "omni device recommend --model-size 900MiB --device raspberry_pi_4 --rule study"},
};

int64_t model_bytes(const Arguments& arguments) {
  const bool model = !arguments.positionals().empty();
  if (model == arguments.given("--model-size")) {
    throw Error(ErrorCode::kInvalidArgument, model ? "MODEL and --model-size are both given" : "MODEL is missing", "omni device recommend",
                "give a model, or the size of one with --model-size");
  }
  if (!model) return arguments.bytes("--model-size");
  const std::string& path = arguments.positional(0);
  const int64_t weights = Graph::load(path).summary().weight_bytes;  // which may be in files of their own
  return std::max(static_cast<int64_t>(std::filesystem::file_size(path)), weights);
}

int run_study(const Arguments& arguments, Output& output, const DeviceProfiler& profiler) {
  for (const OptionGroup& group : {kGroups[0], kGroups[1], kPreprocessGroup}) {
    for (const OptionSpec& option : group.options) {
      if (!arguments.given(option.name) || option.name == "--device" || option.name == "--rule" || option.name == "--model-size") continue;
      throw Error(ErrorCode::kInvalidArgument, "the study's rule looks at the file's size alone", std::string(option.name), "use --rule omni");
    }
  }
  const int64_t bytes = model_bytes(arguments);
  const StudyAdvice advice = profiler.study_rule(bytes);
  output.input().set("size_bytes", bytes);
  output.result().set("recommendations", Json::array(advice.recommendations)).set("feasible", advice.feasible);
  output.result().set("model_size_mib", advice.model_size_mb).set("limit_mib", advice.limit_mb);
  const std::string ratio = number_text(advice.model_size_mb / advice.limit_mb, 3);
  for (const std::string& text : advice.recommendations) output.line(text);
  output.line((advice.feasible ? "feasible" : "not feasible") + std::string(": the model is ") + ratio + " times the largest that " +
              profiler.profile().name + " is to take (" + number_text(advice.limit_mb) + " MiB); twice that is the study's bound");
  return advice.feasible ? 0 : 1;
}

void add_row(Table& table, const Candidate& c) {
  std::string misses;
  for (const std::string& miss : c.misses) misses += (misses.empty() ? "" : "; ") + miss;
  table.row({c.method.empty() ? "as it is" : c.method, bytes_text(static_cast<double>(c.size_bytes)), bytes_text(static_cast<double>(c.peak_bytes)),
             seconds_text(c.latency.mean), seconds_text(c.latency.p95), (c.accuracy_measured ? "" : "< ") + fixed_text(c.accuracy_loss * 100, 2),
             misses.empty() ? "fits" : misses});
}

// What a device's answer is, and what it is made of.
void set_answer(Json& json, const Recommendation& answer) {
  json.set("feasible", answer.chosen.has_value()).set("reason", answer.reason);
  Json candidates = Json::array();
  for (const Candidate& c : answer.candidates) {
    Json row = Json::object();
    row.set("method", c.method).set("size_bytes", c.size_bytes).set("peak_bytes", c.peak_bytes).set("mean_ms", c.latency.mean * 1e3);
    row.set("p95_ms", c.latency.p95 * 1e3).set("accuracy_loss", c.accuracy_loss).set("accuracy_measured", c.accuracy_measured);
    candidates.push(row.set("misses", Json::array(c.misses)));
  }
  json.set("candidates", candidates).set("notes", Json::array(answer.notes));
  if (answer.chosen) json.set("method", answer.candidates[*answer.chosen].method);
}

// The command that does it; options that were given for the data and its pictures go along.
std::string command_for(const Arguments& arguments, const Candidate& c, const std::string& to) {
  std::string text = "omni compress " + shell_word(arguments.positional(0)) + " --method " + c.method;
  const auto take = [&](const OptionSpec& option) {
    if (!arguments.given(option.name)) return;
    text += " " + std::string(option.name) + (option.kind == Kind::kFlag ? "" : " " + shell_word(arguments.text(option.name)));
  };
  const std::vector<StepInfo> steps = compression_steps();
  if (std::any_of(steps.begin(), steps.end(), [&](const StepInfo& step) { return step.name == c.method && step.needs_data; })) {
    for (const OptionSpec& option : kCalibrationOptions) take(option);
  }
  for (const OptionSpec& option : kPreprocessOptions) take(option);
  return text + " -o " + shell_word(to);
}

void apply(const Arguments& arguments, Output& output, const Graph& graph, const Candidate& chosen, const CompressorOptions& options) {
  const std::string to = arguments.text("-o");
  Graph small = graph;
  if (!chosen.method.empty()) {
    small = ModelCompressor(graph, options).compress(chosen.method);
    set_source(small, arguments, graph, arguments.positional(0));
  }
  small.save(to, {.overwrite = arguments.flag("--force"), .format = {}});
  output.result().set("path", to);
  output.line("wrote " + to);
}

RecommendOptions recommend_options(const Arguments& arguments, Output& output, const Graph& graph) {
  RecommendOptions options;
  if (arguments.given("--max-latency")) options.max_latency = arguments.seconds("--max-latency");
  options.max_accuracy_loss = arguments.share("--max-accuracy-loss");
  options.shapes = shapes_option(arguments);
  options.threads = threads_option(arguments);
  options.isa = arguments.text("--isa");
  if (arguments.given("--data")) options.data = open_data(arguments, graph, arguments.text("--data"), "train");
  options.samples = arguments.count("--samples");
  options.until_fits = arguments.flag("--until-fits");
  options.progress = output.progress("recommend");
  return options;
}

// What each device would take: one line a device.
int print_devices(Output& output, std::span<const DeviceProfiler> devices, const std::vector<Recommendation>& answers) {
  Table table({"device", "compression", "size>", "memory>", "p95>", "why not"});
  Json list = Json::array();
  bool all = true;
  for (size_t i = 0; i < devices.size(); ++i) {
    const Recommendation& answer = answers[i];
    Json json = Json::object();
    json.set("device", devices[i].profile().name);
    set_answer(json, answer);
    list.push(json);
    if (answer.chosen) {
      const Candidate& c = answer.candidates[*answer.chosen];
      table.row({devices[i].profile().name, c.method.empty() ? "none" : c.method, bytes_text(static_cast<double>(c.size_bytes)),
                 bytes_text(static_cast<double>(c.peak_bytes)), seconds_text(c.latency.p95), ""});
    } else {
      table.row({devices[i].profile().name, "", "", "", "", answer.reason});
      all = false;
    }
  }
  output.result().set("feasible", all).set("devices", list);
  output.table(table);
  std::vector<std::string> told;  // what is the same for several
  for (const Recommendation& answer : answers) {
    for (const std::string& note : answer.notes) {
      if (std::find(told.begin(), told.end(), note) != told.end()) continue;
      output.line(note);
      told.push_back(note);
    }
  }
  return all ? 0 : 1;
}

void check_options(const Arguments& arguments, bool several) {
  const std::string command = "omni device recommend";
  if (arguments.positionals().empty()) throw Error(ErrorCode::kInvalidArgument, "MODEL is missing", command, "give an .onnx or .omni file");
  if (arguments.given("--model-size")) throw Error(ErrorCode::kInvalidArgument, "goes with --rule study only", "--model-size", "give a model, or --rule study");
  if (arguments.flag("--apply") != arguments.given("-o")) throw Error(ErrorCode::kInvalidArgument, "--apply and -o FILE go together", command, "give both or neither");
  if (arguments.flag("--apply") && several) throw Error(ErrorCode::kInvalidArgument, "goes with one --device only", "--apply", "say which one");
  if (arguments.flag("--force") && !arguments.given("-o")) throw Error(ErrorCode::kInvalidArgument, "goes with -o only", "--force", "leave it out");
  if (arguments.flag("--until-fits") && arguments.given("--data"))
    throw Error(ErrorCode::kInvalidArgument, "does not go with --data, which tells what is lost only afterwards", "--until-fits", "leave one out");
  if (arguments.given("-o")) check_writable(arguments.text("-o"), arguments.flag("--force"));
}

int run_omni(const Arguments& arguments, Output& output, std::span<const DeviceProfiler> devices) {
  check_options(arguments, devices.size() > 1);
  const std::string& path = arguments.positional(0);
  const Graph graph = Graph::load(path);
  const RecommendOptions options = recommend_options(arguments, output, graph);
  const std::vector<Recommendation> answers = DeviceProfiler::recommend(devices, graph, options);
  output.end_progress();
  if (devices.size() > 1) return print_devices(output, devices, answers);

  const Recommendation& answer = answers.front();
  Table table({"model", "size>", "memory>", "mean>", "p95>", "accuracy lost %>", "on " + devices.front().profile().name});
  for (const Candidate& c : answer.candidates) add_row(table, c);
  set_answer(output.result(), answer);
  output.table(table);
  for (const std::string& note : answer.notes) output.line(note);
  if (!answer.chosen) {
    output.line(answer.reason);
    return 1;
  }
  const Candidate& chosen = answer.candidates[*answer.chosen];
  output.line((chosen.method.empty() ? "" : chosen.method + ": ") + answer.reason);
  if (!chosen.method.empty()) {
    const std::string command =
        command_for(arguments, chosen, arguments.given("-o") ? arguments.text("-o") : "small" + std::filesystem::path(path).extension().string());
    output.result().set("command", command);
    output.line(command);
  }
  if (arguments.flag("--apply")) {
    CompressorOptions compressor;
    compressor.data = options.data;
    compressor.samples = options.samples;
    compressor.isa = options.isa;
    apply(arguments, output, graph, chosen, compressor);
  }
  return 0;
}

std::vector<DeviceProfiler> devices_of(const Arguments& arguments) {
  std::vector<DeviceProfiler> devices;
  for (const std::string& name : arguments.all("--device")) {
    if (name == "all") {
      for (const DeviceProfile& profile : DeviceProfiler::list()) devices.emplace_back(profile.name);
    } else {
      devices.emplace_back(name);
    }
  }
  return devices;
}

int run(const Arguments& arguments, Output& output) {
  const std::vector<DeviceProfiler> devices = devices_of(arguments);
  if (!arguments.positionals().empty()) output.input().set("path", arguments.positional(0));
  std::vector<std::string> names;
  for (const DeviceProfiler& device : devices) names.push_back(device.profile().name);
  if (names.size() == 1) {
    output.input().set("device", names.front());
  } else {
    output.input().set("devices", Json::array(names));
  }
  output.input().set("rule", arguments.text("--rule"));
  if (arguments.text("--rule") != "study") return run_omni(arguments, output, devices);
  if (devices.size() > 1) throw Error(ErrorCode::kInvalidArgument, "the study's rule takes one device", "--device", "name one");
  return run_study(arguments, output, devices.front());
}

}  // namespace

extern const CommandSpec kDeviceRecommend = {
    "device recommend", "Say how to compress a model so that it fits a device", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
