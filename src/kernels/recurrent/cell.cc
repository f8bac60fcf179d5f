#include "kernels/recurrent/cell.h"

#include <algorithm>
#include <cstring>

#include "kernels/gemm/gemm.h"

namespace omni::kernels {

namespace {

constexpr int64_t kRowWork = 1 << 13;  // gate elements of a task

int64_t packed_floats(core::Isa isa, int64_t k, int64_t n) { return round16(static_cast<int64_t>(gemm_packed_b_bytes(isa, k, n) / sizeof(float))); }

GemmShape states_product(const RecurrentShape& s, int64_t n) { return {s.batch, n, s.hidden, false, true, true, 1}; }
GemmShape inputs_product(const RecurrentShape& s) { return {s.steps * s.batch, s.width(), s.inputs, false, true, true, 1}; }

void multiply(const Direction& d, const float* a, int64_t n, const float* packed, float* c, int64_t c_row, core::ThreadPool& pool) noexcept {
  GemmArgs g;
  g.shape = states_product(*d.shape, n);
  g.a = a;
  g.a_row = d.shape->hidden;
  g.b = packed;
  g.c = c;
  g.c_row = c_row;
  g.scratch = d.gemm_scratch;
  gemm(d.shape->isa, g, pool);
}

void add(float* to, const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] += x[i];
}

// Pointers of one batch entry.
struct Row {
  const float *x, *h, *c;
  float *h_next, *c_next, *pre, *act, *c_act, *inner;
};

Row row_of(const RecurrentShape& s, const StepRows& rows, const Direction& d, int64_t step, int64_t b) {
  const auto at = [&](float* p, int64_t width) { return p != nullptr ? p + b * width : nullptr; };
  Row r{};
  r.x = rows.input_products + s.row(d.time(step, b), b) * s.width();
  r.h = rows.h + b * s.hidden;
  r.c = rows.c != nullptr ? rows.c + b * s.hidden : nullptr;
  r.h_next = at(rows.h_next, s.hidden);
  r.c_next = at(rows.c_next, s.hidden);
  r.pre = at(rows.pre, s.width());
  r.act = at(rows.act, s.width());
  r.c_act = at(rows.c_act, s.hidden);
  r.inner = at(rows.inner, s.hidden);
  return r;
}

void rnn_row(const Direction& d, const Row& r) {
  const int64_t n = d.shape->hidden;
  add(r.pre, r.x, n);
  d.f.apply(r.pre, r.act, n);
  std::memcpy(r.h_next, r.act, static_cast<size_t>(n) * sizeof(float));
}

void lstm_row(const Direction& d, const Row& r) {
  const int64_t n = d.shape->hidden;
  const float* const p = d.peepholes;
  add(r.pre, r.x, 4 * n);
  float *const i = r.pre, *const o = r.pre + n, *const f = r.pre + 2 * n, *const c = r.pre + 3 * n;
  float *const ai = r.act, *const ao = r.act + n, *const af = r.act + 2 * n, *const ac = r.act + 3 * n;
  for (int64_t k = 0; p != nullptr && k < n; ++k) {
    i[k] += p[k] * r.c[k];
    f[k] += p[2 * n + k] * r.c[k];
  }
  d.f.apply(i, ai, n);
  if (d.shape->input_forget) {
    for (int64_t k = 0; k < n; ++k) af[k] = 1 - ai[k];
  } else {
    d.f.apply(f, af, n);
  }
  d.g.apply(c, ac, n);
  for (int64_t k = 0; k < n; ++k) r.c_next[k] = af[k] * r.c[k] + ai[k] * ac[k];
  for (int64_t k = 0; p != nullptr && k < n; ++k) o[k] += p[n + k] * r.c_next[k];
  d.f.apply(o, ao, n);
  d.h.apply(r.c_next, r.c_act, n);
  for (int64_t k = 0; k < n; ++k) r.h_next[k] = ao[k] * r.c_act[k];
}

// The gates z and r; then what the last gate needs of r.
void gru_gates_row(const Direction& d, const Row& r) {
  const int64_t n = d.shape->hidden;
  add(r.pre, r.x, 2 * n);
  if (d.shape->linear_before_reset) {
    const float* const product = r.pre + 2 * n;
    for (int64_t k = 0; k < n; ++k) r.inner[k] = product[k] + (d.hidden_bias != nullptr ? d.hidden_bias[k] : 0);
  }
  d.f.apply(r.pre, r.act, 2 * n);
  if (d.shape->linear_before_reset) {
    for (int64_t k = 0; k < n; ++k) r.pre[2 * n + k] = r.act[n + k] * r.inner[k];
  } else {
    for (int64_t k = 0; k < n; ++k) r.inner[k] = r.act[n + k] * r.h[k];
  }
}

void gru_state_row(const Direction& d, const Row& r) {
  const int64_t n = d.shape->hidden;
  add(r.pre + 2 * n, r.x + 2 * n, n);
  d.g.apply(r.pre + 2 * n, r.act + 2 * n, n);
  for (int64_t k = 0; k < n; ++k) r.h_next[k] = (1 - r.act[k]) * r.act[2 * n + k] + r.act[k] * r.h[k];
}

void keep_row(const RecurrentShape& s, const StepRows& rows, int64_t b) {
  const size_t bytes = static_cast<size_t>(s.hidden) * sizeof(float);
  if (rows.h != rows.h_next) std::memcpy(rows.h_next + b * s.hidden, rows.h + b * s.hidden, bytes);
  if (rows.c != nullptr && rows.c != rows.c_next) std::memcpy(rows.c_next + b * s.hidden, rows.c + b * s.hidden, bytes);
}

template <class F>
void each_row(const Direction& d, int64_t s, const StepRows& rows, core::ThreadPool& pool, F&& f) noexcept {
  const RecurrentShape& shape = *d.shape;
  const int64_t chunk = std::max<int64_t>(1, kRowWork / std::max<int64_t>(1, shape.width()));
  const auto run = [&](int64_t task) {
    for (int64_t b = task * chunk; b < std::min(shape.batch, (task + 1) * chunk); ++b) {
      if (s < d.length(b)) {
        f(row_of(shape, rows, d, s, b));
      } else {
        keep_row(shape, rows, b);
      }
    }
  };
  const int64_t tasks = (shape.batch + chunk - 1) / chunk;
  if (tasks == 1) return run(0);
  pool.parallel_for(tasks, run);
}

}  // namespace

