// ONNX models from memory, run within limits.
#include "fuzz/model_checks.h"
#include "fuzz/model_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { return omni::fuzz::target(omni::fuzz::check_run, data, size); }
