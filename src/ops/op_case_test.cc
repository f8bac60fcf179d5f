#include "ops/op_case_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <set>

#include "core/error.h"
#include "ops/evaluate.h"

namespace omni::ops {

namespace {

struct Built {
  Graph graph;
  std::map<ValueId, Tensor> inputs;  // graph inputs
  std::vector<ValueId> ids;          // of the node's inputs
  std::vector<ValueId> outputs;
  std::map<std::string, int64_t, std::less<>> bindings;

  const Node& node() const { return graph.node(graph.value(outputs[0]).producer); }
};

bool is_graph_input(const OpCase& c, size_t i) {
  return is_float(c.inputs[i]->dtype()) && std::find(c.constants.begin(), c.constants.end(), static_cast<int>(i)) == c.constants.end();
}

Built build(const OpCase& c, bool symbolic) {
  Built b;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    if (!c.inputs[i]) {
      b.ids.push_back(kNone);
      continue;
    }
    const Tensor& t = *c.inputs[i];
    const std::string name = "x" + std::to_string(i);
    if (!is_graph_input(c, i)) {
      b.ids.push_back(b.graph.add_constant(name, t));
      continue;
    }
    Type type(t.dtype(), t.shape());
    for (int d = 0; symbolic && d < t.shape().rank(); ++d) {
      if (t.shape()[d] == 1) continue;                                // broadcasting dimensions are part of the case
      const std::string symbol = "s" + std::to_string(t.shape()[d]);  // equal sizes are one symbol: operands must fit
      type.dims[static_cast<size_t>(d)] = b.graph.dims().symbol(symbol);
      b.bindings[symbol] = t.shape()[d];
    }
    b.ids.push_back(b.graph.add_input(name, type));
    b.inputs.emplace(b.ids.back(), t);
  }
  b.outputs = b.graph.add(*c.op, b.ids, c.attributes, {.output_count = c.outputs});
  for (const ValueId id : b.outputs) {
    if (id != kNone) b.graph.add_output(id);
  }
  return b;
}

// The same bytes one element behind an aligned address.
Tensor unaligned(const Tensor& t) {
  if (t.dtype() == DType::kString) return t;
  const size_t shift = std::max<size_t>(1, dtype_size(t.dtype()));
  auto buffer = std::make_shared<std::vector<std::byte>>(t.bytes() + shift + 64);
  std::byte* base = buffer->data();
  while (reinterpret_cast<uintptr_t>(base) % 32 != 0) ++base;
  if (t.bytes() != 0) std::memcpy(base + shift, t.data(), t.bytes());
  return Tensor::view(t.dtype(), t.shape(), base + shift, buffer);
}

std::vector<Tensor> outputs_of(const Built& b, const std::map<ValueId, Tensor>& values) {
  std::vector<Tensor> out;
  for (const ValueId id : b.outputs) out.push_back(id == kNone ? Tensor() : values.at(id));
  return out;
}

void compare(const OpCase& c, const Outputs& expected, const std::vector<Tensor>& got, const std::string& how) {
  ASSERT_LE(expected.size(), got.size());
  for (size_t k = 0; k < expected.size(); ++k) {
    const std::vector<double> y = to_double(got[k]);
    ASSERT_EQ(y.size(), expected[k].size()) << "output " << k << ", " << how;
    for (size_t i = 0; i < y.size(); ++i) {
      const double e = expected[k][i];
      if (std::isnan(e) || std::isinf(e)) {
        ASSERT_TRUE((std::isnan(e) && std::isnan(y[i])) || y[i] == e)
            << "output " << k << " element " << i << " is " << y[i] << " instead of " << e << ", " << how;
        continue;
      }
      ASSERT_NEAR(y[i], e, c.tolerance * std::max(1.0, std::fabs(e))) << "output " << k << " element " << i << ", " << how;
      if (c.relative_tolerance > 0) {
        ASSERT_NEAR(y[i], e, c.relative_tolerance * std::fabs(e)) << "output " << k << " element " << i << ", " << how;
      }
    }
  }
}

void check_inference(const OpCase& c, const std::vector<Tensor>& got) {
  for (const bool symbolic : {false, true}) {
    const Built b = build(c, symbolic);
    verify(b.graph);
    for (size_t k = 0; k < b.outputs.size(); ++k) {
      if (b.outputs[k] == kNone) continue;
      const Type& type = b.graph.type(b.outputs[k]);
      ASSERT_EQ(type.dtype, got[k].dtype()) << "output " << k;
      if (!type.ranked) continue;
      ASSERT_EQ(type.rank(), got[k].shape().rank()) << "output " << k << (symbolic ? ", symbolic" : "");
      for (int d = 0; d < type.rank(); ++d) {
        const std::optional<int64_t> size = b.graph.dims().evaluate(type.dim(d), b.bindings);
        ASSERT_EQ(size.value_or(got[k].shape()[d]), got[k].shape()[d])
            << "output " << k << " dimension " << d << ", " << b.graph.dims().text(type.dim(d));
      }
    }
    const std::string text = print(b.graph);
    ASSERT_EQ(print(parse(text, find_op, nullptr)), text);
  }
}

bool printable(const OpCase& c) {  // constants beyond 64 elements are printed by hash
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    if (c.inputs[i] && !is_graph_input(c, i) && c.inputs[i]->count() > 64) return false;
  }
  return true;
}