bool resets_first(const RecurrentShape& s) { return s.kind == CellKind::kGru && !s.linear_before_reset; }

PackedParts packed_parts(const RecurrentShape& s) {
  PackedParts parts;
  parts.r = packed_floats(s.isa, s.inputs, s.width());
  parts.r_hidden = parts.r + packed_floats(s.isa, s.hidden, resets_first(s) ? 2 * s.hidden : s.width());
  parts.end = parts.r_hidden + (resets_first(s) ? packed_floats(s.isa, s.hidden, s.hidden) : 0);
  return parts;
}

size_t packed_recurrent_bytes(const RecurrentShape& s) { return static_cast<size_t>(packed_parts(s).end) * sizeof(float); }

void pack_recurrent(const RecurrentShape& s, const float* w, const float* r, float* packed) {
  const PackedParts parts = packed_parts(s);
  gemm_pack_b(s.isa, s.inputs, s.width(), true, w, s.inputs, packed);
  gemm_pack_b(s.isa, s.hidden, resets_first(s) ? 2 * s.hidden : s.width(), true, r, s.hidden, packed + parts.r);
  if (resets_first(s)) gemm_pack_b(s.isa, s.hidden, s.hidden, true, r + 2 * s.hidden * s.hidden, s.hidden, packed + parts.r_hidden);
}

size_t direction_gemm_bytes(const RecurrentShape& s) {
  size_t bytes = gemm_scratch_bytes(s.isa, inputs_product(s));
  for (const int64_t n : {s.width(), 2 * s.hidden, s.hidden}) bytes = std::max(bytes, gemm_scratch_bytes(s.isa, states_product(s, n)));
  return (bytes + 63) / 64 * 64;
}

