#include "compress/quantize/captures.h"

#include <algorithm>

#include "ops/op_list.h"

namespace omni::compress {

namespace {

Tensor ints(const std::vector<int64_t>& values) { return Tensor::of<int64_t>(Shape{static_cast<int64_t>(values.size())}, values); }

ValueId int_constant(Graph& graph, const std::vector<int64_t>& values) { return graph.add_constant("calibrate.ints", ints(values)); }

// What a state holds is read, and what it will hold is committed, under this name.
ValueId state(Graph& graph, const std::string& name, Tensor initial) { return graph.add_state(name, std::move(initial), Role::kObserver); }

std::vector<int64_t> all_but(int axis, int rank) {
  std::vector<int64_t> axes;
  for (int d = 0; d < rank; ++d) {
    if (d != axis) axes.push_back(d);
  }
  return axes;
}

// A convolution as its Gram matrix sees it.
struct Window {
  std::vector<int64_t> kernel, strides, dilations, pads;
  int64_t groups = 1;
  bool whole() const {  // every position is read once: no padding, no overlap, no gap
    const auto ones = [](const std::vector<int64_t>& v) { return std::all_of(v.begin(), v.end(), [](int64_t i) { return i == 1; }); };
    return ones(kernel) && ones(strides) && std::all_of(pads.begin(), pads.end(), [](int64_t i) { return i == 0; });
  }
};

Window window_of(const Graph& graph, const Node& conv) {
  const Type& w = graph.type(conv.inputs[1]);
  Window window;
  for (int d = 2; d < w.rank(); ++d) window.kernel.push_back(w.dim(d).value);
  const size_t n = window.kernel.size();
  window.strides = conv.attributes.get_ints("strides", std::vector<int64_t>(n, 1));
  window.dilations = conv.attributes.get_ints("dilations", std::vector<int64_t>(n, 1));
  window.pads = conv.attributes.get_ints("pads", std::vector<int64_t>(2 * n, 0));
  window.groups = conv.attributes.get_int("group", 1);
  return window;
}

std::string list_text(const std::vector<int64_t>& values) {
  std::string text;
  for (const int64_t v : values) text += std::to_string(v) + ",";
  return text;
}

// The input padded with zeros.
ValueId padded(Graph& graph, ValueId x, const Window& window) {
  if (std::all_of(window.pads.begin(), window.pads.end(), [](int64_t p) { return p == 0; })) return x;
  const size_t n = window.kernel.size();
  std::vector<int64_t> pads(2 * (n + 2), 0);
  for (size_t d = 0; d < n; ++d) {
    pads[2 + d] = window.pads[d];
    pads[n + 4 + d] = window.pads[n + d];
  }
  return graph.add1(ops::kPad, {x, int_constant(graph, pads)});
}

// The positions of the padded input that one tap of the kernel reads: a picture of the output's size.
ValueId read_by_tap(Graph& graph, ValueId x, const Window& window, size_t tap) {
  std::vector<int64_t> starts, ends, axes;
  for (size_t d = window.kernel.size(); d-- > 0;) {
    const int64_t k = window.kernel[d], at = static_cast<int64_t>(tap) % k;
    tap /= static_cast<size_t>(k);
    const int64_t behind = (k - 1 - at) * window.dilations[d];
    starts.insert(starts.begin(), at * window.dilations[d]);
    ends.insert(ends.begin(), behind == 0 ? INT64_MAX : -behind);
    axes.insert(axes.begin(), static_cast<int64_t>(d) + 2);
  }
  return graph.add1(ops::kSlice, {x, int_constant(graph, starts), int_constant(graph, ends), int_constant(graph, axes), int_constant(graph, window.strides)});
}

// sum over positions of patch · patch^T. The gradient of a convolution's weights is a sum of products of its input with the output's gradient: given
// what one tap of the kernel reads instead of the gradient, it is that tap's rows of the Gram matrix, [channels, channels/groups, kernel…].
ValueId conv_gram(Graph& graph, ValueId x, const Window& window, const Shape& weights) {
  std::vector<int64_t> dims(weights.begin(), weights.end());
  const int64_t inner = dims[1], channels = inner * window.groups;
  dims[0] = channels;
  const int64_t taps = weights.count(2);
  const Attributes attributes{{"strides", window.strides}, {"dilations", window.dilations}, {"group", window.groups}, {"kernel_shape", window.kernel}};
  const ValueId like = graph.add_constant("calibrate.like", Tensor(DType::kF32, Shape(dims)));
  const ValueId input = padded(graph, x, window);
  std::vector<ValueId> rows;
  for (size_t t = 0; t < static_cast<size_t>(taps); ++t) {
    const ValueId part = graph.add1(ops::kConvWeightGrad, {read_by_tap(graph, input, window, t), input, like}, attributes);
    rows.push_back(graph.add1(ops::kReshape, {part, int_constant(graph, {window.groups, inner, 1, inner * taps})}));
  }
  const ValueId all = rows.size() == 1 ? rows[0] : graph.add1(ops::kConcat, rows, {{"axis", int64_t{2}}});
  return graph.add1(ops::kReshape, {all, int_constant(graph, {window.groups, inner * taps, inner * taps})});
}

}  // namespace

Captures::Captures(const Graph& graph) : graph_(graph) {}

void Captures::request(Capture capture) {
  const std::string key = capture.key;
  captures_.emplace(key, std::move(capture));
}

void Captures::histogram(ValueId value) { request({Kind::kHistogram, value, 0, kNone, "histogram/" + graph_.value(value).name}); }
void Captures::channel_max(ValueId value, int axis, int64_t channels) {
  request({Kind::kChannelMax, value, axis, kNone, "channel_max/" + graph_.value(value).name, channels});
}
void Captures::channel_mean(ValueId value, int axis, int64_t channels) {
  request({Kind::kChannelMean, value, axis, kNone, "channel_mean/" + graph_.value(value).name, channels});
}

const char* Captures::gram_refusal(const Graph& graph, NodeId product) {
  const Node& n = graph.node(product);
  const bool conv = n.op == &ops::kConv;
  if (!conv && n.op != &ops::kGemm && n.op != &ops::kMatMul) return "no Conv, Gemm or MatMul";
  if (!graph.is_constant(n.inputs[1]) || graph.type(n.inputs[0]).dtype != DType::kF32) return "its weights are no constant";
  const std::string_view pad = n.attributes.get_string("auto_pad", "NOTSET");
  if (conv && pad != "NOTSET" && pad != "VALID") return "its padding follows from sizes";
  if (n.op == &ops::kGemm && n.attributes.get_int("transA", 0) != 0) return "its activation is transposed";
  if (n.op == &ops::kMatMul && graph.type(n.inputs[1]).rank() != 2) return "its weights are no matrix";
  return nullptr;
}

Shape Captures::gram_shape(const Graph& graph, NodeId product) {
  const Node& n = graph.node(product);
  const Shape w = graph.value(n.inputs[1]).data.shape();
  if (n.op == &ops::kConv) return Shape{n.attributes.get_int("group", 1), w.count(1), w.count(1)};
  const int64_t k = n.op == &ops::kGemm && n.attributes.get_int("transB", 0) != 0 ? w[1] : w[0];
  return Shape{1, k, k};
}

std::string Captures::gram_key(const Graph& graph, NodeId product) {
  const Node& n = graph.node(product);
  std::string key = "gram/" + graph.value(n.inputs[0]).name;
  if (n.op != &ops::kConv) return key + "/rows";
  const Window w = window_of(graph, n);
  return key + "/" + list_text(w.kernel) + "/" + list_text(w.strides) + "/" + list_text(w.dilations) + "/" + list_text(w.pads) + "/" + std::to_string(w.groups);
}

void Captures::gram(NodeId product) {
  if (const char* reason = gram_refusal(graph_, product)) {
    throw Error(ErrorCode::kUnsupported, std::string("no Gram matrix of its inputs: ") + reason, graph_.node(product).name);
  }
  request({Kind::kGram, graph_.node(product).inputs[0], 0, product, gram_key(graph_, product)});
}

void Captures::build_histogram(Graph& graph, const Capture& c) {
  const ValueId counters = state(graph, c.key, Tensor(DType::kI64, Shape{Histogram::kCounters}));
  const ValueId range = state(graph, c.key + "/range", Tensor::of<float>(Shape{2}, {Histogram::kNoMin, Histogram::kNoMax}));
  const std::vector<ValueId> next = graph.add(kHistogramOp, {c.value, counters, range});
  graph.add_commit({counters, next[0], kNone});
  graph.add_commit({range, next[1], kNone});
}

void Captures::build_channel(Graph& graph, const Capture& c) {
  const Type& type = graph.type(c.value);
  const int axis = c.axis < 0 ? c.axis + type.rank() : c.axis;
  const ValueId sums = state(graph, c.key, Tensor(DType::kF32, Shape{c.channels > 0 ? c.channels : type.dim(axis).value}));
  const ValueId axes = int_constant(graph, all_but(axis, type.rank()));
  const Attributes drop{{"keepdims", int64_t{0}}};
  if (c.kind == Kind::kChannelMax) {
    const ValueId extremes = graph.add1(ops::kReduceMax, {graph.add1(ops::kAbs, {c.value}), axes}, drop);
    graph.add_commit({sums, graph.add1(ops::kMax, {sums, extremes}), kNone});
    return;
  }
  const ValueId count = state(graph, c.key + "/count", Tensor::scalar(int64_t{0}));
  graph.add_commit({sums, graph.add1(ops::kAdd, {sums, graph.add1(ops::kReduceSum, {c.value, axes}, drop)}), kNone});
  graph.add_commit({count, graph.add1(ops::kAdd, {count, graph.add1(ops::kSize, {c.value})}), kNone});
}

void Captures::build_gram(Graph& graph, const Capture& c) {
  const Node& n = graph.node(c.product);
  const Shape shape = gram_shape(graph, c.product);
  const int64_t k = shape[1];
  const Window window = n.op == &ops::kConv ? window_of(graph, n) : Window{};
  const bool matrix = n.op != &ops::kConv || (window.groups == 1 && window.whole());
  const ValueId sums = state(graph, c.key, Tensor(DType::kF32, matrix ? Shape{k, k} : shape));
  if (!matrix) {
    const ValueId gram = conv_gram(graph, c.value, window, graph.value(n.inputs[1]).data.shape());
    graph.add_commit({sums, graph.add1(ops::kAdd, {sums, gram}), kNone});
    return;
  }
  ValueId rows = c.value;
  if (n.op == &ops::kConv) {
    std::vector<int64_t> perm = {0};
    for (int64_t d = 2; d < graph.type(rows).rank(); ++d) perm.push_back(d);
    perm.push_back(1);
    rows = graph.add1(ops::kTranspose, {rows}, {{"perm", perm}});
  }
  rows = graph.add1(ops::kReshape, {rows, int_constant(graph, {-1, k})});
  graph.add_commit({sums, graph.add1(ops::kGemm, {rows, rows, sums}, {{"transA", int64_t{1}}}), kNone});
}

Graph Captures::build() const {
  Graph graph = graph_.clone();
  graph.set_name("calibrate");
  graph.set_outputs({});
  std::vector<size_t> position(graph.node_count(), 0);
  const std::vector<NodeId> order = graph.order();
  for (size_t i = 0; i < order.size(); ++i) position[order[i]] = i + 1;
  std::vector<const Capture*> captures;
  for (const auto& [key, capture] : captures_) captures.push_back(&capture);
  // Commits in the order of execution: the order of nodes follows them, so that every activation is captured as soon as it is there.
  const auto at = [&](const Capture* c) { return graph.value(c->value).producer == kNone ? size_t{0} : position[graph.value(c->value).producer]; };
  std::stable_sort(captures.begin(), captures.end(), [&](const Capture* a, const Capture* b) { return at(a) < at(b); });
  for (const Capture* c : captures) {
    switch (c->kind) {
      case Kind::kHistogram: build_histogram(graph, *c); break;
      case Kind::kChannelMax:
      case Kind::kChannelMean: build_channel(graph, *c); break;
      case Kind::kGram: build_gram(graph, *c); break;
    }
  }
  graph.erase_dead();
  return graph;
}

Histogram Captures::histogram_of(ValueId value) const {
  const std::string key = "histogram/" + graph_.value(value).name;
  const Tensor counters = states_.get(key), range = states_.get(key + "/range");
  return {counters.values<int64_t>(), range.values<float>()[0], range.values<float>()[1]};
}

std::vector<double> Captures::channel_max_of(ValueId value) const { return to_double(states_.get("channel_max/" + graph_.value(value).name)); }

std::vector<double> Captures::channel_mean_of(ValueId value) const {
  const std::string key = "channel_mean/" + graph_.value(value).name;
  std::vector<double> mean = to_double(states_.get(key));
  const double each = static_cast<double>(states_.get(key + "/count").values<int64_t>()[0]) / static_cast<double>(std::max<size_t>(1, mean.size()));
  for (double& m : mean) m = each > 0 ? m / each : 0;
  return mean;
}

Tensor Captures::gram_of(NodeId product) const { return states_.get(gram_key(graph_, product)).reshaped(gram_shape(graph_, product)); }

}  // namespace omni::compress