Tensor change_layout(const Tensor& t, bool to_last) {
  const Shape& s = t.shape();
  if (s.rank() < 3) return t;
  Tensor out(t.dtype(), s);
  const size_t size = dtype_size(t.dtype());
  const int64_t channels = s[1], positions = s.count(2);
  for (int64_t n = 0; n < s[0]; ++n) {
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t p = 0; p < positions; ++p) {
        const int64_t first = (n * channels + c) * positions + p, last = (n * positions + p) * channels + c;
        std::memcpy(static_cast<char*>(out.mutable_data()) + static_cast<size_t>(to_last ? last : first) * size,
                    static_cast<const char*>(t.data()) + static_cast<size_t>(to_last ? first : last) * size, size);
      }
    }
  }
  return out;
}

// Binds the node with tags and runs it once; inputs and outputs in ONNX order. `last_in`, `last_out`: which are channels-last.
std::vector<Tensor> run_with_layout(const OpCase& c, const Built& b, const std::vector<bool>& last_in, const std::vector<bool>& last_out, Isa isa) {
  std::vector<PlannedValue> in(c.inputs.size()), out(b.outputs.size());
  std::vector<Tensor> data(c.inputs.size()), results(b.outputs.size());
  std::vector<ConstTensorView> in_views(c.inputs.size());
  std::vector<TensorView> out_views(b.outputs.size());
  for (size_t i = 0; i < in.size(); ++i) {
    if (!c.inputs[i]) continue;
    data[i] = last_in[i] ? change_layout(*c.inputs[i], true) : *c.inputs[i];
    in[i] = {true, data[i].dtype(), data[i].shape(), last_in[i] ? Layout::kChannelsLast : Layout::kPlain, is_graph_input(c, i) ? nullptr : &data[i]};
    in_views[i] = data[i].view();
  }
  for (size_t k = 0; k < out.size(); ++k) {
    if (b.outputs[k] == kNone) continue;
    const Type& type = b.graph.type(b.outputs[k]);
    out[k] = {true, type.dtype, type.shape().value(), last_out[k] ? Layout::kChannelsLast : Layout::kPlain, nullptr};
    results[k] = Tensor(type.dtype, out[k].shape);
    out_views[k] = results[k].mutable_view();
  }
  const Node& node = b.node();
  const Binding binding = node.op->bind({*node.op, node.name, node.attributes, in, out, isa});
  const Tensor scratch(DType::kU8, Shape{static_cast<int64_t>(binding.scratch_bytes)});
  ThreadPool pool(2);
  StatusSlot status;
  binding.fn({in_views, out_views, binding.params.get(), static_cast<std::byte*>(const_cast<void*>(scratch.data())), &pool, &status});
  EXPECT_TRUE(status.status().ok()) << status.status().text;
  for (size_t k = 0; k < out.size(); ++k) {
    if (last_out[k]) results[k] = change_layout(results[k], false);
  }
  return results;
}

