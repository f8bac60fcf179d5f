// STFT (ai.onnx 17): Fourier transforms of overlapping frames: signal [batch, length, 1 or 2] → [batch, frames, bins, 2].
#include "core/kernel_args.h"
#include "ops/elementwise.h"
#include "ops/signal/fourier.h"

namespace omni::ops {

namespace {

using Complex = std::complex<double>;

constexpr Formal kInputs[] = {{"signal"}, {"frame_step"}, {"window", kOptional}, {"frame_length", kOptional}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kAttributes[] = {{"onesided", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{17}};
constexpr int64_t kMaxLength = int64_t{1} << 24;

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (!is_float(x.dtype)) c.fail("the signal is not of a float type");
  if (c.has_input(2) && c.input(2).dtype != x.dtype) c.fail("the window has another element type than the signal");
  if (!x.ranked || (x.rank() != 3 && x.rank() != 2)) c.fail("the signal is [batch, length, 1 or 2]");
  const bool onesided = c.attributes.get_int("onesided", 1) != 0;
  if (x.rank() == 3 && x.dim(2).is_constant() && x.dim(2).value != 1 && (x.dim(2).value != 2 || onesided))
    c.fail("the signal is real (1), or complex (2) and not one-sided");
  if (!c.has_input(2) && !c.has_input(3)) c.fail("neither a window nor a frame length is given");
  const Contents *step = c.contents(1), *stated = c.contents(3);
  Dim length = c.has_input(2) && c.input(2).ranked && c.input(2).rank() == 1 ? c.input(2).dim(0) : c.dims.fresh();
  if (c.has_input(3)) length = stated != nullptr && stated->size() == 1 ? stated->front() : c.dims.fresh();
  if (length.is_constant() && (length.value < 1 || length.value > kMaxLength)) c.fail("a frame of length " + std::to_string(length.value));
  Dim frames = c.dims.fresh();
  if (step != nullptr && step->size() == 1 && step->front().is_constant()) {
    if (step->front().value < 1) c.fail("frame_step is " + std::to_string(step->front().value));
    frames = c.dims.add(c.dims.floor_div(c.dims.sub(x.dim(1), length), step->front()), 1);
    if (frames.is_constant() && frames.value < 0) frames = 0;
  }
  const Dim bins = onesided ? c.dims.add(c.dims.floor_div(length, 2), 1) : length;
  c.set(0, Type(x.dtype, std::vector<Dim>{x.dim(0), frames, bins, 2}));
}

struct Params {
  Fourier fourier;
  int64_t batch, samples, parts, frames, bins, step, tasks;
};

template <class T>
void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const int64_t n = p.fourier.length(), share = p.fourier.task_numbers(), all = p.batch * p.frames;
  const T* const window = k.inputs.size() > 2 ? k.inputs[2].as<T>() : nullptr;
  k.pool->parallel_for(p.tasks, [&](int64_t task) {
    Complex* const from = reinterpret_cast<Complex*>(k.scratch) + task * share;
    Complex *const to = from + n, *const workspace = to + n;
    for (int64_t f = all * task / p.tasks; f < all * (task + 1) / p.tasks; ++f) {
      const T* const x = k.inputs[0].as<T>() + (f / p.frames * p.samples + f % p.frames * p.step) * p.parts;
      for (int64_t j = 0; j < n; ++j) {
        const double w = window == nullptr ? 1.0 : static_cast<double>(window[j]);
        from[j] = Complex(static_cast<double>(x[j * p.parts]) * w, p.parts == 2 ? static_cast<double>(x[j * 2 + 1]) * w : 0.0);
      }
      p.fourier.run(from, to, workspace);
      T* const y = k.outputs[0].as<T>() + f * p.bins * 2;
      for (int64_t j = 0; j < p.bins; ++j) {
        y[2 * j] = static_cast<T>(to[j].real());
        y[2 * j + 1] = static_cast<T>(to[j].imag());
      }
    }
  });
}

Binding bind(const PlannedNode& n) {
  const Shape &x = n.input(0).shape, &y = n.output(0).shape;
  const auto known = [&](int i) {
    if (n.input(i).constant == nullptr || n.input(i).constant->count() != 1)
      n.unsupported("frame_step or frame_length are not known when the graph is planned");
    return to_int64(*n.input(i).constant)[0];
  };
  const int64_t length = n.has_input(3) ? known(3) : n.input(2).shape.count(), step = known(1);
  if (length < 1 || length > kMaxLength || step < 1) n.unsupported("frames of length " + std::to_string(length) + " every " + std::to_string(step));
  if (n.has_input(2) && n.input(2).shape.count() != length) n.unsupported("the window has another length than the frames");
  const bool onesided = n.attributes.get_int("onesided", 1) != 0;
  const int64_t frames = x[1] < length ? 0 : (x[1] - length) / step + 1;
  if (y[1] != frames || y[2] != (onesided ? length / 2 + 1 : length)) n.unsupported("the result has another shape");
  auto p = std::make_shared<Params>(Params{Fourier(length, false), x[0], x[1], x.rank() == 3 ? x[2] : 1, frames, y[2], step, 1});
  p->tasks = Fourier::tasks(p->batch * p->frames);
  const size_t scratch = p->fourier.scratch_bytes(p->tasks);
  if (n.input(0).dtype == DType::kF32) return {run<float>, p, scratch};
  if (n.input(0).dtype == DType::kF64) return {run<double>, p, scratch};
  n.unsupported("no kernel for this element type");
}

Cost cost(const PlannedNode& n) { return {.operations = n.output(0).shape.count() * 40}; }

}  // namespace

constinit const OpDef kSTFT = {.name = "STFT",
                               .inputs = kInputs,
                               .outputs = kOutputs,
                               .attributes = kAttributes,
                               .versions = kVersions,
                               .infer = infer,
                               .cost = cost,
                               .bind = bind};

}  // namespace omni::ops
