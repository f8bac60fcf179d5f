// omni run: one run of a model on given inputs.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "loop_options.h"
#include "manifest.h"
#include "memory_budget.h"
#include "model_inputs.h"
#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {
    {"MODEL", "an .onnx or .omni file"},
    {"NAME=FILE", "further inputs, as --input takes them", false, true},
};
constexpr OptionSpec kOptions[] = {
    {.name = "--input", .value = "NAME=FILE", .help = "an input from an .npy, JPEG or PNG file", .kind = Kind::kText, .repeated = true},
    {"--output-dir", "DIR", "write one .npy an output there", Kind::kText},
    {"--top", "K", "print the K highest values of each sample of the first output", Kind::kCount},
    {"--labels", "FILE", "names of the classes for --top, one a line; default: those of the package", Kind::kText},
    {"--force", "", "overwrite files in DIR", Kind::kFlag},
    kMemoryBudgetOption,
};
constexpr OptionSpec kProfileOptions[] = {
    {"--profile", "", "time every node", Kind::kFlag},
    {"--trace", "FILE", "write the run's trace for chrome://tracing or Perfetto", Kind::kText},
    {"--repeat", "N", "run so often, for the profile", Kind::kCount, "1"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kLoopGroup, {"Profile", kProfileOptions}, kPreprocessGroup, kPassGroup, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"The five likeliest classes of a picture", "omni run lenet5.onnx --input input=shirt.png --channels 1 --top 5"},
    {"Outputs as .npy files", "omni run lenet5.onnx --input input=shirt.npy --output-dir answers"},
    {"A detector with state, over a recording in pieces of 512", "omni run detector.onnx --loop 0 --chunk sound=512 --input sound=recording.npy --output-dir heard"},
    {"Twenty tokens, each drawn among the five likeliest", "omni run decoder.onnx --loop 20 --top-k 5 --seed 7 --input input_ids=prompt.npy"},
};

struct Ranked {
  int64_t index;
  double value;
};

std::vector<Ranked> top_of(std::span<const double> scores, int64_t k) {
  std::vector<Ranked> all(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) all[i] = {static_cast<int64_t>(i), scores[i]};
  const auto count = std::min(all.size(), static_cast<size_t>(std::max<int64_t>(k, 0)));
  // NaN sorts last, so that the order is a strict one.
  const auto key = [](double v) { return std::isnan(v) ? -INFINITY : v; };
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
                    [&](const Ranked& a, const Ranked& b) { return key(a.value) != key(b.value) ? key(a.value) > key(b.value) : a.index < b.index; });
  all.resize(count);
  return all;
}

std::string label_of(int64_t index, const std::vector<std::string>& labels) {
  return static_cast<size_t>(index) < labels.size() ? labels[static_cast<size_t>(index)] : "class " + std::to_string(index);
}

Json print_top(Output& output, const Tensor& scores, int64_t k, const std::vector<std::string>& labels) {
  const std::vector<double> values = scores.to_doubles();
  const int64_t classes = scores.shape().empty() ? 1 : scores.shape().back();
  Table table({"sample>", "rank>", "class>", "label", "value>"});
  Json samples = Json::array();
  for (int64_t row = 0; classes > 0 && row < static_cast<int64_t>(values.size()) / classes; ++row) {
    Json ranks = Json::array();
    int64_t rank = 0;
    for (const Ranked& best : top_of(std::span(values).subspan(static_cast<size_t>(row * classes), static_cast<size_t>(classes)), k)) {
      ++rank;
      table.row({std::to_string(row), std::to_string(rank), std::to_string(best.index), label_of(best.index, labels), number_text(best.value, 6)});
      ranks.push(Json::object().set("class", best.index).set("label", label_of(best.index, labels)).set("value", best.value));
    }
    samples.push(std::move(ranks));
  }
  output.table(table);
  return samples;
}

Json print_outputs(Output& output, const Tensors& tensors) {
  Table table({"output", "type", "min>", "max>", "mean>"});
  Json list = Json::array();
  for (const auto& [name, tensor] : tensors) {
    Json entry = Json::object();
    entry.set("name", name).set("dtype", dtype_name(tensor.dtype())).set("shape", Json::array(tensor.shape()));
    std::vector<double> values;
    if (tensor.dtype() != DType::kString) values = tensor.to_doubles();
    if (values.empty()) {
      table.row({name, tensor.type_text(), "", "", ""});
    } else {
      const auto [low, high] = std::minmax_element(values.begin(), values.end());
      const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
      table.row({name, tensor.type_text(), number_text(*low), number_text(*high), number_text(mean)});
      entry.set("min", *low).set("max", *high).set("mean", mean);
    }
    list.push(std::move(entry));
  }
  output.table(table);
  return list;
}

