// What a session can give up so that it takes less memory, and what came of it. Results stay the same bytes.
//
// Not in the device runtime: whoever asks for less memory sets SessionOptions::arrange here.
#pragma once

#include <memory>

#include "runtime/session.h"

namespace omni::runtime {

struct Levers {
  bool order = false;          // nodes run in an order that keeps little alive (passes/schedule.h): costs nothing
  int64_t unpacked_bytes = 0;  // about so many bytes of f32 weights are packed in each run, into scratch, instead of once
  int64_t arena_bytes = 0;     // activations are computed again for the gradient (passes/recompute.h) until the arena is that small; 0: none
  bool operator==(const Levers&) const = default;
};

// Of the first plan.
struct Saved {
  int64_t alive_before = 0, alive_after = 0;   // most bytes of intermediate values alive at one step, in the graph's order and in the one taken
  int64_t unpacked_weights = 0, unpacked_bytes = 0;
  int64_t weight_bytes = 0;                    // of all weights that could be left unpacked
  int64_t recomputed = 0, kept = 0;            // activations that the gradient reads
  int64_t operations = 0, more_operations = 0; // of a run before, and of the repetitions
};

// Makes the session give up what `levers` say, for inputs of these shapes; it may run others, too. `saved` is written when the session is made.
void apply(const Levers& levers, std::vector<Shape> shapes, SessionOptions& options, std::shared_ptr<Saved> saved = nullptr);

}  // namespace omni::runtime
