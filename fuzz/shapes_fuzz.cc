// ONNX models from memory, up to the plan: shapes inferred from concrete inputs, costs counted, kernels bound.
#include "fuzz/model_checks.h"
#include "fuzz/model_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { return omni::fuzz::target(omni::fuzz::check_shapes, data, size); }
