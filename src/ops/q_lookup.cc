// ai.omni.QLookup: y = table[x as its bit pattern], 256 entries: non-linear operators and changes of scale between bytes.
#include "core/kernel_args.h"
#include "kernels/elementwise_int8/elementwise_int8.h"
#include "ops/q_attributes.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}, {"table"}};
constexpr Formal kOutputs[] = {{"y"}};

void infer(InferContext& c) {
  require_bytes(c, 0);
  require_bytes(c, 1);
  if (c.input(1).ranked && (c.input(1).rank() != 1 || c.input(1).dim(0) != Dim(256))) c.fail("the table does not have 256 entries");
  Type type = c.input(0);
  type.dtype = c.input(1).dtype;
  c.set(0, std::move(type));
}

struct Params {
  Isa isa;
  std::array<uint8_t, 256> table;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const int64_t n = args.inputs[0].count();
  kernels::lookup_int8(p.isa, p.table, args.inputs[0].data, n, 1, n, args.outputs[0].data, n, *args.pool);
}

Binding bind(const PlannedNode& n) {
  const Tensor* table = n.input(1).constant;
  if (table == nullptr) n.unsupported("a table that is not constant");
  auto p = std::make_shared<Params>();
  p->isa = n.isa;
  std::copy_n(static_cast<const uint8_t*>(table->data()), 256, p->table.begin());
  return {run, p, 0};
}

}  // namespace

constinit const OpDef kQLookup = {.name = "QLookup",
                                  .domain = "ai.omni",
                                  .inputs = kInputs,
                                  .outputs = kOutputs,
                                  .traits = kElementwise,
                                  .layout = LayoutRule::kAny,
                                  .infer = infer,
                                  .bind = bind};

}  // namespace omni::ops
