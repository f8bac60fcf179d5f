#include "kernels/move/gather.h"

#include <algorithm>
#include <cstring>

namespace omni::kernels {

namespace {

int64_t read_index(core::DType type, const void* indices, int64_t i) {
  return type == core::DType::kI32 ? static_cast<const int32_t*>(indices)[i] : static_cast<const int64_t*>(indices)[i];
}

// In [0, n), or -1.
int64_t resolve(int64_t index, int64_t n) {
  if (index < 0) index += n;
  return index < 0 || index >= n ? -1 : index;
}

}  // namespace

void run_gather(const GatherArgs& args, const void* in, const void* indices, void* out, core::ThreadPool& pool, core::StatusSlot& status) noexcept {
  const int64_t row = args.inner * static_cast<int64_t>(args.element_size), rows = args.outer * args.count;
  if (row == 0) return;
  const int64_t group = std::max<int64_t>(1, (1 << 17) / row);
  pool.parallel_for((rows + group - 1) / group, [&](int64_t task) {
    for (int64_t r = task * group; r < std::min(rows, (task + 1) * group); ++r) {
      const int64_t raw = read_index(args.index_type, indices, r % args.count), index = resolve(raw, args.axis);
      char* to = static_cast<char*>(out) + r * row;
      if (index < 0) {
        status.fail(r, "index out of range", raw, args.axis);
        std::memset(to, 0, static_cast<size_t>(row));
      } else {
        std::memcpy(to, static_cast<const char*>(in) + (r / args.count * args.axis + index) * row, static_cast<size_t>(row));
      }
    }
  });
}

namespace {

template <class T>
void scatter_add(const GatherArgs& args, const T* in, const void* indices, T* out, core::ThreadPool& pool, core::StatusSlot& status) noexcept {
  // A task owns columns of `inner` of one outer index, so no two write the same element and the order is that of the indices.
  constexpr int64_t kColumns = 64;
  const int64_t pieces = (args.inner + kColumns - 1) / kColumns;
  pool.parallel_for(args.outer * pieces, [&](int64_t task) {
    const int64_t o = task / pieces, first = task % pieces * kColumns, n = std::min(kColumns, args.inner - first);
    T* to = out + o * args.axis * args.inner + first;
    for (int64_t a = 0; a < args.axis; ++a) std::memset(to + a * args.inner, 0, static_cast<size_t>(n) * sizeof(T));
    for (int64_t i = 0; i < args.count; ++i) {
      const int64_t raw = read_index(args.index_type, indices, i), index = resolve(raw, args.axis);
      if (index < 0) {
        status.fail(i, "index out of range", raw, args.axis);
        continue;
      }
      const T* from = in + (o * args.count + i) * args.inner + first;
      for (int64_t c = 0; c < n; ++c) to[index * args.inner + c] += from[c];
    }
  });
}

}  // namespace

void run_scatter_add(const GatherArgs& args, const void* in, const void* indices, void* out, core::ThreadPool& pool, core::StatusSlot& status) noexcept {
  if (args.element_size == sizeof(double)) return scatter_add(args, static_cast<const double*>(in), indices, static_cast<double*>(out), pool, status);
  scatter_add(args, static_cast<const float*>(in), indices, static_cast<float*>(out), pool, status);
}

}  // namespace omni::kernels
