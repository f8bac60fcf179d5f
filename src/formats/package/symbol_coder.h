// How the elements of a coded tensor become bits: as numbers of a table of the distinct values, most frequent first.
//
// Each element is one bit, whether it is another value than the most frequent one (in pruned weights, zero), then the number among the others as the path
// through a binary tree. The first bit's model depends on how often the elements before it in its row and in its column were other values: whole rows and
// columns of pruned weights are empty. One function serves encoder and decoder, which keeps them equal.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "core/shape.h"
#include "formats/package/range_coder.h"

namespace omni::formats {

inline constexpr size_t kMaxSymbols = 4096;
// No model lets an element cost less than 1/2836 of a byte.
inline constexpr size_t kMostElementsPerByte = 3000;

template <class Coder>
class SymbolCoder {
 public:
  SymbolCoder(Coder& coder, const core::Shape& shape, size_t symbols)
      : coder_(coder), columns_(shape.rank() < 2 || shape[0] == 0 ? shape.count() : shape.count() / shape[0]),
        depth_(symbols <= 2 ? 0 : std::bit_width(symbols - 2)), others_(size_t{1} << depth_), in_column_(static_cast<size_t>(columns_), kUnknown) {}

  // The next symbol: encodes the one given, or returns the one decoded, which may be any below 1 + 2^depth.
  uint32_t next(uint32_t symbol) {
    if (at_ == columns_) {
      at_ = 0;
      in_row_ = kUnknown;
    }
    uint16_t& in_column = in_column_[static_cast<size_t>(at_++)];
    const bool other = coder_.bit(first_[level(in_column)][level(in_row_)], symbol != 0);
    count(in_column, other);
    count(in_row_, other);
    if (!other) return 0;
    uint32_t node = 1;
    for (int b = depth_ - 1; b >= 0; --b) node = node << 1 | static_cast<uint32_t>(coder_.bit(others_[node], ((symbol - 1) >> b & 1) != 0));
    return node - (1U << depth_) + 1;
  }

 private:
  static constexpr uint16_t kUnknown = 1 << 13;  // a share of 2^16

  static void count(uint16_t& share, bool other) { share = static_cast<uint16_t>(other ? share + ((0xFFFF - share) >> 4) : share - (share >> 4)); }
  // The share's order of magnitude: below 2^-6 0, from 1/2 on 6.
  static size_t level(uint16_t share) {
    const int width = std::bit_width(share);
    return width < 11 ? 0 : static_cast<size_t>(width - 10);
  }

  Coder& coder_;
  int64_t columns_, at_ = 0;
  int depth_;
  BitModel first_[7][7];
  std::vector<BitModel> others_;
  std::vector<uint16_t> in_column_;
  uint16_t in_row_ = kUnknown;
};

}  // namespace omni::formats
