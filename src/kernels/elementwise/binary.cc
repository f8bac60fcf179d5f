#include "kernels/elementwise/binary.h"

#include <cstring>

#include "kernels/cast/half.h"
#include "kernels/x86.h"

namespace omni::kernels {

using core::DType;

namespace {

constexpr int64_t kBlock = 512;      // half elements widened at a time
constexpr int64_t kGrain = 1 << 15;  // results of a task: some 10 µs of streaming, about what waking a thread costs
constexpr int64_t kShortRun = 64;    // below this a run costs more than its elements

bool is_half(DType t) { return t == DType::kF16 || t == DType::kBF16; }
bool is_compare(BinaryOp op) { return op >= BinaryOp::kEqual && op <= BinaryOp::kGreaterOrEqual; }

bool run_half(const BinaryKernel& kernel, const char* a, int64_t step_a, const char* b, int64_t step_b, char* y, int64_t n) noexcept {
  const WidenFn widen = select_widen(kernel.input, kernel.isa);
  const bool half_out = is_half(kernel.output), half_second = is_half(kernel.second);
  const NarrowFn narrow = half_out ? select_narrow(kernel.output, kernel.isa) : nullptr;
  const int64_t second_size = static_cast<int64_t>(core::dtype_size(kernel.second));
  float wide_a[kBlock], wide_b[kBlock], out[kBlock];
  bool ok = true;
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t part = std::min(kBlock, n - i);
    widen(reinterpret_cast<const uint16_t*>(a) + i * step_a, wide_a, step_a != 0 ? part : 1);
    if (half_second) widen(reinterpret_cast<const uint16_t*>(b) + i * step_b, wide_b, step_b != 0 ? part : 1);
    const void* second = half_second ? static_cast<const void*>(wide_b) : b + i * step_b * second_size;
    void* to = half_out ? static_cast<void*>(out) : y + i;
    ok = kernel.fn(wide_a, step_a, second, step_b, to, part) && ok;
    if (half_out) narrow(out, reinterpret_cast<uint16_t*>(y) + i, part);
  }
  return ok;
}

// A short last dimension (a bias over few channels): the repeated operand is written out several times, so that a run covers many rows.
// Needs a plan of rank 2 where one operand repeats along the rows and f32.
struct Unrolled {
  static constexpr int64_t kSize = 512;
  int64_t rows = 0;  // rows of a run; 0: does not apply
  int repeated = 0;  // which operand
};
Unrolled unroll(const BinaryKernel& kernel, const BroadcastPlan& plan) {
  Unrolled u;
  if (plan.rank != 2 || kernel.input != DType::kF32 || kernel.second != DType::kF32 || plan.dims[1] > kShortRun || plan.dims[0] < 8) return u;
  for (int k = 0; k < 2; ++k) {
    const int64_t* mine = plan.strides[k];
    const int64_t* other = plan.strides[1 - k];
    if (mine[0] == 0 && mine[1] == 1 && other[0] == plan.dims[1] && other[1] == 1) u = {Unrolled::kSize / plan.dims[1], k};
  }
  return u;
}

void run_unrolled(const BinaryKernel& kernel, const BroadcastPlan& plan, const Unrolled& u, const float* a, const float* b, char* y, int64_t out_size,
                  core::ThreadPool& pool, core::StatusSlot& status) noexcept {
  const int64_t columns = plan.dims[1], rows = plan.dims[0];
  float repeated[Unrolled::kSize];
  for (int64_t r = 0; r < u.rows; ++r) std::memcpy(repeated + r * columns, u.repeated == 0 ? a : b, static_cast<size_t>(columns) * sizeof(float));
  const int64_t grain = std::max<int64_t>(1, kGrain / (columns * u.rows)) * u.rows;
  pool.parallel_for((rows + grain - 1) / grain, [&](int64_t task) {
    const int64_t end = std::min(rows, (task + 1) * grain);
    for (int64_t row = task * grain; row < end; row += u.rows) {
      const int64_t at = row * columns, n = std::min(u.rows, end - row) * columns;
      if (!kernel.fn(u.repeated == 0 ? repeated : a + at, 1, u.repeated == 1 ? repeated : b + at, 1, y + at * out_size, n)) {
        status.fail(at, "division by zero");
      }
    }
  });
}

}  // namespace

