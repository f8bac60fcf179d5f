// omni predict: what a model will take on a device.
#include "memory_budget.h"
#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"MODEL", "an .onnx or .omni file"}};
constexpr OptionSpec kOptions[] = {
    {"--device", "NAME", "a profile of `omni device list`, the path of one, or this: the machine at hand", Kind::kText, "this"},
    {.name = "--shape",
     .value = "NAME=SIZES",
     .help = "an input's sizes where the model leaves them open (default 1)",
     .kind = Kind::kText,
     .repeated = true},
    {"--train", "", "training instead of inference", Kind::kFlag},
    {"--batch", "N", "with --train: samples a step", Kind::kCount, "64"},
    {"--loss", "LOSS", "with --train: what is minimized", Kind::kChoice, "auto", "auto|cross-entropy|mse"},
    {"--optimizer", "NAME", "with --train: how steps are made", Kind::kChoice, "sgd", "sgd|adam|adamw"},
    {"--memory-budget", "SIZE", "say what it would give up to run in this much memory, and how much would still be missing", Kind::kSize},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"Memory on a Raspberry Pi 4", "omni predict lenet5.onnx --device raspberry_pi_4"},
    {"Training here with batches of 32", "omni predict lenet5.onnx --train --batch 32"},
};

void print_memory(Output& output, const MemoryPrediction& memory) {
  Table table({"memory", "bytes>"});
  const auto row = [&](const char* what, int64_t bytes) {
    if (bytes > 0) table.row({what, bytes_text(static_cast<double>(bytes))});
  };
  row("weights, in memory", memory.weight_bytes);
  row("weights, in the mapped file", memory.mapped_bytes);
  row("rewritten and packed weights, plans", memory.session_bytes);
  row("intermediate values and scratch", memory.arena_bytes);
  row("parameters and moments in training", memory.state_bytes);
  row("inputs and outputs", memory.port_bytes);
  row("at most at one time", memory.growth_bytes);
  row("the process itself", memory.process_bytes);
  row("code and libraries", memory.code_bytes);
  row("peak", memory.peak_bytes);
  output.table(table);
}

Json memory_json(const MemoryPrediction& memory) {
  Json json = Json::object();
  json.set("peak_bytes", memory.peak_bytes).set("growth_bytes", memory.growth_bytes).set("weight_bytes", memory.weight_bytes);
  json.set("mapped_bytes", memory.mapped_bytes).set("session_bytes", memory.session_bytes).set("arena_bytes", memory.arena_bytes);
  json.set("state_bytes", memory.state_bytes).set("port_bytes", memory.port_bytes).set("passing_bytes", memory.passing_bytes);
  return json.set("process_bytes", memory.process_bytes).set("code_bytes", memory.code_bytes);
}

void print_latency(Output& output, const LatencyPrediction& latency) {
  Table table({"latency", "mean>", "p50>", "p95>", "p99>", "90 % interval of the mean"});
  table.row({std::to_string(latency.threads) + (latency.threads == 1 ? " thread" : " threads"), seconds_text(latency.mean), seconds_text(latency.p50),
             seconds_text(latency.p95), seconds_text(latency.p99), seconds_text(latency.low) + " to " + seconds_text(latency.high)});
  output.table(table);
  Table operators({"operator", "nodes>", "time>", "share %>"});
  for (const OperatorTime& time : latency.operators) {
    operators.row(
        {time.op, std::to_string(time.nodes), seconds_text(time.seconds), fixed_text(latency.p50 > 0 ? time.seconds / latency.p50 * 100 : 0, 1)});
  }
  output.table(operators);
  if (latency.joules > 0) output.line("energy of a run: " + number_text(latency.joules * 1e3, 3) + " mJ");
  if (!latency.probed)
    output.line("the device was not probed: its times are worked out from the peaks in its profile; omni device probe, run there, measures them");
}

Json latency_json(const LatencyPrediction& latency) {
  Json json = Json::object(), operators = Json::array();
  for (const OperatorTime& time : latency.operators) {
    operators.push(Json::object().set("operator", time.op).set("nodes", time.nodes).set("time_ms", time.seconds * 1e3));
  }
  json.set("mean_ms", latency.mean * 1e3).set("p50_ms", latency.p50 * 1e3).set("p95_ms", latency.p95 * 1e3).set("p99_ms", latency.p99 * 1e3);
  json.set("low_ms", latency.low * 1e3).set("high_ms", latency.high * 1e3).set("probed", latency.probed).set("threads", latency.threads);
  if (latency.joules > 0) json.set("energy_mj", latency.joules * 1e3);
  return json.set("operators", operators);
}

// Whether it fits into the budget.
bool print_budget(Output& output, const MemoryPrediction& memory, int64_t budget) {
  output.result().set("memory_budget", budget_json(memory, budget));
  print_savings(memory, budget, output);
  const std::string text = bytes_text(static_cast<double>(budget));
  output.line(memory.missing_bytes > 0 ? "it does not fit into " + text + ": " + bytes_text(static_cast<double>(memory.missing_bytes)) + " are missing"
                                       : "it fits into " + text);
  return memory.missing_bytes == 0;
}

int run(const Arguments& arguments, Output& output) {
  const std::string& path = arguments.positional(0);
  const DeviceProfiler profiler(arguments.text("--device"));
  const Graph graph = Graph::load(path);
  PredictOptions options;
  options.shapes = shapes_option(arguments);
  options.threads = threads_option(arguments);
  options.training = arguments.flag("--train");
  options.batch = arguments.count("--batch");
  options.loss = arguments.text("--loss");
  options.optimizer = arguments.text("--optimizer");
  options.isa = arguments.text("--isa");
  if (arguments.given("--memory-budget")) options.memory_budget = std::max<int64_t>(1, arguments.bytes("--memory-budget"));
  for (const char* only : {"--batch", "--loss", "--optimizer"}) {
    if (arguments.given(only) && !options.training) throw Error(ErrorCode::kInvalidArgument, "goes with --train only", only, "add --train");
  }
  const Prediction prediction = profiler.predict(graph, options);
  const std::string& device = profiler.profile().name;
  output.input().set("path", path).set("device", device).set("training", options.training).set("isa", options.isa);
  output.result().set("ram_bytes", prediction.ram_bytes).set("fits", prediction.fits).set("memory", memory_json(prediction.memory));
  output.result().set("latency", latency_json(prediction.latency));
  output.result().set("notes", Json::array(prediction.memory.notes));
  output.line(path + " on " + device + (options.training ? ", training with batches of " + std::to_string(options.batch) : ""));
  print_latency(output, prediction.latency);
  print_memory(output, prediction.memory);
  for (const std::string& note : prediction.memory.notes) output.line(note);
  const bool within = options.memory_budget == 0 || print_budget(output, prediction.memory, options.memory_budget);
  const std::string ram = bytes_text(static_cast<double>(prediction.ram_bytes));
  output.line(prediction.fits ? "it fits into the " + ram + " of the device"
                              : "it does not fit into the " + ram + " of the device: " +
                                    bytes_text(static_cast<double>(prediction.memory.peak_bytes - prediction.ram_bytes)) + " are missing");
  return prediction.fits && within ? 0 : 1;
}

}  // namespace

extern const CommandSpec kPredict = {"predict", "Say what a model will take on a device, without running it", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
