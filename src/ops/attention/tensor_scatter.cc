// TensorScatter (ai.onnx 24): a cache with new rows written along an axis, from an index of its own for each sample.
#include <cstring>

#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"past_cache"}, {"update"}, {"write_indices", kOptional}};
constexpr Formal kOutputs[] = {{"present_cache"}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}, {"mode", AttributeKind::kString}};
constexpr OpVersion kVersions[] = {{24}};

void infer(InferContext& c) {
  const Type &cache = c.input(0), &update = c.input(1);
  const std::string_view mode = c.attributes.get_string("mode", "linear");
  if (mode != "linear" && mode != "circular") c.fail("mode " + quoted(mode) + " does not exist");
  if (update.dtype != cache.dtype) c.fail("the update has another element type than the cache");
  if (cache.ranked && c.axis(c.attributes.get_int("axis", -2), cache.rank()) == 0) c.fail("the axis is the batch");
  if (cache.ranked && update.ranked && cache.rank() != update.rank()) c.fail("the cache and the update differ in rank");
  if (c.has_input(2) && c.input(2).dtype != DType::kI64) c.fail("write_indices is not i64");
  c.set(0, cache);
}

struct Params {
  int64_t batch, outer, rows, new_rows;  // of one sample: [outer, rows, inner]
  size_t inner;                          // bytes
  bool circular;
};

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const char* const update = static_cast<const char*>(k.inputs[1].data);
  char* const y = static_cast<char*>(k.outputs[0].data);
  if (k.outputs[0].bytes() != 0 && y != k.inputs[0].data) std::memcpy(y, k.inputs[0].data, k.outputs[0].bytes());
  const int64_t* const indices = k.inputs.size() > 2 ? k.inputs[2].as<int64_t>() : nullptr;
  for (int64_t b = 0; b < p.batch; ++b) {
    const int64_t first = indices == nullptr ? 0 : indices[b];
    if (first < 0 || (!p.circular && first > p.rows - p.new_rows)) return k.status->fail(b, "a write index outside of the cache", first, p.rows);
    if (p.inner == 0) continue;
    for (int64_t o = 0; o < p.outer; ++o) {
      for (int64_t r = 0; r < p.new_rows; ++r) {
        const int64_t at = p.circular ? (first % p.rows + r) % p.rows : first + r, sample = b * p.outer + o;
        std::memcpy(y + static_cast<size_t>(sample * p.rows + at) * p.inner, update + static_cast<size_t>(sample * p.new_rows + r) * p.inner,
                    p.inner);
      }
    }
  }
}

Binding bind(const PlannedNode& n) {
  const Shape &cache = n.input(0).shape, &update = n.input(1).shape;
  if (dtype_bits(n.input(0).dtype) < 8) n.unsupported("no kernel for this element type");
  const int64_t stated = n.attributes.get_int("axis", -2);
  const int axis = static_cast<int>(stated < 0 ? stated + cache.rank() : stated);
  for (int d = 0; d < cache.rank(); ++d) {
    if (d == axis ? update[d] > cache[d] : update[d] != cache[d]) n.unsupported("the update does not fit the cache");
  }
  if (n.has_input(2) && n.input(2).shape.count() != cache[0]) n.unsupported("there is not one write index a sample");
  const size_t inner = static_cast<size_t>(cache.count(axis + 1)) * dtype_size(n.input(0).dtype);
  return {run,
          std::make_shared<Params>(
              Params{cache[0], cache.count(1, axis), cache[axis], update[axis], inner, n.attributes.get_string("mode", "linear") == "circular"}),
          0};
}

Cost cost(const PlannedNode&) { return {0}; }

}  // namespace

constinit const OpDef kTensorScatter = {.name = "TensorScatter",
                                        .inputs = kInputs,
                                        .outputs = kOutputs,
                                        .attributes = kAttributes,
                                        .versions = kVersions,
                                        .infer = infer,
                                        .cost = cost,
                                        .bind = bind};

}  // namespace omni::ops