// Which inputs and outputs are channels-last in the layout check; empty: there is none to make.
bool layout_masks(const OpCase& c, const Built& b, std::vector<bool>& in, std::vector<bool>& out) {
  const OpDef& op = *c.op;
  if (op.bind == nullptr || op.has(kView) || op.layout == LayoutRule::kPlain || &op == &kReorder) return false;
  in.assign(c.inputs.size(), false);
  out.assign(b.outputs.size(), false);
  if (op.layout == LayoutRule::kChannelsLast) {
    for (size_t i = 0; i < in.size(); ++i) in[i] = c.inputs[i] && (op.channels_last_inputs >> i & 1u) != 0 && c.inputs[i]->shape().rank() >= 3;
    for (size_t k = 0; k < out.size(); ++k) {
      out[k] = b.outputs[k] != kNone && (op.channels_last_outputs >> k & 1u) != 0 && b.graph.type(b.outputs[k]).rank() >= 3;
    }
    return true;
  }
  int most = 0;
  const int rank = b.graph.type(b.outputs[0]).rank();
  for (const auto& t : c.inputs) most = t ? std::max(most, t->shape().rank()) : most;
  if (most < 3) return false;
  for (size_t i = 0; i < in.size(); ++i) {
    if (!c.inputs[i]) continue;
    const Shape& s = c.inputs[i]->shape();
    in[i] = s.rank() == most;
    if (in[i] || rank < 3) continue;
    const auto aligned = [&](int d) { return d < rank - s.rank() ? int64_t{1} : s[d - (rank - s.rank())]; };
    int64_t positions = 1;
    for (int d = 2; d < rank; ++d) positions *= aligned(d);
    if (s.rank() > rank || (aligned(1) != 1 && positions != 1)) return false;  // the layout pass leaves such a node plain
  }
  for (size_t k = 0; k < out.size(); ++k) out[k] = b.outputs[k] != kNone && b.graph.type(b.outputs[k]).rank() >= 3;
  return true;
}

double weight_of(size_t output, size_t element) { return std::cos(1.7 * static_cast<double>(element) + 0.9 * static_cast<double>(output) + 0.3); }

double loss_of(const OpCase& c, const Inputs& inputs, ThreadPool& pool, Isa isa) {
  OpCase moved = c;
  moved.inputs = inputs;
  const Built b = build(moved, false);
  const std::vector<Tensor> out = outputs_of(b, run_graph(b.graph, b.inputs, pool, isa));
  double loss = 0;
  for (size_t k = 0; k < out.size(); ++k) {
    if (b.outputs[k] == kNone || !is_float(out[k].dtype())) continue;
    const std::vector<double> y = to_double(out[k]);
    for (size_t i = 0; i < y.size(); ++i) loss += weight_of(k, i) * y[i];
  }
  return loss;
}

void check_gradient(const OpCase& c) {
  ThreadPool pool(1);
  const Isa isa = available_isas().back();
  Built b = build(c, false);
  ASSERT_EQ(c.gradient->op, c.op);
  std::vector<ValueId> output_grads(b.outputs.size(), kNone);
  for (size_t k = 0; k < b.outputs.size(); ++k) {
    if (b.outputs[k] == kNone) continue;
    const Type& type = b.graph.type(b.outputs[k]);
    if (!is_float(type.dtype)) continue;
    const Shape shape = type.shape().value();
    std::vector<double> weights(static_cast<size_t>(shape.count()));
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = weight_of(k, i);
    output_grads[k] = b.graph.add_constant("g" + std::to_string(k), from_double(type.dtype, shape, weights));
  }
  const auto wanted = std::make_unique<bool[]>(c.inputs.size());
  std::set<int> required(c.differentiate.begin(), c.differentiate.end());
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    if (c.differentiate.empty() && c.inputs[i] && is_float(c.inputs[i]->dtype())) required.insert(static_cast<int>(i));
    wanted[i] = required.count(static_cast<int>(i)) != 0;
  }
  GradContext context{b.graph, b.node(), output_grads, {wanted.get(), c.inputs.size()}};
  const std::vector<ValueId> grads = c.gradient->rule(context);
  for (const ValueId id : grads) {
    if (id != kNone) b.graph.add_output(id);
  }
  verify(b.graph);
  const std::map<ValueId, Tensor> values = run_graph(b.graph, b.inputs, pool, isa);
  for (const int input : required) {
    const size_t at = static_cast<size_t>(input);
    ASSERT_TRUE(at < grads.size() && grads[at] != kNone) << "no gradient for input " << input;
    const Tensor& gradient = values.at(grads[at]);
    ASSERT_EQ(gradient.shape(), c.inputs[at]->shape()) << "gradient of input " << input;
    const std::vector<double> g = to_double(gradient);
    const size_t n = g.size(), stride = std::max<size_t>(1, n / 48);
    for (size_t i = 0; i < n; i += stride) {
      const auto moved = [&](double by) {
        Inputs inputs = c.inputs;
        std::vector<double> x = to_double(*inputs[at]);
        x[i] += by;
        inputs[at] = from_double(inputs[at]->dtype(), inputs[at]->shape(), x);
        return loss_of(c, inputs, pool, isa);
      };
      const double h = c.step;
      const double slope = (moved(-2 * h) - 8 * moved(-h) + 8 * moved(h) - moved(2 * h)) / (12 * h);
      ASSERT_NEAR(g[i], slope, c.gradient_tolerance * std::max(1.0, std::fabs(slope))) << "gradient of input " << input << " at " << i;
    }
  }
}

}  // namespace

