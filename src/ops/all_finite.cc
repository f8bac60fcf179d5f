// ai.omni.AllFinite(tensors…) → bool: whether no element is infinite or NaN; the guard of commits under loss scaling.
#include <algorithm>
#include <atomic>

#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"tensors", kVariadic}};
constexpr Formal kOutputs[] = {{"finite"}};
constexpr int64_t kGrain = 1 << 15;

void infer(InferContext& c) {
  for (int i = 0; i < c.input_count(); ++i) {
    if (c.input(i).dtype != DType::kF32) c.fail("input " + std::to_string(i) + " is not f32");
  }
  c.set(0, Type(DType::kBool, Shape{}));
}

// Four chains: |bits| of a number that is not finite is at least that of infinity.
bool finite(const uint32_t* bits, int64_t n) {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  int64_t i = 0;
  constexpr uint32_t kMask = 0x7fffffffu;
  for (; i + 4 <= n; i += 4) {
    a = std::max(a, bits[i] & kMask);
    b = std::max(b, bits[i + 1] & kMask);
    c = std::max(c, bits[i + 2] & kMask);
    d = std::max(d, bits[i + 3] & kMask);
  }
  for (; i < n; ++i) a = std::max(a, bits[i] & kMask);
  return std::max({a, b, c, d}) < 0x7f800000u;
}

void run(const KernelArgs& args) noexcept {
  std::atomic<bool> all{true};
  for (const ConstTensorView& x : args.inputs) {
    const int64_t n = x.count();
    args.pool->parallel_for((n + kGrain - 1) / kGrain, [&](int64_t task) {
      if (all.load(std::memory_order_relaxed) && !finite(x.as<uint32_t>() + task * kGrain, std::min(kGrain, n - task * kGrain))) {
        all.store(false, std::memory_order_relaxed);
      }
    });
  }
  *args.outputs[0].as<bool>() = all.load();
}

Binding bind(const PlannedNode&) { return {run, nullptr, 0}; }

Cost cost(const PlannedNode& n) {
  int64_t count = 0;
  for (const PlannedValue& v : n.inputs) count += v.shape.count();
  return {count};
}

}  // namespace

constinit const OpDef kAllFinite = {.name = "AllFinite",
                                    .domain = "ai.omni",
                                    .inputs = kInputs,
                                    .outputs = kOutputs,
                                    .traits = kReduction,
                                    .layout = LayoutRule::kAny,
                                    .infer = infer,
                                    .cost = cost,
                                    .bind = bind};

}  // namespace omni::ops
