// One direction's step: shared by the forward and the backward pass. Internal to the family.
#pragma once

#include "kernels/recurrent/recurrent.h"

namespace omni::kernels {

// Constants of one direction.
struct Direction {
  const RecurrentShape* shape = nullptr;
  int index = 0;
  BoundFunction f, g, h;
  const RecurrentProducts* products = nullptr;
  const float* packed_w = nullptr;         // inputs x width
  const float* packed_r = nullptr;         // hidden x width; of a GRU that resets first: x 2 hidden
  const float* packed_r_hidden = nullptr;  // that GRU's last gate
  const float* bias = nullptr;             // [width] added to the products with W; null: none
  const float* hidden_bias = nullptr;      // [hidden] of a GRU with linear_before_reset, inside of its reset
  const float* peepholes = nullptr;        // [3 hidden]: i, o, f
  const int32_t* lengths = nullptr;
  std::byte* gemm_scratch = nullptr;

  int64_t length(int64_t b) const { return lengths != nullptr ? lengths[b] : shape->steps; }
  // The time that batch entry b is at in step s, which is before its end.
  int64_t time(int64_t s, int64_t b) const { return shape->reverse_of(index) ? length(b) - 1 - s : s; }
};

// What a step reads and writes, rows of all batch entries. `pre` and `act` may be one buffer, `h` and `h_next`, `c` and `c_next` too.
struct StepRows {
  const float* input_products = nullptr;  // [steps * batch, width] by RecurrentShape::row
  const float *h = nullptr, *c = nullptr;
  float *h_next = nullptr, *c_next = nullptr;
  float* pre = nullptr;    // [batch, width]: what the activations are applied to; of a GRU's last gate with linear_before_reset complete as well
  float* act = nullptr;    // [batch, width]
  float* c_act = nullptr;  // [batch, hidden], LSTM: h(c)
  float* inner = nullptr;  // [batch, hidden], GRU: its reset state, or with linear_before_reset the product that is reset
};

// Floats before each part of packed weights.
struct PackedParts {
  int64_t r = 0, r_hidden = 0, end = 0;
};
PackedParts packed_parts(const RecurrentShape& shape);

bool resets_first(const RecurrentShape& shape);

// The constants of a direction; weights are packed, biases combined, into `scratch` where need be.
Direction make_direction(const RecurrentShape& shape, const RecurrentArgs& args, int d, float* packed_room, float* bias_room);
// products = X W' + bias for all steps.
void input_products(const Direction& d, const RecurrentArgs& args, float* products, core::ThreadPool& pool) noexcept;
void run_step(const Direction& d, int64_t s, const StepRows& rows, core::ThreadPool& pool) noexcept;
// False, and a status, where a length is no length.
bool check_lengths(const RecurrentShape& shape, const int32_t* lengths, core::StatusSlot& status) noexcept;

inline constexpr int64_t round16(int64_t floats) { return (floats + 15) / 16 * 16; }
size_t direction_gemm_bytes(const RecurrentShape& shape);

}  // namespace omni::kernels
