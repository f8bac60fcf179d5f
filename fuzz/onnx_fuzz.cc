// ONNX models from memory. What imports is verified, printed and written again; only Errors may come out, and none that says a bug is ours.
#include "fuzz/model_checks.h"
#include "fuzz/model_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { return omni::fuzz::target(omni::fuzz::check_import, data, size); }
