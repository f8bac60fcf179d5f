// omni run --loop: outputs fed back into inputs.
#pragma once

#include "standard_options.h"

namespace omni::cli {

inline constexpr OptionSpec kLoopOptions[] = {
    {"--loop", "N", "run N steps and feed outputs back into inputs; 0: a step for each chunk", Kind::kCount},
    {.name = "--feed",
     .value = "OUTPUT=INPUT",
     .help = "what goes back where; default: by their names (present.0 to past.0, stateN to state)",
     .kind = Kind::kText,
     .repeated = true},
    {"--chunk", "INPUT=SIZE", "cut this input along its last axis, a piece of SIZE a step", Kind::kText},
    {"--token", "OUTPUT=INPUT", "scores and tokens of a decoder; default: logits=input_ids, where it has them", Kind::kText},
    {"--top-k", "K", "draw the next token among the K likeliest; default: take the likeliest", Kind::kCount},
    {"--temperature", "X", "divide scores by this before drawing", Kind::kNumber, "1"},
    {"--seed", "S", "of the draws", Kind::kCount, "1"},
    {"--end-token", "ID", "stop when this token was chosen", Kind::kCount},
};
inline constexpr OptionGroup kLoopGroup = {"Loop", kLoopOptions};

// Throws Error (kInvalidArgument).
LoopOptions loop_options(const Arguments& arguments);
// Throws Error (kInvalidArgument) when an option of the loop is given without --loop.
void require_no_loop_options(const Arguments& arguments);
// Steps, feeds and tokens, as text and as "steps", "feeds" and "tokens" of the result.
void print_loop(Output& output, const LoopResult& result);

}  // namespace omni::cli
