// omni compare: how far the answers of two models are apart, and where they part.
#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"A", "the reference: an .onnx or .omni file"}, {"B", "the model to hold against it"}};
constexpr OptionSpec kOptions[] = {
    {"--data", "DATA", "samples to run both on, as in omni eval; default: seeded noise", Kind::kText},
    {"--target", "NAME", "CSV column or NPZ array that is the target; none for none", Kind::kText},
    {"--values", "", "the target is a value, even where all are whole numbers", Kind::kFlag},
    {"--samples", "N", "how many", Kind::kCount, "64"},
    {"--drift", "SHARE", "relative error from which on a value counts as drifting", Kind::kShare, "1%"},
    {"--bound", "SHARE", "exit with 1 when an output's relative error is above", Kind::kShare},
    {"--all", "", "list every value that both models have", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kPreprocessGroup, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"An ONNX file and the package made from it", "omni compare lenet5.onnx lenet5.omni"},
    {"On pictures, failing above 5 % of error", "omni compare lenet5.onnx lenet5.omni --data fashion-mnist@test@0:256 --bound 5%"},
};

Json error_row(Table& table, const ValueError& error) {
  table.row({error.name, number_text(error.max_abs), number_text(error.mean_abs), share_text(error.relative)});
  Json entry = Json::object();
  entry.set("name", error.name).set("max_abs_error", error.max_abs).set("mean_abs_error", error.mean_abs).set("relative_error", error.relative);
  return entry;
}

Json errors_json(Table& table, const std::vector<ValueError>& errors) {
  Json list = Json::array();
  for (const ValueError& error : errors) list.push(error_row(table, error));
  return list;
}

int run(const Arguments& arguments, Output& output) {
  const std::string &path_a = arguments.positional(0), &path_b = arguments.positional(1);
  const Graph a = Graph::load(path_a), b = Graph::load(path_b);
  std::optional<Dataset> data;
  if (arguments.given("--data")) data = open_data(arguments, a, arguments.text("--data"), "test");
  CompareOptions options;
  options.samples = arguments.count("--samples");
  options.drift = arguments.share("--drift");
  options.threads = threads_option(arguments);
  options.isa = arguments.text("--isa");
  options.progress = output.progress("compare");
  const Comparison answer = compare(a, b, data, options);
  output.end_progress();

  const std::vector<std::string> heads = {"value", "largest error>", "mean error>", "relative>"};
  Table outputs(heads), values(heads), first(heads);
  output.input().set("a", path_a).set("b", path_b).set("samples", answer.samples).set("data", data ? Json(data->description()) : Json());
  output.result().set("outputs", errors_json(outputs, answer.outputs)).set("values", errors_json(values, answer.values));
  output.result().set("first_drift", answer.first_drift ? error_row(first, *answer.first_drift) : Json());
  if (answer.top1_agreement) output.result().set("top1_agreement", *answer.top1_agreement);
  output.line(path_b + " against " + path_a + ", " + std::to_string(answer.samples) +
              (data ? " samples of " + data->description() : " samples of noise"));
  output.table(outputs);
  if (arguments.flag("--all")) output.table(values);
  if (answer.top1_agreement) output.line("same top-1: " + fixed_text(*answer.top1_agreement * 100, 2) + " %");
  output.line(answer.first_drift ? "first value to drift: " + answer.first_drift->name + " (" + share_text(answer.first_drift->relative) + ")"
                                 : "no shared value drifts by more than " + share_text(options.drift));
  if (!arguments.given("--bound")) return 0;
  bool within = true;
  for (const ValueError& error : answer.outputs) within = within && error.relative <= arguments.share("--bound");
  output.result().set("within_bound", within);
  return within ? 0 : 1;
}

}  // namespace

extern const CommandSpec kCompare = {"compare", "Hold two models' answers against each other", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