Json print_profile(Output& output, const std::vector<NodeProfile>& nodes) {
  double total = 0;
  for (const NodeProfile& node : nodes) total += node.seconds;
  Table table({"node", "operator", "time>", "share %>", "GFLOP/s>", "of peak>", "GB/s>"});
  Json list = Json::array();
  for (const NodeProfile& node : nodes) {
    const double once = node.calls > 0 ? node.seconds / static_cast<double>(node.calls) : 0;
    const double gflops = once > 0 ? static_cast<double>(node.operations) / once * 1e-9 : 0;
    const double gigabytes = once > 0 ? static_cast<double>(node.bytes) / once * 1e-9 : 0;
    table.row({node.name, node.op, seconds_text(once), fixed_text(total > 0 ? node.seconds / total * 100 : 0, 1), fixed_text(gflops, 1),
               node.share_of_peak > 0 ? share_text(node.share_of_peak) : "-", fixed_text(gigabytes, 1)});
    Json entry = Json::object();
    entry.set("name", node.name).set("operator", node.op).set("time_ms", once * 1e3).set("operations", node.operations).set("bytes", node.bytes);
    list.push(std::move(entry.set("gflop_per_s", gflops).set("share_of_peak", node.share_of_peak).set("gb_per_s", gigabytes)));
  }
  output.line("");
  output.table(table);
  return list;
}

// --labels, else those in the model's package.
std::vector<std::string> labels_for(const Arguments& arguments, const Graph& graph) {
  if (arguments.given("--labels")) return read_lines(arguments.text("--labels"));
  const auto metadata = graph.metadata();
  const auto stored = metadata.find("labels");
  return stored == metadata.end() ? std::vector<std::string>{} : words_of(stored->second, '\n');
}

std::vector<std::string> input_files(const Arguments& arguments) {
  std::vector<std::string> texts = arguments.all("--input");
  texts.insert(texts.end(), arguments.positionals().begin() + 1, arguments.positionals().end());
  return texts;
}

void write_results(const Arguments& arguments, Output& output, const Tensors& outputs, const std::vector<std::string>& texts) {
  const std::string directory = arguments.text("--output-dir");
  const std::vector<std::string> paths = save_outputs(outputs, directory, arguments.flag("--force"));
  std::vector<std::string> read = {arguments.positional(0)};
  for (const std::string& text : texts) read.push_back(std::filesystem::exists(text) ? text : text.substr(text.rfind('=') + 1));
  write_manifest(directory, arguments, read, paths);
  output.result().set("files", Json::array(paths));
  for (const std::string& path : paths) output.line("wrote " + path);
}

int run_in_loop(const Arguments& arguments, Output& output, const Graph& graph, const std::vector<std::string>& texts) {
  const Tensors inputs = load_inputs(texts, graph.inputs(), preprocess_option(arguments, graph), false);
  LoopOptions options = loop_options(arguments);
  options.progress = output.progress("loop");
  LoopResult result;
  try {
    result = run_loop(graph, inputs, options, session_options(arguments));
  } catch (const Error& error) {
    throw error.within(arguments.positional(0));
  }
  output.end_progress();
  output.input().set("path", arguments.positional(0)).set("inputs", Json::array(texts));
  print_loop(output, result);
  if (arguments.given("--output-dir")) write_results(arguments, output, result.outputs, texts);
  if (!arguments.given("--output-dir") || output.json()) output.result().set("outputs", print_outputs(output, result.outputs));
  return 0;
}

int run(const Arguments& arguments, Output& output) {
  const std::string& path = arguments.positional(0);
  const Graph graph = load_within_budget(arguments, path);
  if (arguments.given("--loop")) {
    for (const char* other : {"--profile", "--trace", "--repeat", "--top", "--memory-budget"}) {
      if (arguments.given(other)) throw Error(ErrorCode::kInvalidArgument, "does not go together with --loop", other, "leave one of them out");
    }
    return run_in_loop(arguments, output, graph, input_files(arguments));
  }
  require_no_loop_options(arguments);
  const bool profile = arguments.flag("--profile") || arguments.given("--trace");
  const std::vector<std::string> labels = labels_for(arguments, graph);
  const std::vector<std::string> texts = input_files(arguments);
  const Tensors inputs = load_inputs(texts, graph.inputs(), preprocess_option(arguments, graph));
  SessionOptions options = session_options(arguments);
  options.memory = measures_within_budget(arguments, graph, {.shapes = shapes_with({}, inputs), .isa = arguments.text("--isa")}, output);
  options.profile = profile;
  Session session(graph, options);
  Result result = session.run(inputs);
  const Progress progress = output.progress("run");
  const int64_t repeat = arguments.count("--repeat");
  for (int64_t i = 1; i < repeat && result.ok(); ++i) {
    if (!progress(static_cast<double>(i) / static_cast<double>(repeat), {})) throw Error(ErrorCode::kInterrupted, "stopped", path);
    result = session.run(inputs);
  }
  output.end_progress();
  if (result.error()) throw result.error()->within(path);

  output.input().set("path", path).set("inputs", Json::array(texts));
  if (arguments.given("--output-dir")) write_results(arguments, output, result.outputs(), texts);
  if (arguments.given("--top")) {
    output.result().set("top", print_top(output, result[graph.outputs().front().name], arguments.count("--top"), labels));
  } else if (!arguments.given("--output-dir") || output.json()) {
    output.result().set("outputs", print_outputs(output, result.outputs()));
  }
  output.result().set("process_peak_bytes", peak_process_bytes());
  if (arguments.flag("--profile")) output.result().set("profile", print_profile(output, session.profile()));
  if (arguments.given("--trace")) session.save_trace(arguments.text("--trace"), arguments.flag("--force"));
  return 0;
}

}  // namespace

extern const CommandSpec kRun = {"run", "Run a model once, or in a loop, on inputs from files", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
