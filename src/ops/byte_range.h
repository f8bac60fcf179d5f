// The range and the rounding of quantized values (kernels/quantize/requantize.h) for passes, which do not see kernels.
#pragma once

#include "kernels/quantize/requantize.h"

namespace omni::ops {

using kernels::ByteRange;
using kernels::round_to_range;

}  // namespace omni::ops
