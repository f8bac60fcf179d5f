// Back through time. Every step of the forward pass is kept: what the activations were applied to (pre), what they gave (act), the states.
#include <algorithm>
#include <cstring>

#include "kernels/gemm/gemm.h"
#include "kernels/recurrent/cell.h"

namespace omni::kernels {

namespace {

// Floats of scratch of one direction (they run one after the other). Rows of steps are [steps, batch, …] in the order of the steps, except
// products and dgates, which are in the order of X.
struct Parts {
  int64_t products = 0, pre = 0, act = 0, h = 0, c = 0, c_act = 0, inner = 0, bias = 0, packed = 0, backward_r = 0, backward_w = 0;
  int64_t dgates = 0, dstates = 0, dh = 0, dh_before = 0, dc = 0, dreset = 0, sums = 0, dx = 0, gemm = 0, end = 0;
};

GemmShape w_product(const RecurrentShape& s) { return {s.width(), s.inputs, s.steps * s.batch, true, false, false, 1}; }
GemmShape r_product(const RecurrentShape& s, int64_t n) { return {n, s.hidden, s.steps * s.batch, true, false, false, 1}; }
GemmShape x_product(const RecurrentShape& s) { return {s.steps * s.batch, s.inputs, s.width(), false, false, false, 1}; }
GemmShape h_product(const RecurrentShape& s, int64_t k) { return {s.batch, s.hidden, k, false, false, true, 1}; }

int64_t packed_floats(core::Isa isa, int64_t k, int64_t n) { return round16(static_cast<int64_t>(gemm_packed_b_bytes(isa, k, n) / sizeof(float))); }

int64_t gemm_bytes(const RecurrentShape& s) {
  size_t bytes = direction_gemm_bytes(s);
  for (const GemmShape& g : {w_product(s), r_product(s, s.width()), r_product(s, 2 * s.hidden), r_product(s, s.hidden), x_product(s),
                             h_product(s, s.width()), h_product(s, 2 * s.hidden), h_product(s, s.hidden)}) {
    bytes = std::max(bytes, gemm_scratch_bytes(s.isa, g));
  }
  return static_cast<int64_t>((bytes + 63) / 64 * 64);
}

Parts parts_of(const RecurrentShape& s) {
  Parts p;
  int64_t at = 0;
  const auto take = [&](int64_t& part, int64_t floats) {
    part = at;
    at += round16(floats);
  };
  const int64_t rows = s.steps * s.batch, states = s.batch * s.hidden;
  for (int64_t* part : {&p.products, &p.pre, &p.act, &p.dgates, &p.dstates}) take(*part, rows * s.width());
  for (int64_t* part : {&p.h, &p.c}) take(*part, (s.steps + 1) * states);
  for (int64_t* part : {&p.c_act, &p.inner}) take(*part, rows * s.hidden);
  for (int64_t* part : {&p.dh, &p.dh_before, &p.dc, &p.dreset}) take(*part, states);
  take(p.bias, s.width());
  take(p.packed, packed_parts(s).end);
  take(p.backward_r, packed_floats(s.isa, s.width(), s.hidden) + packed_floats(s.isa, s.hidden, s.hidden));
  take(p.sums, 2 * 4 * s.width());  // doubles
  take(p.dx, rows * s.inputs);
  take(p.gemm, gemm_bytes(s) / static_cast<int64_t>(sizeof(float)));
  p.end = at;
  return p;
}

class Backward {
 public:
  Backward(const RecurrentShape& s, const RecurrentArgs& a, const RecurrentGrads& g, int index, core::ThreadPool& pool)
      : s_(s), args_(a), grads_(g), p_(parts_of(s)), base_(reinterpret_cast<float*>(a.scratch)), pool_(pool) {
    RecurrentArgs unpacked = a;
    unpacked.packed[0] = unpacked.packed[1] = nullptr;
    d_ = make_direction(s, unpacked, index, base_ + p_.packed, base_ + p_.bias);
    d_.gemm_scratch = reinterpret_cast<std::byte*>(base_ + p_.gemm);
  }

  void run() {
    forward();
    clear();
    pack_backward();
    for (int64_t step = s_.steps; step-- > 0;) back(step);
    store();
  }

 private:
  int64_t states() const { return s_.batch * s_.hidden; }
  float* at(int64_t part) const { return base_ + part; }
  const float* w() const { return args_.w + d_.index * s_.width() * s_.inputs; }
  const float* r() const { return args_.r + d_.index * s_.width() * s_.hidden; }

