// Which depthwise kernels an instruction set uses.
#include "kernels/conv/depthwise.h"

namespace omni::kernels {

#define OMNI_DEPTHWISE(isa, space)               \
  namespace space {                              \
  extern const DepthwiseKernels depthwise_table; \
  }
#include "kernels/conv/kernels.inc"
#undef OMNI_DEPTHWISE

const DepthwiseKernels& depthwise_kernels(core::Isa isa) {
  if (isa == core::Isa::kAvx512Vnni) isa = core::Isa::kAvx512;
#define OMNI_DEPTHWISE(name, space) \
  if (isa == core::Isa::name) return space::depthwise_table;
#include "kernels/conv/kernels.inc"
#undef OMNI_DEPTHWISE
  return portable::depthwise_table;
}

}  // namespace omni::kernels
