#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "formats/package/coded_tensor.h"
#include "formats/package/symbol_coder.h"

namespace omni::formats {

namespace {

// Elements of any width as the bits that they are.
uint32_t element(const Tensor& tensor, int64_t i) {
  const auto* bytes = static_cast<const uint8_t*>(tensor.data());
  if (dtype_bits(tensor.dtype()) == 4) return bytes[i / 2] >> (i % 2 * 4) & 15U;
  uint32_t value = 0;
  const size_t size = dtype_size(tensor.dtype());
  std::memcpy(&value, bytes + static_cast<size_t>(i) * size, size);
  return value;
}

// Sorts as the numbers that the bits stand for, so that sign and magnitude are the first steps through the tree.
uint32_t order_key(DType dtype, uint32_t bits) {
  const uint32_t sign = 1U << (dtype_bits(dtype) - 1), all = sign | (sign - 1);
  if (is_float(dtype)) return (bits & sign) != 0 ? ~bits & all : bits | sign;
  const bool is_signed = dtype == DType::kI4 || dtype == DType::kI8 || dtype == DType::kI16 || dtype == DType::kI32;
  return is_signed ? bits ^ sign : bits;
}

struct Symbols {
  std::vector<uint32_t> values;                    // the most frequent one first
  std::unordered_map<uint32_t, uint32_t> numbers;  // by value
  double entropy_bits = 0;                         // of all elements
};

std::optional<Symbols> symbols_of(const Tensor& tensor) {
  std::unordered_map<uint32_t, int64_t> counts;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    ++counts[element(tensor, i)];
    if (counts.size() > kMaxSymbols) return std::nullopt;
  }
  Symbols symbols;
  uint32_t top = 0;
  int64_t most = 0;
  for (const auto& [value, count] : counts) {
    symbols.values.push_back(value);
    if (count > most || (count == most && value < top)) {
      most = count;
      top = value;
    }
  }
  std::sort(symbols.values.begin(), symbols.values.end(), [&](uint32_t a, uint32_t b) {
    if ((a == top) != (b == top)) return a == top;
    return order_key(tensor.dtype(), a) < order_key(tensor.dtype(), b);
  });
  for (const uint32_t value : symbols.values) {
    const auto count = static_cast<double>(counts.at(value));
    symbols.entropy_bits += count * std::log2(static_cast<double>(tensor.count()) / count);
    symbols.numbers.emplace(value, static_cast<uint32_t>(symbols.numbers.size()));
  }
  return symbols;
}

void append(std::vector<std::byte>& bytes, uint32_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
}

}  // namespace

std::optional<CodedTensor> encode_tensor(const Tensor& tensor) {
  const DType dtype = tensor.dtype();
  if (dtype == DType::kString || tensor.is_sequence() || dtype_bits(dtype) > 32 || tensor.bytes() < kLeastCodedBytes) return std::nullopt;
  const std::optional<Symbols> symbols = symbols_of(tensor);
  if (!symbols) return std::nullopt;
  CodedTensor coded;
  coded.symbols = symbols->values.size();
  coded.entropy_bytes = symbols->entropy_bits / 8 + static_cast<double>(coded.symbols * dtype_size(dtype));
  append(coded.bytes, static_cast<uint32_t>(coded.symbols), 4);
  for (const uint32_t value : symbols->values) append(coded.bytes, value, dtype_size(dtype));
  RangeEncoder encoder;
  SymbolCoder coder(encoder, tensor.shape(), coded.symbols);
  for (int64_t i = 0; i < tensor.count(); ++i) coder.next(symbols->numbers.at(element(tensor, i)));
  const std::vector<std::byte> stream = encoder.finish();
  coded.bytes.insert(coded.bytes.end(), stream.begin(), stream.end());
  if (coded.bytes.size() >= tensor.bytes()) return std::nullopt;
  return coded;
}

}  // namespace omni::formats