  void forward() {
    for (int64_t b = 0; b < s_.batch; ++b) {
      for (int64_t k = 0; k < s_.hidden; ++k) {
        at(p_.h)[b * s_.hidden + k] = args_.h0 != nullptr ? args_.h0[s_.state_at(d_.index, b) + k] : 0;
        at(p_.c)[b * s_.hidden + k] = args_.c0 != nullptr ? args_.c0[s_.state_at(d_.index, b) + k] : 0;
      }
    }
    input_products(d_, args_, at(p_.products), pool_);
    for (int64_t step = 0; step < s_.steps; ++step) {
      StepRows rows;
      rows.input_products = at(p_.products);
      rows.h = at(p_.h) + step * states();
      rows.h_next = at(p_.h) + (step + 1) * states();
      if (s_.kind == CellKind::kLstm) {
        rows.c = at(p_.c) + step * states();
        rows.c_next = at(p_.c) + (step + 1) * states();
      }
      rows.pre = at(p_.pre) + step * s_.batch * s_.width();
      rows.act = at(p_.act) + step * s_.batch * s_.width();
      rows.c_act = at(p_.c_act) + step * states();
      rows.inner = at(p_.inner) + step * states();
      run_step(d_, step, rows, pool_);
    }
  }

  // Rows of steps after an entry's end get no gradient; `inner` of them enters a product.
  void clear() {
    const size_t rows = static_cast<size_t>(s_.steps * s_.batch * s_.width()) * sizeof(float);
    std::memset(at(p_.dgates), 0, rows);
    std::memset(at(p_.dstates), 0, rows);
    for (int64_t step = 0; step < s_.steps; ++step) {
      for (int64_t b = 0; b < s_.batch; ++b) {
        if (step >= d_.length(b)) std::memset(at(p_.inner) + (step * s_.batch + b) * s_.hidden, 0, static_cast<size_t>(s_.hidden) * sizeof(float));
      }
    }
    for (int64_t b = 0; b < s_.batch; ++b) {
      for (int64_t k = 0; k < s_.hidden; ++k) {
        at(p_.dh)[b * s_.hidden + k] = grads_.dy_h != nullptr ? grads_.dy_h[s_.state_at(d_.index, b) + k] : 0;
        at(p_.dc)[b * s_.hidden + k] = grads_.dy_c != nullptr ? grads_.dy_c[s_.state_at(d_.index, b) + k] : 0;
      }
    }
    peephole_sums_ = reinterpret_cast<double*>(at(p_.sums));
    std::fill(peephole_sums_, peephole_sums_ + 3 * s_.hidden, 0.0);
  }

  void pack_backward() {
    const int64_t k = resets_first(s_) ? 2 * s_.hidden : s_.width();
    gemm_pack_b(s_.isa, k, s_.hidden, false, r(), s_.hidden, at(p_.backward_r));
    if (resets_first(s_)) gemm_pack_b(s_.isa, s_.hidden, s_.hidden, false, r() + 2 * s_.hidden * s_.hidden, s_.hidden, reset_r());
  }
  float* reset_r() const { return at(p_.backward_r) + packed_floats(s_.isa, s_.width(), s_.hidden); }

  void multiply(const float* a, int64_t a_row, int64_t k, const float* packed, float* c) {
    GemmArgs g;
    g.shape = h_product(s_, k);
    g.a = a;
    g.a_row = a_row;
    g.b = packed;
    g.c = c;
    g.c_row = s_.hidden;
    g.scratch = d_.gemm_scratch;
    gemm(s_.isa, g, pool_);
  }

  struct Row {
    const float *pre, *act, *h, *c, *c_next, *c_act, *inner;
    float *dstate, *dgate, *dh, *dh_before, *dc, *dreset;
  };
  Row row_of(int64_t step, int64_t b) const {
    const int64_t row = step * s_.batch + b;
    Row x{};
    x.pre = at(p_.pre) + row * s_.width();
    x.act = at(p_.act) + row * s_.width();
    x.h = at(p_.h) + row * s_.hidden;
    x.c = at(p_.c) + row * s_.hidden;
    x.c_next = x.c + states();
    x.c_act = at(p_.c_act) + row * s_.hidden;
    x.inner = at(p_.inner) + row * s_.hidden;
    x.dstate = at(p_.dstates) + row * s_.width();
    x.dgate = at(p_.dgates) + s_.row(d_.time(step, b), b) * s_.width();
    x.dh = at(p_.dh) + b * s_.hidden;
    x.dh_before = at(p_.dh_before) + b * s_.hidden;
    x.dc = at(p_.dc) + b * s_.hidden;
    x.dreset = at(p_.dreset) + b * s_.hidden;
    return x;
  }

