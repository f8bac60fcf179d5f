// omni new: a network with seeded initial weights.
#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"NAME", "lenet-300-100, lenet5, mlp-2nn, cnn-fedavg, resnet20 or mobilenet-small"}};
constexpr OptionSpec kOptions[] = {
    {"-o", "FILE", "the network: .onnx or .omni by its extension", Kind::kText, {}, {}, true},
    {"--format", "FORMAT", "instead of the extension's", Kind::kChoice, {}, "onnx|omni"},
    {"--seed", "N", "of the initial weights", Kind::kInteger, "1"},
    {"--force", "", "overwrite FILE", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"LeNet-5 for 28x28 grey pictures and 10 classes", "omni new lenet5 -o lenet5.onnx"},
    {"Other weights, in our own format", "omni new lenet-300-100 --seed 7 -o small.omni"},
};

int run(const Arguments& arguments, Output& output) {
  const std::string& name = arguments.positional(0);
  const std::string& path = arguments.text("-o");
  const int64_t seed = arguments.integer("--seed");
  const Graph graph = new_network(name, static_cast<uint64_t>(seed));
  graph.save(path, {.overwrite = arguments.flag("--force"), .format = arguments.text("--format")});
  output.input().set("network", name).set("seed", seed);
  output.result()
      .set("path", path)
      .set("parameters", graph.parameters())
      .set("inputs", ports_json(graph.inputs()))
      .set("outputs", ports_json(graph.outputs()));
  output.line(path + ": " + name + ", " + grouped_text(graph.parameters()) + " parameters, seed " + std::to_string(seed));
  return 0;
}

}  // namespace

extern const CommandSpec kNew = {"new", "Make a network with seeded initial weights", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
