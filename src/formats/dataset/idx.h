// IDX, the format of MNIST: 00 00 TYPE RANK, the dimensions as big-endian u32, the elements in big-endian order, row-major.
// Source: LeCun, Cortes, Burges, "The MNIST database", file formats. Types: 08 u8, 09 i8, 0B i16, 0C i32, 0D f32, 0E f64.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "core/tensor.h"

namespace omni::formats {

using namespace core;

bool is_idx(std::span<const std::byte> bytes);

// The whole of `bytes`, gzipped or not, as one tensor. `where` names the file in messages. Throws Error: kInvalidData (no IDX, sizes that do not
// add up), kUnsupported (rank over 8).
Tensor parse_idx(std::span<const std::byte> bytes, const std::string& where);
Tensor load_idx(const std::string& path);

}  // namespace omni::formats