  // dh holds the gradient of the step's state; afterwards that of the state before it.
  void back(int64_t step) {
    const int64_t n = s_.hidden;
    for (int64_t b = 0; b < s_.batch; ++b) {
      if (step >= d_.length(b)) continue;
      const Row x = row_of(step, b);
      const float* const dy = grads_.dy != nullptr ? grads_.dy + s_.y_at(d_.index, d_.time(step, b), b) : nullptr;
      for (int64_t k = 0; dy != nullptr && k < n; ++k) x.dh[k] += dy[k];
      if (s_.kind == CellKind::kRnn) rnn(x);
      if (s_.kind == CellKind::kLstm) lstm(x);
      if (s_.kind == CellKind::kGru) gru_last_gate(x);
    }
    float* const dstates = at(p_.dstates) + step * s_.batch * s_.width();
    if (resets_first(s_)) {
      multiply(dstates + 2 * n, s_.width(), n, reset_r(), at(p_.dreset));
      for (int64_t b = 0; b < s_.batch; ++b) {
        if (step < d_.length(b)) gru_reset(row_of(step, b));
      }
    }
    multiply(dstates, s_.width(), resets_first(s_) ? 2 * n : s_.width(), at(p_.backward_r), at(p_.dh_before));
    for (int64_t b = 0; b < s_.batch; ++b) {
      if (step < d_.length(b)) before(row_of(step, b));
    }
  }

  void rnn(const Row& x) {
    for (int64_t k = 0; k < s_.hidden; ++k) x.dstate[k] = x.dgate[k] = x.dh[k] * d_.f.slope(x.pre[k], x.act[k]);
  }

  void lstm(const Row& x) {
    const int64_t n = s_.hidden;
    const float* const p = d_.peepholes;
    for (int64_t k = 0; k < n; ++k) {
      const float i = x.act[k], o = x.act[n + k], f = x.act[2 * n + k], g = x.act[3 * n + k];
      const float d_o = x.dh[k] * x.c_act[k] * d_.f.slope(x.pre[n + k], o);
      float dc = x.dc[k] + x.dh[k] * o * d_.h.slope(x.c_next[k], x.c_act[k]);
      if (p != nullptr) dc += d_o * p[n + k];
      const float df = s_.input_forget ? 0 : dc * x.c[k] * d_.f.slope(x.pre[2 * n + k], f);
      const float di = (dc * g - (s_.input_forget ? dc * x.c[k] : 0)) * d_.f.slope(x.pre[k], i);
      const float dg = dc * i * d_.g.slope(x.pre[3 * n + k], g);
      x.dc[k] = dc * f;
      if (p != nullptr) {
        x.dc[k] += di * p[k] + df * p[2 * n + k];
        peephole_sums_[k] += static_cast<double>(di) * x.c[k];
        peephole_sums_[n + k] += static_cast<double>(d_o) * x.c_next[k];
        peephole_sums_[2 * n + k] += static_cast<double>(df) * x.c[k];
      }
      x.dgate[k] = di;
      x.dgate[n + k] = d_o;
      x.dgate[2 * n + k] = df;
      x.dgate[3 * n + k] = dg;
    }
    std::memcpy(x.dstate, x.dgate, static_cast<size_t>(s_.width()) * sizeof(float));
  }

  // With linear_before_reset all gates are settled here, else the reset gate waits for the product of the last gate with R.
  void gru_last_gate(const Row& x) {
    const int64_t n = s_.hidden;
    for (int64_t k = 0; k < n; ++k) {
      const float z = x.act[k], r = x.act[n + k], g = x.act[2 * n + k];
      const float dz = x.dh[k] * (x.h[k] - g) * d_.f.slope(x.pre[k], z);
      const float dg = x.dh[k] * (1 - z) * d_.g.slope(x.pre[2 * n + k], g);
      x.dgate[k] = x.dstate[k] = dz;
      x.dgate[2 * n + k] = x.dstate[2 * n + k] = dg;
      if (!s_.linear_before_reset) continue;
      x.dgate[n + k] = x.dstate[n + k] = dg * x.inner[k] * d_.f.slope(x.pre[n + k], r);
      x.dstate[2 * n + k] = dg * r;
    }
  }
  void gru_reset(const Row& x) {
    const int64_t n = s_.hidden;
    for (int64_t k = 0; k < n; ++k) {
      const float r = x.act[n + k];
      x.dgate[n + k] = x.dstate[n + k] = x.dreset[k] * x.h[k] * d_.f.slope(x.pre[n + k], r);
    }
  }