Direction make_direction(const RecurrentShape& s, const RecurrentArgs& args, int index, float* packed_room, float* bias_room) {
  Direction d;
  d.shape = &s;
  d.index = index;
  d.f = BoundFunction(s.functions[index][0], s.clip, s.isa);
  d.g = BoundFunction(s.functions[index][1], s.clip, s.isa);
  d.h = BoundFunction(s.functions[index][2], 0, s.isa);  // the cell's state itself is not clipped
  d.products = args.products[index];
  const float* packed = args.packed[index];
  if (packed == nullptr && d.products == nullptr) {
    pack_recurrent(s, args.w + index * s.width() * s.inputs, args.r + index * s.width() * s.hidden, packed_room);
    packed = packed_room;
  }
  if (packed != nullptr) {
    const PackedParts parts = packed_parts(s);
    d.packed_w = packed;
    d.packed_r = packed + parts.r;
    d.packed_r_hidden = packed + parts.r_hidden;
  }
  d.lengths = args.lengths;
  if (args.p != nullptr) d.peepholes = args.p + index * 3 * s.hidden;
  if (args.b == nullptr) return d;
  const float *const wb = args.b + index * 2 * s.width(), *const rb = wb + s.width();
  const bool inside = s.kind == CellKind::kGru && s.linear_before_reset;
  for (int64_t k = 0; k < s.width(); ++k) bias_room[k] = inside && k >= 2 * s.hidden ? wb[k] : wb[k] + rb[k];
  d.bias = bias_room;
  if (inside) d.hidden_bias = rb + 2 * s.hidden;
  return d;
}

void input_products(const Direction& d, const RecurrentArgs& args, float* products, core::ThreadPool& pool) noexcept {
  const RecurrentShape& s = *d.shape;
  if (d.products != nullptr) {
    d.products->inputs(d, args.x, products, pool);
    for (int64_t row = 0; d.bias != nullptr && row < s.steps * s.batch; ++row) add(products + row * s.width(), d.bias, s.width());
    return;
  }
  GemmArgs g;
  g.shape = inputs_product(s);
  g.a = args.x;
  g.a_row = s.inputs;
  g.b = d.packed_w;
  g.c = products;
  g.c_row = s.width();
  g.epilogue.addend = d.bias;
  g.scratch = d.gemm_scratch;
  gemm(s.isa, g, pool);
}

void run_step(const Direction& d, int64_t step, const StepRows& rows, core::ThreadPool& pool) noexcept {
  const RecurrentShape& s = *d.shape;
  if (d.products != nullptr)
    d.products->states(d, step, rows.h, rows.pre, pool);
  else
    multiply(d, rows.h, resets_first(s) ? 2 * s.hidden : s.width(), d.packed_r, rows.pre, s.width(), pool);
  switch (s.kind) {
    case CellKind::kRnn: return each_row(d, step, rows, pool, [&](const Row& r) { rnn_row(d, r); });
    case CellKind::kLstm: return each_row(d, step, rows, pool, [&](const Row& r) { lstm_row(d, r); });
    case CellKind::kGru: break;
  }
  StepRows gates = rows;  // the states stay as they are
  gates.h_next = const_cast<float*>(rows.h);
  each_row(d, step, gates, pool, [&](const Row& r) { gru_gates_row(d, r); });
  if (resets_first(s)) multiply(d, rows.inner, s.hidden, d.packed_r_hidden, rows.pre + 2 * s.hidden, s.width(), pool);
  each_row(d, step, rows, pool, [&](const Row& r) { gru_state_row(d, r); });
}

bool check_lengths(const RecurrentShape& s, const int32_t* lengths, core::StatusSlot& status) noexcept {
  for (int64_t b = 0; lengths != nullptr && b < s.batch; ++b) {
    if (lengths[b] >= 0 && lengths[b] <= s.steps) continue;
    status.fail(b, "a sequence length outside of the sequence (length, steps)", lengths[b], s.steps);
    return false;
  }
  return true;
}

}  // namespace omni::kernels
