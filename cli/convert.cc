// omni convert: between .onnx and .omni.
#include <filesystem>

#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"MODEL", "an .onnx or .omni file"}};
constexpr OptionSpec kOptions[] = {
    {"-o", "FILE", "the converted model: .onnx or .omni by its extension", Kind::kText, {}, {}, true},
    {"--format", "FORMAT", "instead of the extension's", Kind::kChoice, {}, "onnx|omni"},
    {"--coded", "", "a package with entropy-coded weights: lossless, for pruned and quantized ones", Kind::kFlag},
    {"--layers", "", "with --coded, list every weight beside its entropy", Kind::kFlag},
    {"--force", "", "overwrite FILE", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kPreprocessGroup, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"A package from an ONNX file", "omni convert lenet5.onnx -o lenet5.omni"},
    {"The smallest file, decoded when it is loaded", "omni convert lenet5.onnx --coded -o lenet5-coded.omni"},
    {"Keep in the package how pictures become inputs", "omni convert lenet5.onnx --mean 0.5 --std 0.5 -o prepared.omni"},
};

void print_weights(Output& output, const Graph& graph) {
  Table table({"weight", "elements>", "values>", "dense>", "coded>", "entropy>"});
  Json weights = Json::array();
  for (const CodedWeight& weight : graph.coded_weights()) {
    const bool coded = weight.symbols > 0;
    table.row({weight.name, grouped_text(weight.elements), coded ? grouped_text(weight.symbols) : "", bytes_text(static_cast<double>(weight.bytes)),
               coded ? bytes_text(static_cast<double>(weight.coded_bytes)) : "as it is", coded ? bytes_text(weight.entropy_bytes) : ""});
    Json entry = Json::object();
    entry.set("name", weight.name).set("elements", weight.elements).set("symbols", weight.symbols).set("dense_bytes", weight.bytes);
    weights.push(std::move(entry.set("coded_bytes", weight.coded_bytes).set("entropy_bytes", weight.entropy_bytes)));
  }
  output.result().set("weights", weights);
  output.table(table);
}

int run(const Arguments& arguments, Output& output) {
  const std::string& from = arguments.positional(0);
  const std::string to = arguments.text("-o");
  if (arguments.flag("--layers") && !arguments.flag("--coded")) throw Error(ErrorCode::kInvalidArgument, "--layers lists coded weights", "--layers", "give --coded");
  Graph graph = Graph::load(from);
  if (preprocess_given(arguments)) graph.set_metadata("preprocessing", preprocess_option(arguments, graph).text());
  if (!graph.metadata().contains("source_sha256") && to.ends_with(".omni")) graph.set_metadata("source_sha256", file_sha256(from));
  if (!arguments.flag("--coded")) graph.set_metadata("coding", "");
  graph.save(to, {.overwrite = arguments.flag("--force"), .format = arguments.text("--format"), .coded = arguments.flag("--coded")});
  const auto before = static_cast<int64_t>(std::filesystem::file_size(from)), after = static_cast<int64_t>(std::filesystem::file_size(to));
  output.input().set("path", from).set("format", graph.format()).set("size_bytes", before);
  output.result().set("path", to).set("size_bytes", after);
  if (arguments.flag("--layers")) print_weights(output, graph);
  output.line(to + ": " + bytes_text(static_cast<double>(after)) + ", from " + from + " with " + bytes_text(static_cast<double>(before)));
  return 0;
}

}  // namespace

extern const CommandSpec kConvert = {"convert", "Write a model in another format (.onnx, .omni)", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
