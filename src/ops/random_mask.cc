// RandomMask (ai.omni): dropout as training sees it. Element e of the result is x / (1 - ratio) with probability 1 - ratio, else 0; its coin
// is Philox(seed; stream's name, step, e), so it depends on no order and no thread. It is linear in x with the same coins: its own gradient.
#include <algorithm>
#include <cmath>

#include "core/rng.h"
#include "graph/grad_def.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}, {"seed"}, {"step"}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {{"ratio", AttributeKind::kFloat, true}, {"stream", AttributeKind::kString, true}};
constexpr int64_t kGrain = 1 << 14;  // elements of a task, a multiple of a block's four

void infer(InferContext& c) {
  if (c.input(0).dtype != DType::kF32) c.fail("the input is not f32");
  for (const int i : {1, 2}) {
    if (c.input(i).dtype != DType::kI64 || c.input(i).rank() != 0) c.fail("seed and step are i64 scalars");
  }
  const float ratio = c.attributes.get_float("ratio", 0);
  if (!(ratio >= 0 && ratio <= 1)) c.fail("ratio is outside [0, 1]");
  c.set(0, c.input(0));
}

Cost cost(const PlannedNode& n) { return {n.output(0).shape.count() * 16}; }

struct Params {
  uint64_t stream;
  float ratio;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const RandomStream stream(static_cast<uint64_t>(*args.inputs[1].as<int64_t>()), p.stream, static_cast<uint64_t>(*args.inputs[2].as<int64_t>()));
  const float* x = args.inputs[0].as<float>();
  float* y = args.outputs[0].as<float>();
  const float scale = p.ratio < 1 ? 1 / (1 - p.ratio) : 0;
  const int64_t n = args.inputs[0].count();
  args.pool->parallel_for((n + kGrain - 1) / kGrain, [&](int64_t task) {
    const int64_t end = std::min(n, (task + 1) * kGrain);
    for (int64_t i = task * kGrain; i < end; i += 4) {
      const PhiloxBlock words = stream.block(static_cast<uint64_t>(i / 4));
      for (int64_t k = 0; k < std::min<int64_t>(4, end - i); ++k) {
        y[i + k] = RandomStream::to_uniform(words.words[k]) >= p.ratio ? x[i + k] * scale : 0.0f;
      }
    }
  });
}

Binding bind(const PlannedNode& n) {
  return {run, std::make_shared<Params>(Params{name_hash(n.attributes.get_string("stream", "")), n.attributes.get_float("ratio", 0)}), 0};
}

std::vector<ValueId> gradient(GradContext& c) {
  return {c.graph.add1(kRandomMask, {c.grad(), c.input(1), c.input(2)}, c.node.attributes), kNone, kNone};
}

}  // namespace

constinit const OpDef kRandomMask = {.name = "RandomMask",
                                     .domain = "ai.omni",
                                     .inputs = kInputs,
                                     .outputs = kOutputs,
                                     .attributes = kAttributes,
                                     .traits = kInPlace,  // not kRandom: a pure function of its inputs
                                     .infer = infer,
                                     .cost = cost,
                                     .bind = bind};

extern const GradDef kRandomMaskGradient;
constinit const GradDef kRandomMaskGradient = {.op = &kRandomMask, .rule = gradient};

}  // namespace omni::ops
