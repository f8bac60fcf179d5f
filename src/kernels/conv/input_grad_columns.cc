#include "kernels/conv/input_grad_columns.h"

#include <algorithm>
#include <cstring>

#include "kernels/conv/halo.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/pack.h"

namespace omni::kernels {

namespace {

constexpr int64_t kColumnFloats = 1 << 16;  // of one block: 256 KB, in the second-level cache
constexpr int64_t kMaxTasks = 16;           // each holds a block of columns
constexpr int64_t kAddCost = 4;             // adding one value into dx, in multiply-adds of a tile: two loads and a store against one load at most

struct Plan {
  int64_t columns;  // taps * in_c
  int64_t block;    // output pixels of a block
  int64_t tasks;
  int64_t packed_floats, weight_floats, block_floats;
};

Plan make_plan(core::Isa isa, const ConvShape& s) {
  Plan p{};
  p.columns = s.taps() * s.in_c;
  p.block = std::max<int64_t>(8, std::min(s.out_h() * s.out_w(), kColumnFloats / std::max<int64_t>(1, p.columns)));
  p.tasks = std::min(s.images, kMaxTasks);
  p.packed_floats = up16(static_cast<int64_t>(gemm_packed_b_bytes(isa, s.out_c, p.columns) / sizeof(float)));
  p.weight_floats = up16(s.out_c * p.columns);
  p.block_floats = up16(p.block * p.columns);
  return p;
}

typedef float Four __attribute__((vector_size(16)));

void add(float* to, const float* from, int64_t n) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    Four a, b;
    std::memcpy(&a, to + i, sizeof a);
    std::memcpy(&b, from + i, sizeof b);
    a += b;
    std::memcpy(to + i, &a, sizeof a);
  }
  for (; i < n; ++i) to[i] += from[i];
}

// Adds the columns of one output pixel into its window of the picture dx.
void add_window(const ConvShape& s, int64_t oy, int64_t ox, const float* columns, float* dx) {
  const int64_t ix0 = ox * s.stride_w - s.pad_left;
  for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
    const int64_t iy = oy * s.stride_h + ky * s.dilation_h - s.pad_top;
    if (iy < 0 || iy >= s.in_h) continue;
    float* const line = dx + iy * s.in_w * s.in_c;
    const float* const from = columns + ky * s.kernel_w * s.in_c;
    if (s.dilation_w == 1) {
      const int64_t k0 = std::max<int64_t>(0, -ix0), k1 = std::min(s.kernel_w, s.in_w - ix0);
      if (k0 < k1) add(line + (ix0 + k0) * s.in_c, from + k0 * s.in_c, (k1 - k0) * s.in_c);
      continue;
    }
    for (int64_t kx = 0; kx < s.kernel_w; ++kx) {
      const int64_t ix = ix0 + kx * s.dilation_w;
      if (ix >= 0 && ix < s.in_w) add(line + ix * s.in_c, from + kx * s.in_c, s.in_c);
    }
  }
}

void run_image(core::Isa isa, const ConvShape& s, const Plan& p, const float* packed, const float* dy, float* columns, float* dx,
               core::ThreadPool& pool) {
  std::memset(dx, 0, static_cast<size_t>(s.in_h * s.in_w * s.in_c) * sizeof(float));
  const int64_t pixels = s.out_h() * s.out_w();
  for (int64_t first = 0; first < pixels; first += p.block) {
    const int64_t count = std::min(p.block, pixels - first);
    GemmArgs g;
    g.shape = {count, p.columns, s.out_c, false, false, true, 1};
    g.a = dy + first * s.out_c;
    g.a_row = s.out_c;
    g.b = packed;
    g.c = columns;
    g.c_row = p.columns;
    gemm(isa, g, pool);
    for (int64_t i = 0; i < count; ++i) add_window(s, (first + i) / s.out_w(), (first + i) % s.out_w(), columns + i * p.columns, dx);
  }
}

}  // namespace

bool input_grad_by_columns(core::Isa isa, const ConvShape& s) {
  if (s.groups != 1) return false;
  const auto padded = [&](int64_t columns) {
    const int64_t lanes = tile_set(isa, columns).lanes;
    return (columns + lanes - 1) / lanes * lanes;
  };
  const int64_t columns = s.taps() * s.in_c, outputs = s.out_h() * s.out_w();
  const int64_t direct = s.in_h * s.in_w * s.taps() / (s.stride_h * s.stride_w) * s.out_c * padded(s.in_c);
  return outputs * (s.out_c * padded(columns) + kAddCost * columns) < direct;
}

int64_t input_grad_columns_scratch_floats(core::Isa isa, const ConvShape& s) {
  const Plan p = make_plan(isa, s);
  return p.packed_floats + p.weight_floats + p.tasks * p.block_floats;
}

void run_input_grad_columns(core::Isa isa, const ConvGradArgs& a, core::ThreadPool& pool) noexcept {
  const ConvShape& s = a.shape;
  const Plan p = make_plan(isa, s);
  float* const packed = reinterpret_cast<float*>(a.scratch);
  float* const weights = packed + p.packed_floats;  // [out][tap][in]
  float* const blocks = weights + p.weight_floats;
  pool.parallel_for(s.out_c, [&](int64_t o) { transpose(a.weights + o * p.columns, s.taps(), s.in_c, s.taps(), weights + o * p.columns, s.in_c); });
  gemm_pack_b(isa, s.out_c, p.columns, false, weights, p.columns, packed);
  const int64_t in = s.in_h * s.in_w * s.in_c, out = s.out_h() * s.out_w() * s.out_c;
  pool.parallel_for(p.tasks, [&](int64_t task) {
    for (int64_t image = s.images * task / p.tasks; image < s.images * (task + 1) / p.tasks; ++image) {
      run_image(isa, s, p, packed, a.dy + image * out, blocks + task * p.block_floats, a.dx + image * in, pool);
    }
  });
}

}  // namespace omni::kernels
