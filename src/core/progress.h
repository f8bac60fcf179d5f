// How anything long tells how far it is and learns that it should stop.
#pragma once

#include <functional>
#include <string_view>

#include "omni/error.h"

namespace omni::core {

// fraction in [0, 1], text "epoch 2 of 5, loss 0.31". Returns false to stop. An empty function is allowed everywhere and means: never stop.
using Progress = std::function<bool(double fraction, std::string_view text)>;

// Throws Error (kInterrupted) when the callback says to stop. `resume` tells how to go on, if one can.
inline void report(const Progress& progress, double fraction, std::string_view text, std::string_view resume = {}) {
  if (progress && !progress(fraction, text)) throw Error(ErrorCode::kInterrupted, "stopped", std::string(text), std::string(resume));
}

// The part [begin, end] of a longer job's progress. `whole` must outlive the result.
inline Progress part_of(const Progress& whole, double begin, double end) {
  if (!whole) return {};
  return [&whole, begin, end](double fraction, std::string_view text) { return whole(begin + (end - begin) * fraction, text); };
}

}  // namespace omni::core