  void before(const Row& x) {
    const int64_t n = s_.hidden;
    if (s_.kind == CellKind::kGru) {
      for (int64_t k = 0; k < n; ++k) {
        float dh = x.dh_before[k] + x.dh[k] * x.act[k];
        if (resets_first(s_)) dh += x.dreset[k] * x.act[n + k];
        x.dh[k] = dh;
      }
      return;
    }
    std::memcpy(x.dh, x.dh_before, static_cast<size_t>(n) * sizeof(float));
  }

  void store() {
    const int64_t n = s_.hidden, width = s_.width();
    for (int64_t b = 0; b < s_.batch; ++b) {
      const size_t bytes = static_cast<size_t>(n) * sizeof(float);
      if (grads_.dh0 != nullptr) std::memcpy(grads_.dh0 + s_.state_at(d_.index, b), at(p_.dh) + b * n, bytes);
      if (grads_.dc0 != nullptr) std::memcpy(grads_.dc0 + s_.state_at(d_.index, b), at(p_.dc) + b * n, bytes);
    }
    if (grads_.dp != nullptr) {
      for (int64_t k = 0; k < 3 * n; ++k) grads_.dp[d_.index * 3 * n + k] = static_cast<float>(peephole_sums_[k]);
    }
    if (grads_.dw != nullptr) product(w_product(s_), at(p_.dgates), width, args_.x, s_.inputs, grads_.dw + d_.index * width * s_.inputs, s_.inputs);
    if (grads_.dr != nullptr) store_dr(grads_.dr + d_.index * width * n);
    if (grads_.db != nullptr) {
      column_sums(at(p_.dgates), grads_.db + d_.index * 2 * width);
      column_sums(at(p_.dstates), grads_.db + d_.index * 2 * width + width);
    }
    if (grads_.dx != nullptr) store_dx();
  }

  void product(const GemmShape& shape, const float* a, int64_t a_row, const float* b, int64_t b_row, float* c, int64_t c_row) {
    GemmArgs g;
    g.shape = shape;
    g.a = a;
    g.a_row = a_row;
    g.b = b;
    g.b_row = b_row;
    g.c = c;
    g.c_row = c_row;
    g.scratch = d_.gemm_scratch;
    gemm(s_.isa, g, pool_);
  }

  void store_dr(float* dr) {
    const int64_t n = s_.hidden, gates = resets_first(s_) ? 2 * n : s_.width();
    product(r_product(s_, gates), at(p_.dstates), s_.width(), at(p_.h), n, dr, n);
    if (resets_first(s_)) product(r_product(s_, n), at(p_.dstates) + 2 * n, s_.width(), at(p_.inner), n, dr + 2 * n * n, n);
  }

  void store_dx() {
    const int64_t count = s_.steps * s_.batch * s_.inputs;
    float* const to = d_.index == 0 ? grads_.dx : at(p_.dx);
    product(x_product(s_), at(p_.dgates), s_.width(), w(), s_.inputs, to, s_.inputs);
    for (int64_t i = 0; d_.index > 0 && i < count; ++i) grads_.dx[i] += to[i];
  }

  void column_sums(const float* rows, float* to) {
    double* const sums = reinterpret_cast<double*>(at(p_.sums));
    std::fill(sums, sums + s_.width(), 0.0);
    for (int64_t row = 0; row < s_.steps * s_.batch; ++row) {
      for (int64_t k = 0; k < s_.width(); ++k) sums[k] += static_cast<double>(rows[row * s_.width() + k]);
    }
    for (int64_t k = 0; k < s_.width(); ++k) to[k] = static_cast<float>(sums[k]);
  }

  const RecurrentShape& s_;
  const RecurrentArgs& args_;
  const RecurrentGrads& grads_;
  const Parts p_;
  float* base_;
  core::ThreadPool& pool_;
  Direction d_;
  double* peephole_sums_ = nullptr;
};

}  // namespace

size_t recurrent_grad_scratch_bytes(const RecurrentShape& s) { return static_cast<size_t>(parts_of(s).end) * sizeof(float); }

void recurrent_grad(const RecurrentShape& s, const RecurrentArgs& args, const RecurrentGrads& grads, core::ThreadPool& pool,
                    core::StatusSlot& status) noexcept {
  if (!check_lengths(s, args.lengths, status)) return;
  for (int d = 0; d < s.directions; ++d) Backward(s, args, grads, d, pool).run();
}

}  // namespace omni::kernels
