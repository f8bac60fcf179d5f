// Tensors entropy-coded: lossless, for weights with few distinct values (pruned, quantized, of a codebook). docs/package-format.md has every byte.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace omni::formats {

using namespace core;

// Smaller tensors are never coded.
inline constexpr size_t kLeastCodedBytes = 65;

struct CodedTensor {
  std::vector<std::byte> bytes;
  size_t symbols = 0;        // distinct elements
  double entropy_bytes = 0;  // the table of symbols and -log2 of each element's share: what no code of single elements goes below
};

// Nothing where that would not be smaller, the tensor has fewer bytes than that, or there are more than 4,096 distinct elements, or the type has elements of 64 bits or text.
std::optional<CodedTensor> encode_tensor(const Tensor& tensor);

// Throws Error (kInvalidData) for bytes that encode_tensor did not write for this type and shape; kMachine where memory is short.
Tensor decode_tensor(DType dtype, const Shape& shape, std::span<const std::byte> bytes);

}  // namespace omni::formats
