// omni eval: how good a model's answers are on data.
#include <algorithm>

#include "memory_budget.h"
#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"MODEL", "an .onnx or .omni file"}};
constexpr OptionSpec kOptions[] = {
    {"--batch", "N", "samples a run, where the model leaves it open", Kind::kCount, "64"},
    {"--top", "K", "count an answer as right when it is among the K likeliest", Kind::kCount, "5"},
    kMemoryBudgetOption,
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kDataGroup, kPreprocessGroup, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"Accuracy on the 10,000 test pictures", "omni eval lenet5.onnx --data fashion-mnist@test"},
    {"The first 1,000 only, as JSON", "omni eval lenet5.onnx --data fashion-mnist@test@0:1000 --json"},
};

// Sizes that the model leaves open: the first is the batch, others are those of the data.
InputShapes batch_shapes(const Graph& graph, const Dataset& data, int64_t batch) {
  InputShapes shapes;
  const std::vector<Tensor> sample = data.read(0, std::min<int64_t>(1, data.size()));
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const ValueInfo input = graph.inputs()[i];
    std::vector<int64_t> dims = input.shape;
    for (size_t d = 0; d < dims.size(); ++d) {
      if (dims[d] >= 0) continue;
      const bool told = i < sample.size() && sample[i].shape().size() == dims.size();
      dims[d] = d == 0 ? batch : told ? sample[i].shape()[d] : 1;
    }
    shapes[input.name] = dims;
  }
  return shapes;
}

int run(const Arguments& arguments, Output& output) {
  const std::string& path = arguments.positional(0);
  const Graph graph = load_within_budget(arguments, path);
  const Dataset data = open_data(arguments, graph, arguments.text("--data"), "test");
  EvaluateOptions options;
  options.batch = arguments.count("--batch");
  options.top = arguments.count("--top");
  options.threads = threads_option(arguments);
  options.isa = arguments.text("--isa");
  options.memory = measures_within_budget(arguments, graph, {.shapes = batch_shapes(graph, data, options.batch), .isa = options.isa}, output);
  options.progress = output.progress("eval");
  const Evaluation answer = evaluate(graph, data, options);
  output.end_progress();

  output.input().set("path", path).set("data", data.description());
  output.result().set("samples", answer.samples).set("time_s", answer.seconds);
  output.line(path + " on " + data.description());
  output.line("samples      " + grouped_text(answer.samples) + " in " + seconds_text(answer.seconds));
  if (answer.top1) {
    output.result().set("top1_accuracy", *answer.top1).set("top1_low", answer.top1_low).set("top1_high", answer.top1_high);
    output.line("top-1        " + fixed_text(*answer.top1 * 100, 2) + " %  (95 % interval " + fixed_text(answer.top1_low * 100, 2) + " to " +
                fixed_text(answer.top1_high * 100, 2) + ")");
  }
  if (answer.topk) {
    const std::string k = std::to_string(options.top);
    output.result().set("topk_accuracy", *answer.topk).set("k", options.top);
    output.line("top-" + k + std::string(9 - std::min<size_t>(k.size(), 8), ' ') + fixed_text(*answer.topk * 100, 2) + " %");
  }
  if (answer.loss) {
    output.result().set("loss", *answer.loss);
    output.line("loss         " + number_text(*answer.loss, 5));
  }
  if (answer.mean_squared_error) {
    output.result().set("mean_squared_error", *answer.mean_squared_error);
    output.line("mean squared error  " + number_text(*answer.mean_squared_error, 5));
  }
  return 0;
}

}  // namespace

extern const CommandSpec kEval = {"eval", "Measure a model's accuracy and loss on data", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
