// omni inspect: what is in a model and what a run of it costs.
#include <algorithm>

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
    {"--nodes", "", "list every node", Kind::kFlag},
    {"--passes", "", "show what each rewrite makes of the model before it runs, and how long it takes", Kind::kFlag},
    {"--text", "", "print the graph in its text form; with --passes the one that runs", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kPassGroup, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"Parameters, operations and memory", "omni inspect lenet5.onnx"},
    {"What runs in the end, were activations not fused", "omni inspect lenet5.onnx --passes --disable-pass fuse_activation --text"},
    {"Every node, for a batch of 16", "omni inspect lenet5.onnx --nodes --shape input=16,1,28,28"},
};

Json nodes_json(const std::vector<NodeInfo>& nodes) {
  Json list = Json::array();
  for (const NodeInfo& node : nodes) {
    Json entry = Json::object();
    entry.set("name", node.name).set("operator", node.op).set("output", node.type).set("operations", node.operations).set("bytes", node.bytes);
    list.push(std::move(entry.set("parameters", node.parameters)));
  }
  return list;
}

void print_ports(Output& output, std::string_view title, const std::vector<ValueInfo>& ports) {
  for (const ValueInfo& port : ports) output.line(std::string(title) + "  " + port.name + "  " + port.type);
}

void print_operators(Output& output, const Summary& summary) {
  std::vector<std::pair<std::string, int64_t>> rows(summary.operators.begin(), summary.operators.end());
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  Table table({"operator", "nodes>", "operations>", "parameters>"});
  for (const auto& [op, count] : rows) {
    double operations = 0;
    int64_t parameters = 0;
    for (const NodeInfo& node : summary.nodes) {
      if (node.op != op) continue;
      operations += static_cast<double>(node.operations);
      parameters += node.parameters;
    }
    table.row({op, std::to_string(count), count_text(operations), grouped_text(parameters)});
  }
  output.line("");
  output.table(table);
}

void print_nodes(Output& output, const Summary& summary) {
  Table table({"node", "operator", "output", "operations>", "bytes>", "parameters>"});
  for (const NodeInfo& node : summary.nodes) {
    table.row({node.name, node.op, node.type, count_text(static_cast<double>(node.operations)), bytes_text(static_cast<double>(node.bytes)),
               grouped_text(node.parameters)});
  }
  output.line("");
  output.table(table);
}

int show_passes(const Arguments& arguments, Output& output, const std::string& path, const Graph& graph) {
  const SessionOptions options = session_options(arguments);
  const Preparation prepared = prepare(graph, options);
  Table table({"pass", "changed", "nodes before>", "after>", "time>"});
  Json passes = Json::array();
  for (const PassResult& pass : prepared.passes) {
    table.row({pass.name, pass.changed ? "yes" : "no", std::to_string(pass.nodes_before), std::to_string(pass.nodes_after), seconds_text(pass.seconds)});
    Json entry = Json::object();
    entry.set("name", pass.name).set("changed", pass.changed).set("nodes_before", pass.nodes_before).set("nodes_after", pass.nodes_after);
    passes.push(std::move(entry.set("time_ms", pass.seconds * 1e3)));
  }
  output.input().set("path", path).set("disabled_passes", Json::array(options.disabled_passes));
  output.result().set("passes", passes).set("notes", Json::array(prepared.notes));
  output.table(table);
  for (const std::string& note : prepared.notes) output.line(note);
  if (arguments.flag("--text")) {
    output.result().set("text", prepared.graph.text());
    output.line(prepared.graph.text());
  }
  return 0;
}

int run(const Arguments& arguments, Output& output) {
  const std::string& path = arguments.positional(0);
  const Graph graph = Graph::load(path);
  if (arguments.flag("--passes")) return show_passes(arguments, output, path, graph);
  if (arguments.given("--disable-pass")) {
    throw Error(ErrorCode::kInvalidArgument, "goes with --passes only", "--disable-pass", "omni run and omni bench leave out passes too");
  }
  if (arguments.flag("--text")) {
    output.input().set("path", path);
    output.result().set("text", graph.text());
    output.line(graph.text());
    return 0;
  }
  const Summary summary = graph.summary(shapes_option(arguments));
  output.input().set("path", path).set("format", graph.format());
  Json operators = Json::object();
  for (const auto& [op, count] : summary.operators) operators.set(op, count);
  Json metadata = Json::object();
  for (const auto& [key, value] : graph.metadata()) metadata.set(key, value);
  output.result().set("inputs", ports_json(summary.inputs)).set("outputs", ports_json(summary.outputs)).set("parameters", summary.parameters);
  output.result().set("weight_size_bytes", summary.weight_bytes);
  if (summary.missing.empty()) {
    output.result().set("operations", summary.operations).set("moved_bytes", summary.bytes).set("peak_memory_bytes", summary.peak_memory_bytes);
  } else {
    output.warn(summary.missing);
  }
  output.result().set("operators", operators).set("nodes", nodes_json(summary.nodes)).set("metadata", metadata);

  output.line(path + " (" + graph.format() + ")");
  print_ports(output, "input      ", summary.inputs);
  print_ports(output, "output     ", summary.outputs);
  output.line("parameters   " + grouped_text(summary.parameters) + " in " + bytes_text(static_cast<double>(summary.weight_bytes)));
  if (summary.missing.empty()) {
    output.line("operations   " + count_text(static_cast<double>(summary.operations)) + " a run, " + bytes_text(static_cast<double>(summary.bytes)) +
                " moved");
    output.line("peak memory  " + bytes_text(static_cast<double>(summary.peak_memory_bytes)) + " of activations");
  }
  for (const auto& [key, value] : graph.metadata()) output.line(key + ": " + value);
  if (arguments.flag("--nodes")) {
    print_nodes(output, summary);
  } else {
    print_operators(output, summary);
  }
  return 0;
}

}  // namespace

extern const CommandSpec kInspect = {
    "inspect", "Show a model's operators, shapes, parameters, operations and memory", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