BinaryKernel select_binary(BinaryOp op, DType dtype, core::Isa isa) {
  BinaryKernel kernel;
  kernel.input = kernel.output = kernel.second = dtype;
  kernel.isa = isa;
  if (is_compare(op)) kernel.output = DType::kBool;
  if (op == BinaryOp::kPowDouble) kernel.second = DType::kF64;
  const DType compute = is_half(dtype) ? DType::kF32 : dtype;
#if defined(__x86_64__)
  if (compute == DType::kF32 && runs_avx512(isa))
    kernel.fn = avx512::binary_f32(op);
  else if (compute == DType::kF32 && runs_avx2(isa))
    kernel.fn = avx2::binary_f32(op);
#endif
  if (kernel.fn == nullptr) kernel.fn = scalar::binary(op, compute);
  return kernel;
}

void run_binary(const BinaryKernel& kernel, const BroadcastPlan& plan, const void* a, const void* b, void* y, core::ThreadPool& pool,
                core::StatusSlot& status) noexcept {
  const int64_t a_size = static_cast<int64_t>(core::dtype_size(kernel.input)), b_size = static_cast<int64_t>(core::dtype_size(kernel.second));
  const int64_t y_size = static_cast<int64_t>(core::dtype_size(kernel.output));
  if (const Unrolled u = unroll(kernel, plan); u.rows > 1) {
    run_unrolled(kernel, plan, u, static_cast<const float*>(a), static_cast<const float*>(b), static_cast<char*>(y), y_size, pool, status);
    return;
  }
  const int last = plan.rank - 1;
  const int64_t step_a = plan.strides[0][last], step_b = plan.strides[1][last];
  pool.parallel_for((plan.count + kGrain - 1) / kGrain, [&](int64_t task) {
    for_each_run(plan, task * kGrain, std::min(plan.count, (task + 1) * kGrain), [&](const int64_t* offsets, int64_t at, int64_t n) {
      const char* from_a = static_cast<const char*>(a) + offsets[0] * a_size;
      const char* from_b = static_cast<const char*>(b) + offsets[1] * b_size;
      char* to = static_cast<char*>(y) + at * y_size;
      const bool ok =
          is_half(kernel.input) ? run_half(kernel, from_a, step_a, from_b, step_b, to, n) : kernel.fn(from_a, step_a, from_b, step_b, to, n);
      if (!ok) status.fail(at, "division by zero");
    });
  });
}

namespace {

template <class T>
void where_runs(const BroadcastPlan& plan, const uint8_t* condition, const T* a, const T* b, T* y, core::ThreadPool& pool) noexcept {
  const int last = plan.rank - 1;
  const int64_t sc = plan.strides[0][last], sa = plan.strides[1][last], sb = plan.strides[2][last];
  pool.parallel_for((plan.count + kGrain - 1) / kGrain, [&](int64_t task) {
    for_each_run(plan, task * kGrain, std::min(plan.count, (task + 1) * kGrain), [&](const int64_t* offsets, int64_t at, int64_t n) {
      const uint8_t* c = condition + offsets[0];
      const T *p = a + offsets[1], *q = b + offsets[2];
      for (int64_t i = 0; i < n; ++i) {  // by a mask: a branch that is right half of the time took 13 times as long
        const T mask = static_cast<T>(c[i * sc] != 0 ? ~T{0} : T{0});
        y[at + i] = static_cast<T>((p[i * sa] & mask) | (q[i * sb] & static_cast<T>(~mask)));
      }
    });
  });
}

}  // namespace

void run_where(const BroadcastPlan& plan, size_t element_size, const void* condition, const void* a, const void* b, void* y,
               core::ThreadPool& pool) noexcept {
  const auto* c = static_cast<const uint8_t*>(condition);
  switch (element_size) {
    case 1: return where_runs(plan, c, static_cast<const uint8_t*>(a), static_cast<const uint8_t*>(b), static_cast<uint8_t*>(y), pool);
    case 2: return where_runs(plan, c, static_cast<const uint16_t*>(a), static_cast<const uint16_t*>(b), static_cast<uint16_t*>(y), pool);
    case 4: return where_runs(plan, c, static_cast<const uint32_t*>(a), static_cast<const uint32_t*>(b), static_cast<uint32_t*>(y), pool);
    default: return where_runs(plan, c, static_cast<const uint64_t*>(a), static_cast<const uint64_t*>(b), static_cast<uint64_t*>(y), pool);
  }
}

}  // namespace omni::kernels
