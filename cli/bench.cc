// omni bench: how long a run takes, alone or beside another engine.
#include "memory_budget.h"
#include "model_inputs.h"
#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"MODEL", "an .onnx or .omni file"}};
constexpr OptionSpec kOptions[] = {
    {.name = "--shape",
     .value = "NAME=SIZES",
     .help = "an input's sizes where the model leaves them open (default 1)",
     .kind = Kind::kText,
     .repeated = true},
    {.name = "--input",
     .value = "NAME=FILE",
     .help = "an input's values from an .npy file; others are noise",
     .kind = Kind::kText,
     .repeated = true},
    {"--warmup", "N", "runs before the clock starts", Kind::kCount, "10"},
    {"--runs", "N", "runs to measure; default: as many as fit into --time-budget", Kind::kCount},
    {"--time-budget", "TIME", "how long to measure", Kind::kTime, "3s"},
    {"--seed", "N", "of the inputs' noise", Kind::kInteger, "1"},
    kMemoryBudgetOption,
};
constexpr OptionSpec kPeerOptions[] = {
    {"--vs", "ENGINE", "alternate with another engine and print the ratio", Kind::kChoice, {}, "onnxruntime"},
    {"--onnxruntime", "FILE", "its library; default: libonnxruntime.so of the system", Kind::kText},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, {"Comparison", kPeerOptions}, kPassGroup, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"Latency on one thread", "omni bench lenet5.onnx --threads 1"},
    {"A batch of 16, half a second", "omni bench lenet5.onnx --shape input=16,1,28,28 --time-budget 500ms"},
};

Json add_row(Table& table, const Latency& latency) {
  table.row({latency.engine, std::to_string(latency.runs), seconds_text(latency.mean), seconds_text(latency.p50), seconds_text(latency.p95),
             seconds_text(latency.p99), seconds_text(latency.min), fixed_text(latency.mean > 0 ? 1 / latency.mean : 0, 1)});
  Json entry = Json::object();
  entry.set("engine", latency.engine).set("runs", latency.runs).set("latency_mean_ms", latency.mean * 1e3);
  entry.set("latency_deviation_ms", latency.deviation * 1e3).set("latency_p50_ms", latency.p50 * 1e3).set("latency_p95_ms", latency.p95 * 1e3);
  return entry.set("latency_p99_ms", latency.p99 * 1e3).set("latency_min_ms", latency.min * 1e3);
}

int run(const Arguments& arguments, Output& output) {
  const std::string& path = arguments.positional(0);
  const Graph graph = load_within_budget(arguments, path);
  BenchOptions options;
  options.threads = threads_option(arguments);
  options.isa = arguments.text("--isa");
  options.disabled_passes = arguments.all("--disable-pass");
  options.warmup = arguments.count("--warmup");
  if (arguments.given("--runs")) options.runs = arguments.count("--runs");
  options.seconds = arguments.seconds("--time-budget");
  options.shapes = shapes_option(arguments);
  options.inputs = load_inputs(arguments.all("--input"), graph.inputs(), {}, false);
  options.against = arguments.text("--vs");
  options.library = arguments.text("--onnxruntime");
  options.seed = static_cast<uint64_t>(arguments.integer("--seed"));
  options.memory = measures_within_budget(arguments, graph, {.shapes = shapes_with(options.shapes, options.inputs), .isa = options.isa}, output);
  options.progress = output.progress("bench");
  const Benchmark answer = bench(graph, options);
  output.end_progress();

  Table table({"engine", "runs>", "mean>", "p50>", "p95>", "p99>", "min>", "runs/s>"});
  output.input().set("path", path).set("inputs", ports_json(answer.inputs)).set("threads", answer.threads).set("isa", answer.isa);
  output.result().set("process_peak_bytes", peak_process_bytes()).set("omni", add_row(table, answer.omni));
  if (answer.other) output.result().set(options.against, add_row(table, *answer.other));
  std::string inputs;
  for (const ValueInfo& input : answer.inputs) inputs += (inputs.empty() ? "" : ", ") + input.name + " " + input.type;
  output.line(path + ": " + inputs + "; " + std::to_string(answer.threads) + (answer.threads == 1 ? " thread, " : " threads, ") + answer.isa);
  output.table(table);
  if (answer.other) {
    output.result().set("ratio", answer.ratio).set("ratio_low", answer.ratio_low).set("ratio_high", answer.ratio_high);
    output.result().set("max_abs_difference", answer.max_difference);
    output.line("omni / " + answer.other->engine + ": " + fixed_text(answer.ratio, 3) + " (" + fixed_text(answer.ratio_low, 3) + " to " +
                fixed_text(answer.ratio_high, 3) + "; lower is faster); outputs differ by at most " + number_text(answer.max_difference));
  }
  return 0;
}

}  // namespace

extern const CommandSpec kBench = {"bench", "Measure a model's latency", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
