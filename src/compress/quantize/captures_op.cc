// The operator behind histogram captures. Values are counted in pieces cut by the size alone, and counts are integers: any thread count gives the same.
#include <cstring>
#include <limits>

#include "compress/quantize/captures.h"
#include "core/kernel_args.h"

namespace omni::compress {

namespace {

constexpr Formal kInputs[] = {{"x"}, {"counters"}, {"range"}};
constexpr Formal kOutputs[] = {{"counters"}, {"range"}};
constexpr int64_t kPieces = 8;

struct Piece {
  uint32_t counters[Histogram::kCounters];
  float min, max;
};

void infer(InferContext& c) {
  if (c.input(0).dtype != DType::kF32) c.fail("it counts f32 values");
  c.set(0, Type(DType::kI64, Shape{Histogram::kCounters}));
  c.set(1, Type(DType::kF32, Shape{2}));
}

void run(const KernelArgs& args) noexcept {
  const ConstTensorView& x = args.inputs[0];
  Piece* pieces = reinterpret_cast<Piece*>(args.scratch);
  const int64_t n = x.count(), length = (n + kPieces - 1) / kPieces;
  args.pool->parallel_for(kPieces, [&](int64_t task) {
    Piece& p = pieces[task];
    std::memset(p.counters, 0, sizeof(p.counters));
    p.min = Histogram::kNoMin;
    p.max = Histogram::kNoMax;
    const int64_t from = std::min(n, task * length), to = std::min(n, from + length);
    Histogram::accumulate(std::span<const float>(x.as<float>() + from, static_cast<size_t>(to - from)), p.counters, p.min, p.max);
  });
  int64_t* counters = args.outputs[0].as<int64_t>();
  float* range = args.outputs[1].as<float>();
  for (int i = 0; i < Histogram::kCounters; ++i) counters[i] = args.inputs[1].as<int64_t>()[i];
  range[0] = args.inputs[2].as<float>()[0];
  range[1] = args.inputs[2].as<float>()[1];
  for (int64_t t = 0; t < kPieces; ++t) {
    for (int i = 0; i < Histogram::kCounters; ++i) counters[i] += pieces[t].counters[i];
    range[0] = std::min(range[0], pieces[t].min);
    range[1] = std::max(range[1], pieces[t].max);
  }
}

Binding bind(const PlannedNode& n) {
  if (n.input(0).shape.count() / kPieces >= std::numeric_limits<uint32_t>::max()) n.unsupported("a tensor of more than 2^35 values");
  return {run, nullptr, kPieces * sizeof(Piece)};
}

Cost cost(const PlannedNode& n) { return {4 * n.input(0).shape.count()}; }

}  // namespace

constinit const OpDef kHistogramOp = {.name = "Histogram",
                                    .domain = "ai.omni",
                                    .inputs = kInputs,
                                    .outputs = kOutputs,
                                    .traits = kReduction,
                                    .layout = LayoutRule::kAny,
                                    .infer = infer,
                                    .cost = cost,
                                    .bind = bind};

}  // namespace omni::compress
