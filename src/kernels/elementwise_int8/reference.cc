// The scalar truth of elementwise_int8.
#include "kernels/elementwise_int8/elementwise_int8.h"

namespace omni::kernels {
namespace {

int32_t value(uint8_t b, bool is_signed) { return is_signed ? static_cast<int8_t>(b) : b; }

void binary(const BinaryInt8& op, const uint8_t* a, int64_t a_step, const uint8_t* b, int64_t b_step, int64_t n, uint8_t* y) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    const int32_t x = value(a[i * a_step], op.a_signed) - op.za, z = value(b[i * b_step], op.b_signed) - op.zb;
    y[i] = static_cast<uint8_t>(op.multiply ? requantize(x * z, op.ma, op.y) : add_quantized(x, op.ma, z, op.mb, op.y));
  }
}

void lookup(const uint8_t* table, const uint8_t* x, int64_t n, uint8_t* y) noexcept {
  for (int64_t i = 0; i < n; ++i) y[i] = table[x[i]];
}

}  // namespace

namespace scalar {
extern const ElementwiseInt8Kernels elementwise_int8_kernels;
constinit const ElementwiseInt8Kernels elementwise_int8_kernels = {core::Isa::kScalar, binary, lookup};
}  // namespace scalar

}  // namespace omni::kernels
