// The options that all steps with block weights have, and what they are read into.
#pragma once

#include "compress/quantize/calibrate.h"
#include "compress/quantize/weight_only.h"
#include "compress/recipe/step.h"

namespace omni::compress::steps {

inline constexpr StepOption kGroupOption = {
    .name = "group", .help = "weights that share a scale: a power of two", .kind = OptionKind::kCount, .fallback = "32", .low = 16, .high = 1 << 20};
inline constexpr StepOption kBitsOption = {
    .name = "bits", .help = "of a weight; 3 are kept in 4, since ONNX has no type of three", .kind = OptionKind::kCount, .fallback = "4", .low = 3, .high = 4};
inline constexpr StepOption kEndsOption = {
    .name = "keep_ends_int8", .help = "first and last layers and embeddings in 8 bits", .kind = OptionKind::kFlag, .fallback = "true"};
inline constexpr StepOption kSamplesOption = {
    .name = "samples", .help = "to calibrate on, the first of the data", .kind = OptionKind::kCount, .fallback = "512", .low = 1};

// Throws Error (kInvalidArgument) where the group is no power of two.
void check_group(const StepOptions& options);
BlockOptions block_options(const StepOptions& options);
// Pool, instruction set and progress of the step, and its samples.
CalibrateOptions calibrate_options(const StepContext& context);

}  // namespace omni::compress::steps
