// What is done with an ONNX file that nobody vouches for: import, shape inference, a run. Only Errors may come out, and none that says a bug is ours;
// what the model may take is limited, so that a hostile one is refused and not waited for.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace omni::fuzz {

struct Outcome {
  bool imported = false, done = false;
  bool ours = false;  // the error says that the library has a bug
  std::string error;
};

// Imports, verifies, prints, exports.
Outcome check_import(std::span<const std::byte> bytes);
// Imports, infers with concrete input sizes, counts costs, prepares and plans.
Outcome check_shapes(std::span<const std::byte> bytes);
// Imports and runs, twice: with two choices of sizes and of input numbers.
Outcome check_run(std::span<const std::byte> bytes);

}  // namespace omni::fuzz