std::map<ValueId, Tensor> run_graph(const Graph& graph, std::map<ValueId, Tensor> known, ThreadPool& pool, Isa isa) {
  for (const ValueId id : graph.constants()) known.emplace(id, graph.value(id).data);
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    Inputs arguments;
    for (const ValueId v : n.inputs) arguments.push_back(v == kNone ? std::nullopt : std::optional(known.at(v)));
    auto results = evaluate(n, arguments, pool, isa);
    if (!results) throw Error(ErrorCode::kInternal, "cannot be run alone", op_text(*n.op));
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      if (n.outputs[i] != kNone) known[n.outputs[i]] = std::move((*results)[i]);
    }
  }
  return known;
}

void check(const OpCase& c) {
  SCOPED_TRACE(op_text(*c.op) + ", case " + c.name);
  const Outputs expected = c.reference ? c.reference(c.inputs) : c.expected;
  const Built b = build(c, false);
  std::vector<Tensor> last;
  for (const Isa isa : available_isas()) {
    ThreadPool one(1);
    const std::string how(isa_name(isa));
    last = outputs_of(b, run_graph(b.graph, b.inputs, one, isa));
    ASSERT_NO_FATAL_FAILURE(compare(c, expected, last, how));
    for (size_t k = 0; k < c.shapes.size(); ++k) ASSERT_EQ(last[k].shape(), c.shapes[k]) << "output " << k;
    for (const int threads : {2, 5}) {
      ThreadPool pool(threads);
      const std::vector<Tensor> again = outputs_of(b, run_graph(b.graph, b.inputs, pool, isa));
      for (size_t k = 0; k < last.size(); ++k) ASSERT_TRUE(last[k].equal(again[k])) << threads << " threads give other bytes, " << how;
    }
    std::map<ValueId, Tensor> shifted;
    for (const auto& [id, t] : b.inputs) shifted.emplace(id, unaligned(t));
    const std::vector<Tensor> odd = outputs_of(b, run_graph(b.graph, shifted, one, isa));
    for (size_t k = 0; k < last.size(); ++k) ASSERT_TRUE(last[k].equal(odd[k])) << "unaligned inputs give other bytes, " << how;
    std::vector<bool> in, out;
    if (layout_masks(c, b, in, out)) {
      ASSERT_NO_FATAL_FAILURE(compare(c, expected, run_with_layout(c, b, in, out, isa), how + ", channels-last"));
    }
  }
  if (printable(c)) {
    ASSERT_NO_FATAL_FAILURE(check_inference(c, last));
  }
  if (c.gradient != nullptr) check_gradient(c);
}

Tensor wave(Shape shape, double scale, double offset, DType dtype) {
  std::vector<double> x(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < x.size(); ++i) {
    const double v = std::sin(2.3999632297 * static_cast<double>(i) + 0.5);  // the golden angle: neighbours differ
    x[i] = offset + scale * (v == 0 ? 0.01 : v);
  }
  return from_double(dtype, shape, x);
}

Tensor ints(std::initializer_list<int64_t> values) { return Tensor::of<int64_t>(Shape{static_cast<int64_t>(values.size())}, values); }

Tensor scalar_f32(float v) { return Tensor::scalar(v); }

void expect_refused(const OpDef& op, const Inputs& inputs, Attributes attributes, std::string_view message) {
  try {
    build({.name = "refused", .op = &op, .inputs = inputs, .attributes = std::move(attributes), .outputs = op.min_outputs()}, false);
    FAIL() << op_text(op) << " was not refused";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
}

}  // namespace omni::ops
