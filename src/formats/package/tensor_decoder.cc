#include <cstring>

#include "core/error.h"
#include "formats/package/coded_tensor.h"
#include "formats/package/symbol_coder.h"

namespace omni::formats {

namespace {

[[noreturn]] void broken(const std::string& what) { throw Error(ErrorCode::kInvalidData, "broken package: a coded tensor " + what); }

void put(Tensor& tensor, int64_t i, const std::byte* element, size_t size) {
  auto* bytes = static_cast<std::byte*>(tensor.mutable_data());
  if (dtype_bits(tensor.dtype()) == 4) {
    bytes[i / 2] |= (*element & std::byte{15}) << (i % 2 * 4);
  } else {
    std::memcpy(bytes + static_cast<size_t>(i) * size, element, size);
  }
}

}  // namespace

Tensor decode_tensor(DType dtype, const Shape& shape, std::span<const std::byte> bytes) {
  if (dtype == DType::kString || dtype_bits(dtype) > 32) broken("of a type that is never coded");
  const size_t size = dtype_size(dtype);
  uint32_t symbols = 0;
  if (bytes.size() < sizeof symbols) broken("is cut short");
  std::memcpy(&symbols, bytes.data(), sizeof symbols);
  bytes = bytes.subspan(sizeof symbols);
  if (symbols == 0 || symbols > kMaxSymbols || bytes.size() < symbols * size) broken("has " + std::to_string(symbols) + " symbols");
  const std::byte* const values = bytes.data();
  bytes = bytes.subspan(symbols * size);
  // Checked before memory is taken: a few bytes cannot stand for a huge tensor.
  if (static_cast<size_t>(shape.count()) > bytes.size() * kMostElementsPerByte) broken("has too few bytes for " + shape.text());
  Tensor tensor(dtype, shape);
  RangeDecoder decoder(bytes);
  SymbolCoder coder(decoder, shape, symbols);
  for (int64_t i = 0; i < tensor.count(); ++i) {
    const uint32_t symbol = coder.next(0);
    if (symbol >= symbols) broken("names a symbol that it does not have");
    put(tensor, i, values + symbol * size, size);
  }
  if (!decoder.whole()) broken("has more or fewer bytes than its elements");
  return tensor;
}

}  // namespace omni::formats
