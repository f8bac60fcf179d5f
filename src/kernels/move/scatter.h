// Elements picked and put by computed positions: GatherElements, GatherND, ScatterElements, ScatterND. Indices are i64; negative ones count from
// the end; one out of range is reported ("index out of range") and skipped.
#pragma once

#include "core/kernel_args.h"

namespace omni::kernels {

enum class ScatterOp : uint8_t { kSet, kAdd, kMul, kMax, kMin };

// out[i…] = data[i… with entry `axis` replaced by indices[i…]]; out has the shape of indices.
struct ElementsArgs {
  core::Shape data, indices;
  int axis = 0;
  core::DType dtype = core::DType::kF32;
  ScatterOp op = ScatterOp::kSet;
};
void run_gather_elements(const ElementsArgs& args, const void* data, const int64_t* indices, void* out, core::ThreadPool& pool,
                         core::StatusSlot& status) noexcept;
// out[…] holds data already; out[i… with entry `axis` replaced by indices[i…]] op= updates[i…], in the order of i.
bool scatter_supports(core::DType dtype, ScatterOp op);
void run_scatter_elements(const ElementsArgs& args, const int64_t* indices, const void* updates, void* out, core::StatusSlot& status) noexcept;

// Rows of `inner` elements: row r is at Σ indices[r, k] · strides[k], bounded by dims[k], from `base[r / per_base]` on.
struct RowsArgs {
  int64_t rows = 0, inner = 1, depth = 0;  // depth: entries of one index
  int64_t dims[core::Shape::kMaxRank] = {}, strides[core::Shape::kMaxRank] = {};
  int64_t rows_of_batch = 1, batch_stride = 0;  // rows r / rows_of_batch belong to one batch, batch_stride elements apart
  core::DType dtype = core::DType::kF32;
  ScatterOp op = ScatterOp::kSet;
};
void run_gather_rows(const RowsArgs& args, const void* data, const int64_t* indices, void* out, core::ThreadPool& pool,
                     core::StatusSlot& status) noexcept;
void run_scatter_rows(const RowsArgs& args, const int64_t* indices, const void* updates, void* out, core::StatusSlot& status) noexcept;

}  // namespace omni::kernels
