// RNN, GRU and LSTM over a sequence, forward and backward: the entry points of the family.
//
// Forward: the products of all inputs with W are one GEMM; a step is one GEMM of the states with R (two for a GRU that resets before its product) and
// a pass of the activations. Gates stand in ONNX's order: RNN h; GRU z r h; LSTM i o f c. A batch entry whose sequence has ended keeps its state and
// its outputs are 0; the reverse direction starts at each entry's own end.
// Backward recomputes the forward pass, keeps every step, and walks back; the gradients of W, R and X are one GEMM each.
// Work is cut by shape alone: any number of threads gives the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/isa.h"
#include "core/kernel_args.h"
#include "kernels/recurrent/cell_function.h"

namespace omni::kernels {

enum class CellKind : uint8_t { kRnn, kGru, kLstm };

struct RecurrentShape {
  core::Isa isa = core::Isa::kScalar;
  CellKind kind = CellKind::kRnn;
  int64_t steps = 0, batch = 0, inputs = 0, hidden = 0;
  int directions = 1;
  bool reverse = false;          // of the first direction; a second one always runs backwards
  bool batch_first = false;      // X and Y are [batch, steps, …], states [batch, direction, hidden]
  CellFunction functions[2][3];  // of each direction: f, g, h
  float clip = 0;                // 0: none
  bool input_forget = false;
  bool linear_before_reset = false;

  int64_t gates() const { return kind == CellKind::kRnn ? 1 : kind == CellKind::kGru ? 3 : 4; }
  int64_t width() const { return gates() * hidden; }
  bool reverse_of(int direction) const { return reverse || direction == 1; }
  // The row of X that holds step t of batch entry b.
  int64_t row(int64_t t, int64_t b) const { return batch_first ? b * steps + t : t * batch + b; }
  int64_t state_at(int d, int64_t b) const { return (batch_first ? b * directions + d : d * batch + b) * hidden; }
  int64_t y_at(int d, int64_t t, int64_t b) const {
    return (batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b) * hidden;
  }
};

struct Direction;

// Another way to multiply with W and R than the float GEMM.
class RecurrentProducts {
 public:
  virtual ~RecurrentProducts() = default;
  // out[steps * batch, width] = X W'.
  virtual void inputs(const Direction& d, const float* x, float* out, core::ThreadPool& pool) const noexcept = 0;
  // out[batch, width] = H R' in that step.
  virtual void states(const Direction& d, int64_t step, const float* h, float* out, core::ThreadPool& pool) const noexcept = 0;
};

struct RecurrentArgs {
  const float* x = nullptr;
  const float* w = nullptr;
  const float* r = nullptr;
  const float* b = nullptr;                            // null: no bias
  const int32_t* lengths = nullptr;                    // null: all steps
  const float *h0 = nullptr, *c0 = nullptr;            // null: zeros
  const float* p = nullptr;                            // null: no peepholes
  const float* packed[2] = {};                         // what pack_recurrent wrote for each direction; null: packed in scratch
  const RecurrentProducts* products[2] = {};           // of each direction, then w, r and packed are not read; not for a GRU, nor backward
  float *y = nullptr, *y_h = nullptr, *y_c = nullptr;  // null: not wanted
  std::byte* scratch = nullptr;                        // aligned to 64
};

// W and R of one direction as the kernels read them. `w` and `r` are that direction's.
size_t packed_recurrent_bytes(const RecurrentShape& shape);
void pack_recurrent(const RecurrentShape& shape, const float* w, const float* r, float* packed);

size_t recurrent_scratch_bytes(const RecurrentShape& shape, bool packed);
// Lengths outside [0, steps] are reported in `status`.
void recurrent(const RecurrentShape& shape, const RecurrentArgs& args, core::ThreadPool& pool, core::StatusSlot& status) noexcept;

struct RecurrentGrads {
  const float *dy = nullptr, *dy_h = nullptr, *dy_c = nullptr;                                                      // null: zeros
  float *dx = nullptr, *dw = nullptr, *dr = nullptr, *db = nullptr, *dh0 = nullptr, *dc0 = nullptr, *dp = nullptr;  // null: not wanted
};

size_t recurrent_grad_scratch_bytes(const RecurrentShape& shape);
void recurrent_grad(const RecurrentShape& shape, const RecurrentArgs& args, const RecurrentGrads& grads, core::ThreadPool& pool,
                    core::StatusSlot& status) noexcept;

}  // namespace omni::kernels
