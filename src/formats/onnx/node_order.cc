#include "formats/onnx/node_order.h"

#include <queue>
#include <unordered_map>

#include "core/error.h"

namespace omni::formats {

using namespace core;

namespace {

void collect(const onnx::NodeProto& node, std::unordered_set<std::string_view>& names);

void collect(const onnx::GraphProto& body, std::unordered_set<std::string_view>& names) {
  std::unordered_set<std::string_view> read, own;
  for (const onnx::NodeProto& node : body.node()) {
    collect(node, read);
    own.insert(node.output().begin(), node.output().end());
  }
  for (const onnx::ValueInfoProto& output : body.output()) read.insert(output.name());
  for (const onnx::ValueInfoProto& input : body.input()) own.insert(input.name());
  for (const onnx::TensorProto& initializer : body.initializer()) own.insert(initializer.name());
  for (const onnx::SparseTensorProto& initializer : body.sparse_initializer()) own.insert(initializer.values().name());
  for (const std::string_view name : read) {
    if (!own.contains(name)) names.insert(name);
  }
}

void collect(const onnx::NodeProto& node, std::unordered_set<std::string_view>& names) {
  for (const std::string& input : node.input()) {
    if (!input.empty()) names.insert(input);
  }
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.has_g()) collect(attribute.g(), names);
    for (const onnx::GraphProto& body : attribute.graphs()) collect(body, names);
  }
}

}  // namespace

std::unordered_set<std::string_view> names_read(const onnx::NodeProto& node) {
  std::unordered_set<std::string_view> names;
  collect(node, names);
  return names;
}

std::string node_text(const onnx::NodeProto& node) {
  if (!node.name().empty()) return node.name();
  for (const std::string& output : node.output()) {
    if (!output.empty()) return output;
  }
  return node.op_type();
}

std::vector<int> node_order(const NodeProtos& nodes) {
  std::unordered_map<std::string_view, int> producer;
  for (int i = 0; i < nodes.size(); ++i) {
    for (const std::string& output : nodes[i].output()) {
      if (output.empty() || producer.emplace(output, i).second) continue;
      throw Error(ErrorCode::kInvalidData, "two nodes produce the value " + quoted(output), "node " + quoted(node_text(nodes[i])));
    }
  }
  std::vector<std::vector<int>> readers(static_cast<size_t>(nodes.size()));
  std::vector<int> waits(static_cast<size_t>(nodes.size()), 0);
  for (int i = 0; i < nodes.size(); ++i) {
    for (const std::string_view name : names_read(nodes[i])) {
      const auto found = producer.find(name);
      if (found == producer.end()) continue;
      readers[static_cast<size_t>(found->second)].push_back(i);
      ++waits[static_cast<size_t>(i)];
    }
  }
  // Of the nodes that can go next, the first of the file does.
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (int i = 0; i < nodes.size(); ++i) {
    if (waits[static_cast<size_t>(i)] == 0) ready.push(i);
  }
  std::vector<int> order;
  while (!ready.empty()) {
    const int next = ready.top();
    ready.pop();
    order.push_back(next);
    for (const int reader : readers[static_cast<size_t>(next)]) {
      if (--waits[static_cast<size_t>(reader)] == 0) ready.push(reader);
    }
  }
  for (int i = 0; i < nodes.size(); ++i) {
    if (waits[static_cast<size_t>(i)] <= 0) continue;
    throw Error(ErrorCode::kInvalidData, "the graph has a cycle", "node " + quoted(node_text(nodes[i])));
  }
  return order;
}

}  // namespace omni::formats
