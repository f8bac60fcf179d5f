// Which x86 files a chosen instruction set may run.
#pragma once

#include "core/isa.h"

namespace omni::kernels {

#if defined(__x86_64__)
constexpr bool runs_avx2(core::Isa isa) { return isa >= core::Isa::kAvx2 && isa <= core::Isa::kAvx512Vnni; }
constexpr bool runs_avx512(core::Isa isa) { return isa == core::Isa::kAvx512 || isa == core::Isa::kAvx512Vnni; }
#endif

}  // namespace omni::kernels
