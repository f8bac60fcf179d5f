// omni compress: a smaller model from a float one.
#include <filesystem>

#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"MODEL", "an .onnx or .omni file with float weights"}};
constexpr OptionSpec kOptions[] = {
    {"--method", "METHOD", "how", Kind::kChoice, {}, "fp16|bf16|int8-dynamic|int8-static|int8-weight|int4-weight|gptq", true},
    {"-o", "FILE", "the compressed model: .onnx or .omni by its extension", Kind::kText, {}, {}, true},
    {"--group", "N", "int4-weight, gptq: weights that share a scale", Kind::kCount, "32"},
    {"--layers", "", "list what was done with every layer", Kind::kFlag},
    {"--force", "", "overwrite FILE", Kind::kFlag},
};
constexpr OptionSpec kCalibrationOptions[] = {
    {"--data", "DATA",
     "samples for int8-static and gptq: IDX directory or pair, NPY, NPZ, CSV, folder of pictures, or fashion-mnist; then @train, @test, @0:1000", Kind::kText},
    {"--samples", "N", "of them", Kind::kCount, "512"},
    {"--observer", "NAME", "how an activation's range is chosen; auto: what serves the outputs best", Kind::kChoice, "auto", "auto|minmax|percentile|entropy|mse"},
    {"--percentile", "SHARE", "of the values inside the range, for --observer percentile", Kind::kShare, "99.99%"},
    {"--target", "NAME", "CSV column or NPZ array that is the target; none for none", Kind::kText},
    {"--values", "", "the target is a value, even where all are whole numbers", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, {"Calibration", kCalibrationOptions}, kPreprocessGroup, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"8-bit weights and activations, calibrated on training pictures",
     "omni compress lenet5.onnx --method int8-static --data fashion-mnist@0:512 -o lenet5-int8.onnx"},
    {"4-bit weights in groups of 32", "omni compress lenet5.onnx --method int4-weight -o lenet5-int4.omni"},
};

StaticQuantization ranges(const Arguments& arguments) {
  const std::string name = arguments.text("--observer");
  StaticQuantization options;
  options.observer = name == "minmax"       ? Observer::kMinMax
                     : name == "percentile" ? Observer::kPercentile
                     : name == "entropy"    ? Observer::kEntropy
                     : name == "mse"        ? Observer::kMse
                                            : Observer::kAuto;
  options.percentile = arguments.share("--percentile") * 100;
  return options;
}

void print_layers(Output& output, const CompressionReport& report, bool listed) {
  Table table({"weight", "operator", "elements>", "before>", "after>", "action", "reason"});
  Json layers = Json::array();
  for (const LayerReport& layer : report.layers) {
    table.row({layer.name, layer.op, grouped_text(layer.elements), bytes_text(static_cast<double>(layer.bytes_before)),
               bytes_text(static_cast<double>(layer.bytes_after)), layer.action, layer.reason});
    Json entry = Json::object();
    entry.set("name", layer.name).set("operator", layer.op).set("action", layer.action).set("reason", layer.reason).set("elements", layer.elements);
    layers.push(std::move(entry.set("before_bytes", layer.bytes_before).set("after_bytes", layer.bytes_after)));
  }
  Json activations = Json::array();
  for (const ActivationReport& range : report.activations) {
    Json entry = Json::object();
    entry.set("name", range.name).set("min", range.min).set("max", range.max).set("low", range.low).set("high", range.high);
    activations.push(std::move(entry.set("snr_db", range.snr_db)));
  }
  output.result().set("layers", layers).set("activations", activations).set("notes", Json::array(report.notes));
  if (listed) output.table(table);
  if (listed || output.verbose()) {
    for (const std::string& note : report.notes) output.line(note);
  }
}

int run(const Arguments& arguments, Output& output) {
  const std::string &path = arguments.positional(0), method = arguments.text("--method"), to = arguments.text("-o");
  check_writable(to, arguments.flag("--force"));
  const Graph graph = Graph::load(path);
  CompressorOptions options;
  if (arguments.given("--data")) options.data = open_data(arguments, graph, arguments.text("--data"), "train");
  options.samples = arguments.count("--samples");
  options.threads = threads_option(arguments);
  options.isa = arguments.text("--isa");
  options.progress = output.progress("compress");
  ModelCompressor compressor(graph, options);
  WeightQuantization weights;
  weights.group = arguments.count("--group");
  Graph small = compressor.compress(method, ranges(arguments), weights);
  output.end_progress();
  set_source(small, arguments, graph, path);
  small.save(to, {.overwrite = arguments.flag("--force"), .format = {}});

  const auto before = static_cast<int64_t>(std::filesystem::file_size(path)), after = static_cast<int64_t>(std::filesystem::file_size(to));
  const double smaller = before > 0 ? 1 - static_cast<double>(after) / static_cast<double>(before) : 0;
  output.input().set("path", path).set("size_bytes", before).set("method", method);
  output.result().set("path", to).set("size_bytes", after).set("reduction", smaller);
  print_layers(output, compressor.report(), arguments.flag("--layers"));
  output.line(to + ": " + bytes_text(static_cast<double>(after)) + ", " + fixed_text(smaller * 100, 1) + " % smaller than " + path);
  return 0;
}

}  // namespace

extern const CommandSpec kCompress = {"compress", "Make a model smaller", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
