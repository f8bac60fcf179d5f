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
    {"--force", "", "overwrite FILE", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kPreprocessGroup, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"A package from an ONNX file", "omni convert lenet5.onnx -o lenet5.omni"},
    {"Keep in the package how pictures become inputs", "omni convert lenet5.onnx --mean 0.5 --std 0.5 -o prepared.omni"},
};

int run(const Arguments& arguments, Output& output) {
  const std::string& from = arguments.positional(0);
  const std::string to = arguments.text("-o");
  Graph graph = Graph::load(from);
  if (preprocess_given(arguments)) graph.set_metadata("preprocessing", preprocess_option(arguments, graph).text());
  if (!graph.metadata().contains("source_sha256") && to.ends_with(".omni")) graph.set_metadata("source_sha256", file_sha256(from));
  graph.save(to, {.overwrite = arguments.flag("--force"), .format = arguments.text("--format")});
  const auto before = static_cast<int64_t>(std::filesystem::file_size(from)), after = static_cast<int64_t>(std::filesystem::file_size(to));
  output.input().set("path", from).set("format", graph.format()).set("size_bytes", before);
  output.result().set("path", to).set("size_bytes", after);
  output.line(to + ": " + bytes_text(static_cast<double>(after)) + ", from " + from + " with " + bytes_text(static_cast<double>(before)));
  return 0;
}

}  // namespace

extern const CommandSpec kConvert = {"convert", "Write a model in another format (.onnx, .omni)", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
