// DFT (ai.onnx): the discrete Fourier transform along an axis of [batch, …, 1 or 2], real and imaginary part last; forward, inverse, one-sided.
#include "core/kernel_args.h"
#include "ops/elementwise.h"
#include "ops/signal/fourier.h"

namespace omni::ops {

namespace {

using Complex = std::complex<double>;

constexpr Formal kInputs[] = {{"input"}, {"dft_length", kOptional}, {"axis", kOptional}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kAttributes[] = {{"inverse", AttributeKind::kInt}, {"onesided", AttributeKind::kInt}};
constexpr int64_t kMaxLength = int64_t{1} << 26;

void upgrade_axis(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  draft.inputs.resize(2, kNone);
  draft.inputs.push_back(graph.add_constant(draft.name + ".axis", Tensor::scalar(draft.attributes.get_int("axis", 1))));
  draft.attributes.erase("axis");
}
void lower_axis(const Graph& graph, NodeDraft& draft) {
  int64_t axis = -2;
  if (draft.inputs.size() > 2 && draft.inputs[2] != kNone) {
    if (!graph.is_constant(draft.inputs[2])) throw Error(ErrorCode::kUnsupported, "the axis is computed, which this opset cannot say", draft.name);
    axis = to_int64(graph.value(draft.inputs[2]).data).at(0);
  }
  const Type& x = graph.type(draft.inputs[0]);
  draft.attributes.set("axis", axis < 0 && x.ranked ? axis + x.rank() : axis);
  draft.inputs.resize(std::min<size_t>(2, draft.inputs.size()));
}
constexpr OpVersion kVersions[] = {{20}, {17, upgrade_axis, lower_axis}};

bool flag(const Attributes& a, const char* name) { return a.get_int(name, 0) != 0; }

// The transform's length: as stated, else the axis (a one-sided inverse had twice as much).
Dim length_of(InferContext& c, Dim axis) {
  if (const Contents* stated = c.contents(1); stated != nullptr && stated->size() == 1) return stated->front();
  if (c.has_input(1)) return c.dims.fresh();
  return flag(c.attributes, "inverse") && flag(c.attributes, "onesided") ? c.dims.mul(c.dims.sub(axis, 1), 2) : axis;
}

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (!is_float(x.dtype)) c.fail("the input is not of a float type");
  if (!x.ranked) return c.set(0, Type::unranked(x.dtype));
  const bool inverse = flag(c.attributes, "inverse"), onesided = flag(c.attributes, "onesided");
  const Dim parts = x.rank() >= 2 ? x.dim(-1) : Dim(0);
  if (x.rank() < 2 || (parts.is_constant() && parts.value != 1 && parts.value != 2)) c.fail("the last dimension is 1 (real) or 2 (complex)");
  if (onesided && !inverse && parts.is_constant() && parts.value != 1) c.fail("a one-sided transform is that of real numbers");
  Type type = x;
  type.dims.back() = inverse && onesided ? 1 : 2;
  int64_t axis = -2;
  if (c.has_input(2)) {
    const Contents* stated = c.contents(2);
    if (stated == nullptr || stated->size() != 1 || !stated->front().is_constant()) {
      for (size_t d = 0; d + 1 < type.dims.size(); ++d) type.dims[d] = c.dims.fresh();
      return c.set(0, std::move(type));
    }
    axis = stated->front().value;
  }
  const int at = c.axis(axis, x.rank());
  if (at == x.rank() - 1) c.fail("the axis is that of the real and imaginary parts");
  const Dim length = length_of(c, x.dim(at));
  if (length.is_constant() && (length.value < 1 || length.value > kMaxLength)) c.fail("a transform of length " + std::to_string(length.value));
  type.dims[static_cast<size_t>(at)] = onesided && !inverse ? c.dims.add(c.dims.floor_div(length, 2), 1) : length;
  c.set(0, std::move(type));
}

struct Params {
  Fourier fourier;
  int64_t outer, inner, in, out, parts_in, parts_out, tasks;
  bool inverse, onesided;
};

template <class T>
void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const int64_t n = p.fourier.length(), lines = p.outer * p.inner, share = p.fourier.task_numbers();
  k.pool->parallel_for(p.tasks, [&](int64_t task) {
    Complex* const from = reinterpret_cast<Complex*>(k.scratch) + task * share;
    Complex *const to = from + n, *const workspace = to + n;
    for (int64_t line = lines * task / p.tasks; line < lines * (task + 1) / p.tasks; ++line) {
      const int64_t o = line / p.inner, i = line % p.inner;
      const T* const x = k.inputs[0].as<T>() + (o * p.in * p.inner + i) * p.parts_in;
      T* const y = k.outputs[0].as<T>() + (o * p.out * p.inner + i) * p.parts_out;
      const int64_t given = std::min(p.in, p.inverse && p.onesided ? n / 2 + 1 : n);
      for (int64_t j = 0; j < n; ++j) from[j] = 0;
      for (int64_t j = 0; j < given; ++j) {
        const T* const at = x + j * p.inner * p.parts_in;
        from[j] = Complex(static_cast<double>(at[0]), p.parts_in == 2 ? static_cast<double>(at[1]) : 0.0);
        if (p.inverse && p.onesided && j > 0 && n - j > j) from[n - j] = std::conj(from[j]);  // the half that is not stored
      }
      p.fourier.run(from, to, workspace);
      const double scale = p.inverse ? 1.0 / static_cast<double>(n) : 1.0;
      for (int64_t j = 0; j < p.out; ++j) {
        T* const at = y + j * p.inner * p.parts_out;
        at[0] = static_cast<T>(to[j].real() * scale);
        if (p.parts_out == 2) at[1] = static_cast<T>(to[j].imag() * scale);
      }
    }
  });
}

Binding bind(const PlannedNode& n) {
  const Shape &x = n.input(0).shape, &y = n.output(0).shape;
  const auto known = [&](int i, int64_t fallback) {
    if (!n.has_input(i)) return fallback;
    if (n.input(i).constant == nullptr || n.input(i).constant->count() != 1)
      n.unsupported("dft_length or axis are not known when the graph is planned");
    return to_int64(*n.input(i).constant)[0];
  };
  const bool inverse = flag(n.attributes, "inverse"), onesided = flag(n.attributes, "onesided");
  const int axis = planned_axis(n, known(2, -2), x.rank());
  const int64_t length = known(1, inverse && onesided ? 2 * (x[axis] - 1) : x[axis]);
  if (length < 1 || length > kMaxLength || axis == x.rank() - 1 || x[-1] < 1 || x[-1] > 2)
    n.unsupported("a transform of length " + std::to_string(length));
  if (y[axis] != (onesided && !inverse ? length / 2 + 1 : length)) n.unsupported("the result has another length");
  auto p = std::make_shared<Params>(
      Params{Fourier(length, inverse), x.count(0, axis), x.count(axis + 1, x.rank() - 1), x[axis], y[axis], x[-1], y[-1], 1, inverse, onesided});
  p->tasks = Fourier::tasks(p->outer * p->inner);
  const size_t scratch = p->fourier.scratch_bytes(p->tasks);
  if (n.input(0).dtype == DType::kF32) return {run<float>, p, scratch};
  if (n.input(0).dtype == DType::kF64) return {run<double>, p, scratch};
  n.unsupported("no kernel for this element type");
}

Cost cost(const PlannedNode& n) { return {.operations = n.output(0).shape.count() * 40}; }

}  // namespace

constinit const OpDef kDFT = {.name = "DFT",
                              .inputs = kInputs,
                              .outputs = kOutputs,
                              .attributes = kAttributes,
                              .versions = kVersions,
                              .infer = infer,
                              .cost = cost,
                              .bind = bind};

}  // namespace omni::ops
