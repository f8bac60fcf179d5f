#include "kernels/quantize/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace omni::kernels {

#define OMNI_QUANTIZE(isa, space)                \
  namespace space {                              \
  extern const QuantizeKernels quantize_kernels; \
  }
#include "kernels/quantize/kernels.inc"
#undef OMNI_QUANTIZE

const QuantizeKernels& select_quantize(core::Isa isa) {
  const QuantizeKernels* best = &scalar::quantize_kernels;
#define OMNI_QUANTIZE(name, space) \
  if (core::Isa::name <= isa && (core::Isa::name == core::Isa::kScalar || isa < core::Isa::kNeon)) best = &space::quantize_kernels;
#include "kernels/quantize/kernels.inc"
#undef OMNI_QUANTIZE
  return *best;
}

DynamicScale dynamic_scale(float low, float high) {
  low = std::min(low, 0.0f);
  high = std::max(high, 0.0f);
  const float scale = (high - low) / 255.0f;
  if (!(scale > 0 && scale <= std::numeric_limits<float>::max())) return {1.0f, 0};
  const float zero = std::nearbyintf(std::clamp(0.0f - low / scale, 0.0f, 255.0f));
  return {scale, static_cast<uint8_t>(zero)};
}

}  // namespace omni::kernels
