#include "train/losses.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "ops/op_list.h"

namespace omni::train {

namespace {

constexpr std::string_view kNames[] = {"auto", "cross-entropy", "mse"};

std::vector<int64_t> all_axes(int rank) {
  std::vector<int64_t> axes;
  for (int i = 0; i < rank; ++i) axes.push_back(i);
  return axes;
}

// Mean over all elements: a scalar.
ValueId mean(Graph& graph, ValueId x) {
  const std::vector<int64_t> axes = all_axes(graph.type(x).rank());
  const ValueId list = graph.add_constant("axes", Tensor::of<int64_t>({static_cast<int64_t>(axes.size())}, std::span<const int64_t>(axes)));
  return graph.add1(ops::kReduceMean, {x, list}, {{"keepdims", int64_t{0}}});
}

ValueId scalar(Graph& graph, double x) { return graph.add_constant("factor", Tensor::scalar(static_cast<float>(x))); }

ValueId cross_entropy(Graph& graph, ValueId logits, ValueId target, double smoothing) {
  const ValueId hard = graph.add1(ops::kSoftmaxCrossEntropyLoss, {logits, target}, {{"reduction", std::string("mean")}}, {.name = "cross_entropy"});
  if (smoothing == 0) return hard;
  const ValueId spread = mean(graph, graph.add1(ops::kLogSoftmax, {logits}, {{"axis", int64_t{1}}}));
  return graph.add1(ops::kSub, {graph.add1(ops::kMul, {hard, scalar(graph, 1 - smoothing)}), graph.add1(ops::kMul, {spread, scalar(graph, smoothing)})});
}

ValueId chosen_output(const Graph& graph, const std::string& name) {
  if (graph.outputs().empty()) throw Error(ErrorCode::kInvalidArgument, "the model has no output", "graph " + quoted(graph.name()));
  if (name.empty()) return graph.outputs()[0];
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs()) {
    if (graph.value(id).name == name) return id;
    names.push_back(graph.value(id).name);
  }
  throw Error(ErrorCode::kInvalidArgument, "the model has no output " + quoted(name), {}, did_you_mean(name, names));
}

}  // namespace

LossKind parse_loss(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<LossKind>(i);
  }
  const std::vector<std::string> known(std::begin(kNames), std::end(kNames));
  const std::string near = did_you_mean(name, known);
  throw Error(ErrorCode::kInvalidArgument, "no loss " + quoted(name), {}, near.empty() ? "choose auto, cross-entropy or mse" : near);
}

std::string_view loss_name(LossKind kind) { return kNames[static_cast<size_t>(kind)]; }

ValueId logits_of(const Graph& graph, ValueId output) {
  for (ValueId at = output;;) {
    const Node* n = graph.producer(at);
    if (n == nullptr) return output;
    if (n->op == &ops::kSoftmax || n->op == &ops::kLogSoftmax) {
      const int rank = graph.type(n->inputs[0]).rank();
      const int64_t axis = n->attributes.get_int("axis", -1);
      const bool over_classes = rank >= 2 && (axis < 0 ? axis + rank : axis) == 1;
      return over_classes ? n->inputs[0] : output;
    }
    if (!n->op->has(kView)) return output;
    at = n->inputs[0];
  }
}

LossValues append_loss(Graph& graph, const LossOptions& options) {
  const ValueId output = chosen_output(graph, options.output);
  LossValues out;
  out.prediction = options.kind == LossKind::kMse ? output : logits_of(graph, output);
  const Type type = graph.type(out.prediction);
  const std::string where = "output " + quoted(graph.value(output).name) + " of type " + type_text(type, graph.dims());
  if (type.kind != TypeKind::kTensor || type.dtype != DType::kF32 || !type.ranked || type.rank() < 1) {
    throw Error(ErrorCode::kInvalidArgument, "no loss can be made of this output", where, "choose an f32 output with a batch dimension");
  }
  if (options.kind == LossKind::kMse) {
    out.target = graph.add_input("target", type);
    const ValueId difference = graph.add1(ops::kSub, {out.prediction, out.target});
    out.loss = mean(graph, graph.add1(ops::kMul, {difference, difference}));
  } else {
    if (type.rank() < 2) throw Error(ErrorCode::kInvalidArgument, "cross-entropy needs [batch, classes, ...]", where);
    if (!(options.label_smoothing >= 0 && options.label_smoothing < 1)) throw Error(ErrorCode::kInvalidArgument, "label smoothing is outside [0, 1)");
    std::vector<Dim> dims = type.dims;
    dims.erase(dims.begin() + 1);
    out.target = graph.add_input("target", Type(DType::kI64, dims));
    out.loss = cross_entropy(graph, out.prediction, out.target, options.label_smoothing);
  }
  graph.rename(out.loss, "loss");
  graph.set_outputs({out.prediction, out.loss});
  return out;
}

}  // namespace omni::train
