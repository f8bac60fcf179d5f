#include <algorithm>
#include <cstring>

#include "kernels/recurrent/cell.h"

namespace omni::kernels {

namespace {

constexpr int64_t kSmallStep = 1 << 20;  // multiply-adds: below it a step is one task, and the directions run beside each other

// Floats of scratch that one direction takes, one part after the other.
struct Parts {
  int64_t products = 0, gates = 0, h = 0, c = 0, c_act = 0, inner = 0, bias = 0, packed = 0, gemm = 0, end = 0;
};

Parts parts_of(const RecurrentShape& s, bool packed) {
  Parts p;
  int64_t at = 0;
  const auto take = [&](int64_t& part, int64_t floats) {
    part = at;
    at += round16(floats);
  };
  take(p.products, s.steps * s.batch * s.width());
  take(p.gates, s.batch * s.width());
  take(p.h, s.batch * s.hidden);
  take(p.c, s.batch * s.hidden);
  take(p.c_act, s.batch * s.hidden);
  take(p.inner, s.batch * s.hidden);
  take(p.bias, s.width());
  take(p.packed, packed ? 0 : packed_parts(s).end);
  take(p.gemm, static_cast<int64_t>(direction_gemm_bytes(s) / sizeof(float)));
  p.end = at;
  return p;
}

// Whether the weights are packed when it runs.
bool packs(const RecurrentArgs& args) { return args.packed[0] == nullptr && args.products[0] == nullptr; }

void load_state(const RecurrentShape& s, const float* from, int d, float* to) {
  for (int64_t b = 0; b < s.batch; ++b) {
    const size_t bytes = static_cast<size_t>(s.hidden) * sizeof(float);
    if (from != nullptr) {
      std::memcpy(to + b * s.hidden, from + s.state_at(d, b), bytes);
    } else {
      std::memset(to + b * s.hidden, 0, bytes);
    }
  }
}

void store_state(const RecurrentShape& s, const float* from, int d, float* to) {
  for (int64_t b = 0; to != nullptr && b < s.batch; ++b) {
    std::memcpy(to + s.state_at(d, b), from + b * s.hidden, static_cast<size_t>(s.hidden) * sizeof(float));
  }
}

void store_outputs(const Direction& d, int64_t step, const float* h, float* y) {
  const RecurrentShape& s = *d.shape;
  const size_t bytes = static_cast<size_t>(s.hidden) * sizeof(float);
  for (int64_t b = 0; y != nullptr && b < s.batch; ++b) {
    if (step < d.length(b)) {
      std::memcpy(y + s.y_at(d.index, d.time(step, b), b), h + b * s.hidden, bytes);
    } else {
      std::memset(y + s.y_at(d.index, step, b), 0, bytes);  // steps after the end, in either direction
    }
  }
}

void run_direction(const RecurrentShape& s, const RecurrentArgs& args, int index, float* scratch, core::ThreadPool& pool) noexcept {
  const Parts p = parts_of(s, !packs(args));
  Direction d = make_direction(s, args, index, scratch + p.packed, scratch + p.bias);
  d.gemm_scratch = reinterpret_cast<std::byte*>(scratch + p.gemm);
  float *const h = scratch + p.h, *const c = scratch + p.c;
  load_state(s, args.h0, index, h);
  load_state(s, args.c0, index, c);
  input_products(d, args, scratch + p.products, pool);
  StepRows rows;
  rows.input_products = scratch + p.products;
  rows.h = rows.h_next = h;
  if (s.kind == CellKind::kLstm) rows.c = rows.c_next = c;
  rows.pre = rows.act = scratch + p.gates;
  rows.c_act = scratch + p.c_act;
  rows.inner = scratch + p.inner;
  for (int64_t step = 0; step < s.steps; ++step) {
    run_step(d, step, rows, pool);
    store_outputs(d, step, h, args.y);
  }
  store_state(s, h, index, args.y_h);
  store_state(s, c, index, args.y_c);
}

}  // namespace

size_t recurrent_scratch_bytes(const RecurrentShape& s, bool packed) {
  return static_cast<size_t>(parts_of(s, packed).end) * static_cast<size_t>(s.directions) * sizeof(float);
}

void recurrent(const RecurrentShape& s, const RecurrentArgs& args, core::ThreadPool& pool, core::StatusSlot& status) noexcept {
  if (!check_lengths(s, args.lengths, status)) return;
  const int64_t each = parts_of(s, !packs(args)).end;
  float* const scratch = reinterpret_cast<float*>(args.scratch);
  const auto run = [&](int64_t d) { run_direction(s, args, static_cast<int>(d), scratch + d * each, pool); };
  if (s.directions == 2 && s.batch * s.width() * s.hidden < kSmallStep) return pool.parallel_for(2, run);
  for (int d = 0; d < s.directions; ++d) run(d);
}

}  // namespace omni::kernels
