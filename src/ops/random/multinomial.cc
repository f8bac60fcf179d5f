// Multinomial (ai.onnx): draws classes from rows of unnormalized log-probabilities. See stream.h for what its values are.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/half.h"
#include "ops/onnx_dtype.h"
#include "ops/random/stream.h"

namespace omni::ops {

namespace {

constexpr Formal kInput[] = {{"input"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kAttributes[] = {{"dtype", AttributeKind::kInt}, {"sample_size", AttributeKind::kInt}, {"seed", AttributeKind::kFloat}};
constexpr OpVersion kVersions[] = {{22}, {7}};
constexpr int64_t kMostSamples = int64_t{1} << 40;

void infer(InferContext& c) {
  const Type& x = c.input(0);
  const std::optional<DType> t = random_dtype(c.attributes, DType::kI32);
  if (!t || (*t != DType::kI32 && *t != DType::kI64)) c.fail("its element type must be i32 or i64");
  if (!is_float(x.dtype) || (x.ranked && x.rank() != 2)) c.fail("its input must be rows of floats");
  const int64_t samples = c.attributes.get_int("sample_size", 1);
  if (samples < 0 || samples > kMostSamples) c.fail("a sample_size that cannot be");
  c.set(0, Type(*t, {x.ranked ? x.dim(0) : c.dims.fresh(), Dim(samples)}));
}

struct Params {
  explicit Params(const PlannedNode& n) : stream(n) {}
  NodeStream stream;
};

// By the sums of e^(x - largest), in double: the first class whose sum passes the drawn part of the whole.
void draw_row(const float* x, int64_t classes, int64_t row, const RandomStream& stream, const TensorView& y, StatusSlot& status) {
  float largest = -INFINITY;
  for (int64_t c = 0; c < classes; ++c) largest = std::max(largest, x[c]);
  double whole = 0;
  for (int64_t c = 0; c < classes; ++c) whole += std::exp(static_cast<double>(x[c] - largest));
  if (!(whole > 0) || std::isinf(whole)) return status.fail(row, "a row without probabilities (row)", row);
  const int64_t samples = y.shape[1];
  for (int64_t s = 0; s < samples; ++s) {
    const double wanted = whole * static_cast<double>(stream.uniform(static_cast<uint64_t>(row * samples + s)));
    double sum = 0;
    int64_t found = 0;
    for (int64_t c = 0; c < classes && sum <= wanted; ++c) {
      const double e = std::exp(static_cast<double>(x[c] - largest));
      if (e > 0) found = c;
      sum += e;
    }
    store_random(y, row * samples + s, static_cast<double>(found));
  }
}

void run(const KernelArgs& k) noexcept {
  const RandomStream stream = static_cast<const Params*>(k.params)->stream.next();
  const int64_t rows = k.inputs[0].shape[0], classes = k.inputs[0].shape[1];
  k.pool->parallel_for(rows, [&](int64_t r) { draw_row(k.inputs[0].as<float>() + r * classes, classes, r, stream, k.outputs[0], *k.status); });
}

Binding bind(const PlannedNode& n) {
  if (n.input(0).dtype != DType::kF32) n.unsupported("no kernel for this element type");
  return {run, std::make_shared<Params>(n), 0};
}

}  // namespace

constinit const OpDef kMultinomial = {.name = "Multinomial",
                                      .inputs = kInput,
                                      .outputs = kOutputs,
                                      .attributes = kAttributes,
                                      .versions = kVersions,
                                      .traits = kRandom | kStopsGradient,
                                      .infer = infer,
                                      .bind = bind};

}  // namespace omni::ops
