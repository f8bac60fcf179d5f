#include "formats/dataset/npy.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/dataset/npy_header.h"

namespace omni::formats {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

std::optional<DType> numeric_type(char kind, size_t size) {
  struct Row {
    char kind;
    size_t size;
    DType dtype;
  };
  static constexpr std::array<Row, 12> kRows = {{{'f', 2, DType::kF16}, {'f', 4, DType::kF32}, {'f', 8, DType::kF64}, {'i', 1, DType::kI8},
                                                 {'i', 2, DType::kI16}, {'i', 4, DType::kI32}, {'i', 8, DType::kI64}, {'u', 1, DType::kU8},
                                                 {'u', 2, DType::kU16}, {'u', 4, DType::kU32}, {'u', 8, DType::kU64}, {'b', 1, DType::kBool}}};
  for (const Row& row : kRows) {
    if (row.kind == kind && row.size == size) return row.dtype;
  }
  return std::nullopt;
}

// Position in a Fortran-ordered array of each element in C order: calls f(c_index, fortran_index).
template <class F>
void each_transposed(const Shape& shape, F&& f) {
  const int rank = shape.rank();
  int64_t strides[Shape::kMaxRank] = {}, at[Shape::kMaxRank] = {};
  int64_t stride = 1, from = 0;
  for (int i = 0; i < rank; ++i) {
    strides[i] = stride;
    stride *= shape[i];
  }
  const int64_t count = shape.count();
  for (int64_t i = 0; i < count; ++i) {
    f(i, from);
    for (int d = rank - 1; d >= 0; --d) {
      from += strides[d];
      if (++at[d] < shape[d]) break;
      from -= strides[d] * shape[d];
      at[d] = 0;
    }
  }
}

void swap_bytes(std::span<std::byte> bytes, size_t element) {
  for (size_t at = 0; at < bytes.size(); at += element) std::reverse(bytes.data() + at, bytes.data() + at + element);
}

bool foreign_order(char order) { return order == (std::endian::native == std::endian::little ? '>' : '<'); }

Tensor numbers(const NpyHeader& header, DType dtype, std::span<const std::byte> data, std::shared_ptr<const void> keeper, const std::string& where) {
  const size_t element = dtype_size(dtype);
  if (dtype == DType::kBool && std::any_of(data.begin(), data.end(), [](std::byte b) { return b > std::byte{1}; })) {
    throw Error(ErrorCode::kInvalidData, "a bool that is neither 0 nor 1", where, "save the array again with numpy.save");
  }
  const bool transposed = header.fortran && header.shape.rank() > 1, swapped = foreign_order(header.order) && element > 1;
  if (!transposed && !swapped && keeper && reinterpret_cast<uintptr_t>(data.data()) % element == 0) {
    return Tensor::view(dtype, header.shape, data.data(), std::move(keeper));
  }
  Tensor tensor(dtype, header.shape);
  std::byte* out = static_cast<std::byte*>(tensor.mutable_data());
  if (transposed) {
    each_transposed(header.shape, [&](int64_t to, int64_t from) {
      std::memcpy(out + static_cast<size_t>(to) * element, data.data() + static_cast<size_t>(from) * element, element);
    });
  } else if (!data.empty()) {
    std::memcpy(out, data.data(), data.size());
  }
  if (swapped) swap_bytes({out, tensor.bytes()}, element);
  return tensor;
}

void append_utf8(std::string& out, uint32_t code, const std::string& where) {
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw Error(ErrorCode::kInvalidData, "a string with an impossible character", where);
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr uint8_t kFirst[] = {0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(kFirst[more] | (code >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3f));
}

Tensor strings(const NpyHeader& header, std::span<const std::byte> data, const std::string& where) {
  const size_t count = static_cast<size_t>(header.shape.count()), width = header.kind == 'U' ? 4 * header.size : header.size;
  std::vector<std::string> values(count);
  const auto read_one = [&](size_t to, size_t from) {
    const std::byte* p = data.data() + from * width;
    std::string& value = values[to];
    if (header.kind == 'S') {
      value.assign(reinterpret_cast<const char*>(p), width);
      value.erase(value.find_last_not_of('\0') + 1);
      return;
    }
    size_t length = header.size;
    const auto code_at = [&](size_t i) {
      std::array<std::byte, 4> four;
      std::memcpy(four.data(), p + 4 * i, 4);
      if (foreign_order(header.order)) std::reverse(four.begin(), four.end());
      return std::bit_cast<uint32_t>(four);
    };
    while (length > 0 && code_at(length - 1) == 0) --length;
    for (size_t i = 0; i < length; ++i) append_utf8(value, code_at(i), where);
  };
  if (header.fortran) {
    each_transposed(header.shape, [&](int64_t to, int64_t from) { read_one(static_cast<size_t>(to), static_cast<size_t>(from)); });
  } else {
    for (size_t i = 0; i < count; ++i) read_one(i, i);
  }
  return Tensor::strings(header.shape, values);
}

}  // namespace

bool is_npy(std::span<const std::byte> bytes) { return bytes.size() >= 8 && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0; }

Tensor parse_npy(std::span<const std::byte> bytes, std::shared_ptr<const void> keeper, const std::string& where) {
  if (!is_npy(bytes)) throw Error(ErrorCode::kInvalidData, "is no NPY file", where, "check that it is the right file");
  const int version = static_cast<int>(bytes[6]);
  if (version < 1 || version > 3) throw Error(ErrorCode::kUnsupported, "NPY version " + std::to_string(version), where, "save the array again with numpy.save");
  const size_t prefix = version == 1 ? 10 : 12;
  if (bytes.size() < prefix) throw Error(ErrorCode::kInvalidData, "the header is cut short", where);
  size_t length = 0;
  for (size_t i = prefix; i-- > 8;) length = length << 8 | static_cast<size_t>(bytes[i]);
  if (length > bytes.size() - prefix) throw Error(ErrorCode::kInvalidData, "the header is cut short", where);
  const NpyHeader header = parse_npy_header({reinterpret_cast<const char*>(bytes.data()) + prefix, length}, where);
  const std::span<const std::byte> data = bytes.subspan(prefix + length);

  const bool text = header.kind == 'S' || header.kind == 'U';
  const std::optional<DType> dtype = numeric_type(header.kind, header.size);
  if (!text && !dtype) {
    throw Error(ErrorCode::kUnsupported, "elements of type " + quoted(std::string(1, header.kind) + std::to_string(header.size)), where,
                "convert the array with astype first");
  }
  const size_t element = header.kind == 'U' ? 4 * header.size : header.size;
  const size_t count = static_cast<size_t>(header.shape.count());
  if (element == 0 ? count > (size_t{1} << 20) || !data.empty() : count > data.size() / element || count * element != data.size()) {
    throw Error(ErrorCode::kInvalidData,
                "the header promises " + header.shape.text() + " elements of " + std::to_string(element) + " bytes, the file holds " +
                    std::to_string(data.size()) + " bytes of data",
                where, "save the array again with numpy.save");
  }
  return text ? strings(header, data, where) : numbers(header, *dtype, data, std::move(keeper), where);
}

Tensor load_npy(const std::string& path) {
  MappedFile file = map_file(path);
  return parse_npy(file.bytes, std::move(file.keeper), path);
}

namespace {

// The tensor as NumPy can hold it.
Tensor writable(const Tensor& tensor) {
  const DType dtype = tensor.dtype();
  if (dtype == DType::kBF16) return from_double(DType::kF32, tensor.shape(), to_double(tensor));
  if (dtype == DType::kI4) return from_double(DType::kI8, tensor.shape(), to_double(tensor));
  if (dtype == DType::kU4) return from_double(DType::kU8, tensor.shape(), to_double(tensor));
  return tensor;
}

std::string descr_of(const Tensor& tensor) {
  const DType dtype = tensor.dtype();
  if (dtype == DType::kString) {
    size_t longest = 1;
    for (int64_t i = 0; i < tensor.count(); ++i) longest = std::max(longest, tensor.string_at(i).size());
    return "|S" + std::to_string(longest);
  }
  const size_t size = dtype_size(dtype);
  const char order = size == 1 ? '|' : std::endian::native == std::endian::little ? '<' : '>';
  const char kind = is_float(dtype) ? 'f' : dtype == DType::kBool ? 'b' : is_signed_integer(dtype) ? 'i' : 'u';
  return std::string(1, order) + kind + std::to_string(size);
}

}  // namespace

std::string npy_header(const Tensor& tensor) {
  std::string shape = "(";
  for (const int64_t d : tensor.shape()) shape += std::to_string(d) + (tensor.shape().rank() == 1 ? "," : ", ");
  if (tensor.shape().rank() > 1) shape.erase(shape.size() - 2);
  std::string text = "{'descr': '" + descr_of(tensor) + "', 'fortran_order': False, 'shape': " + shape + "), }";
  while ((10 + text.size() + 1) % 64 != 0) text += ' ';
  text += '\n';
  std::string header(kMagic);
  header += '\x01';
  header += '\0';
  header += static_cast<char>(text.size() & 0xff);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

void save_npy(const std::string& path, const Tensor& given, Overwrite overwrite) {
  const Tensor tensor = writable(given);
  AtomicFile file(path, overwrite);
  const std::string header = npy_header(tensor);
  file.write(header);
  if (tensor.dtype() == DType::kString) {
    const std::string descr = descr_of(tensor);
    const size_t width = static_cast<size_t>(std::stoull(descr.substr(2)));
    for (int64_t i = 0; i < tensor.count(); ++i) {
      std::string cell(tensor.string_at(i));
      cell.resize(width, '\0');
      file.write(cell);
    }
  } else {
    file.write({static_cast<const std::byte*>(tensor.data()), tensor.bytes()});
  }
  file.commit();
}

}  // namespace omni::formats
