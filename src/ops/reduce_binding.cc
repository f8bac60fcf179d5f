#include "ops/reduce_binding.h"

#include <algorithm>

#include "core/kernel_args.h"
#include "kernels/move/copy.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

struct Params {
  kernels::ReducePlan plan;
  bool permutes = false;  // the results come in another order than the output's: reduce into the scratch, then move
  kernels::CopyPlan permute;
  size_t result_at = 0;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  void* result = p.permutes ? static_cast<void*>(args.scratch + p.result_at) : args.outputs[0].data;
  kernels::run_reduce(p.plan, args.inputs[0].data, result, args.scratch, *args.pool);
  if (p.permutes) kernels::run_copy(p.permute, result, args.outputs[0].data, *args.pool);
}

}  // namespace

Binding bind_reduction(const PlannedNode& n, kernels::ReduceOp op, std::span<const int> out_dims) {
  const PlannedValue &x = n.input(0), &y = n.output(0);
  const int rank = x.shape.rank();
  std::vector<int> reduced, results(static_cast<size_t>(rank), -1), wanted;  // results: by physical position; wanted: by the output's
  for (int a = 0; a < rank; ++a) {
    const int at = physical_axis(a, rank, x.layout);
    if (out_dims[static_cast<size_t>(a)] < 0)
      reduced.push_back(at);
    else if (x.shape[a] != 1)
      results[static_cast<size_t>(at)] = a;
  }
  std::erase(results, -1);
  std::vector<int> by_place(static_cast<size_t>(y.shape.rank()), -1);
  for (int a = 0; a < rank; ++a) {
    if (out_dims[static_cast<size_t>(a)] >= 0 && x.shape[a] != 1) {
      by_place[static_cast<size_t>(physical_axis(out_dims[static_cast<size_t>(a)], y.shape.rank(), y.layout))] = a;
    }
  }
  std::copy_if(by_place.begin(), by_place.end(), std::back_inserter(wanted), [](int a) { return a >= 0; });
  Params params;
  params.plan = kernels::plan_reduce(op, x.physical(), reduced, x.dtype, n.isa);
  if (!params.plan) n.unsupported("no kernel for this element type");
  size_t scratch = (kernels::reduce_scratch_bytes(params.plan) + 63) / 64 * 64;
  if (results != wanted) {
    std::vector<int64_t> dims;
    std::vector<int> permutation;
    for (const int a : results) dims.push_back(x.shape[a]);
    for (const int a : wanted) permutation.push_back(static_cast<int>(std::find(results.begin(), results.end(), a) - results.begin()));
    params.permutes = true;
    params.permute = kernels::plan_transpose(Shape(dims), permutation, dtype_size(x.dtype), n.isa);
    params.result_at = scratch;
    scratch += y.bytes();
  }
  return {run, std::make_shared<Params>(params), scratch};
}

}  // namespace omni::ops
