// Which weights go together when weights are pruned: alone, in blocks of outputs x inputs, or n of every m.
//
// A weight is seen as outputs x taps x inputs (a tap is one position of a convolution's window; inputs of one group). "1x4" is four inputs of one output at
// one tap, the quads of INT8 kernels; "4x1" four outputs of one input; "2:4" keeps two of every four inputs (Mishra et al. 2021, arXiv 2104.08378).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "compress/quantize/targets.h"

namespace omni::compress {

struct WeightLayout {
  int64_t outputs = 0, taps = 0, inputs = 0;
  int64_t output_step = 0, tap_step = 0, input_step = 0;  // in elements

  int64_t at(int64_t output, int64_t tap, int64_t input) const { return output * output_step + tap * tap_step + input * input_step; }
  int64_t count() const { return outputs * taps * inputs; }
};

WeightLayout weight_layout(const Graph& graph, const WeightTarget& target);

struct Pattern {
  int64_t outputs = 1, inputs = 1;  // of a block
  int64_t keep = 0, of = 0;         // n and m of "n:m"; 0: no such pattern

  bool chooses() const { return of > 0; }  // how much goes is the pattern's own
};

// "unstructured", "RxC" with sides of 1, 2, 4, 8 or 16, "N:M" with N < M <= 32. Throws Error (kInvalidArgument).
Pattern parse_pattern(std::string_view text);

// The weights' elements as units that are pruned together: block by block for blocks, m inputs after each other for n:m. Those at the end of an axis are
// smaller where the axis is no multiple.
class PatternUnits {
 public:
  PatternUnits(const WeightLayout& layout, const Pattern& pattern);

  int64_t count() const { return rows_ * layout_.taps * columns_; }
  // visit(element) for each of the unit's.
  template <class Visit>
  void each(int64_t unit, Visit&& visit) const {
    const int64_t first_input = unit % columns_ * width_, tap = unit / columns_ % layout_.taps, first_output = unit / columns_ / layout_.taps * height_;
    const int64_t outputs = std::min(first_output + height_, layout_.outputs), inputs = std::min(first_input + width_, layout_.inputs);
    for (int64_t o = first_output; o < outputs; ++o) {
      for (int64_t i = first_input; i < inputs; ++i) visit(static_cast<size_t>(layout_.at(o, tap, i)));
    }
  }

 private:
  WeightLayout layout_;
  int64_t height_, width_, rows_, columns_;
};

}  // namespace omni::compress
