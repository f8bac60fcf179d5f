#include "ops/strings/text.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "core/half.h"

namespace omni::ops {

namespace {

// Numbers from 10^-4 to below 10^8 (f64: 10^17) are written without an exponent, as C's %.8g and %.17g do.
constexpr int kDigitsF32 = 8, kDigitsF64 = 17;

template <class T>
std::string real_text(T v, int digits) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v < 0 ? "-INF" : "INF";
  char buffer[64];
  auto result = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(result.ptr - buffer));
  const size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(buffer + e + (text[e + 1] == '+' ? 2 : 1), result.ptr, exponent);
  if (exponent >= -4 && exponent < digits) result = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::fixed);
  return {buffer, result.ptr};
}

std::string element_text(const Tensor& t, int64_t i, const std::vector<double>& reals) {
  const auto at = static_cast<size_t>(i);
  switch (t.dtype()) {
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16: return real_text(static_cast<float>(reals[at]), kDigitsF32);
    case DType::kF64: return real_text(reals[at], kDigitsF64);
    case DType::kU64: return std::to_string(t.values<uint64_t>()[at]);
    case DType::kI64: return std::to_string(t.values<int64_t>()[at]);
    default: return std::to_string(static_cast<int64_t>(reals[at]));
  }
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool starts_with(std::string_view text, std::string_view word) {
  if (text.size() < word.size()) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    if (lower(text[i]) != word[i]) return false;
  }
  return true;
}

// What is behind spaces and the sign.
struct Signed {
  std::string_view rest;
  bool negative = false, hex = false;
};

Signed sign_of(std::string_view text) {
  while (!text.empty() && (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r'))) text.remove_prefix(1);
  Signed s{text, false, false};
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    s.negative = text[0] == '-';
    s.rest.remove_prefix(1);
  }
  s.hex = starts_with(s.rest, "0x");
  if (s.hex) s.rest.remove_prefix(2);
  return s;
}

std::optional<double> real_of(std::string_view text) {
  const Signed s = sign_of(text);
  double v = 0;
  if (!s.hex && starts_with(s.rest, "inf")) {
    v = std::numeric_limits<double>::infinity();
  } else if (!s.hex && starts_with(s.rest, "nan")) {
    v = std::numeric_limits<double>::quiet_NaN();
  } else {
    const auto result = std::from_chars(s.rest.data(), s.rest.data() + s.rest.size(), v, s.hex ? std::chars_format::hex : std::chars_format::general);
    if (result.ec == std::errc::invalid_argument || s.rest.starts_with('-')) return std::nullopt;
    if (result.ec == std::errc::result_out_of_range) v = std::numeric_limits<double>::infinity();
  }
  return s.negative ? -v : v;
}

template <class T>
std::optional<T> integer_of(std::string_view text) {
  const Signed s = sign_of(text);
  uint64_t magnitude = 0;
  const auto result = std::from_chars(s.rest.data(), s.rest.data() + s.rest.size(), magnitude, s.hex ? 16 : 10);
  if (result.ec != std::errc()) return std::nullopt;
  const uint64_t v = s.negative ? uint64_t{0} - magnitude : magnitude;
  return static_cast<T>(v);
}

template <class T>
bool store(void* to, int64_t i, std::optional<T> v) {
  if (v) static_cast<T*>(to)[i] = *v;
  return v.has_value();
}

bool store_number(DType type, void* to, int64_t i, std::string_view text) {
  const auto real = [&] { return real_of(text); };
  switch (type) {
    case DType::kF64: return store<double>(to, i, real());
    case DType::kF32: {
      const auto v = real();
      return store<float>(to, i, v ? std::optional(static_cast<float>(*v)) : std::nullopt);
    }
    case DType::kF16: {
      const auto v = real();
      return store<uint16_t>(to, i, v ? std::optional(f32_to_f16(static_cast<float>(*v))) : std::nullopt);
    }
    case DType::kBF16: {
      const auto v = real();
      return store<uint16_t>(to, i, v ? std::optional(f32_to_bf16(static_cast<float>(*v))) : std::nullopt);
    }
    case DType::kI8: return store(to, i, integer_of<int8_t>(text));
    case DType::kU8: return store(to, i, integer_of<uint8_t>(text));
    case DType::kI16: return store(to, i, integer_of<int16_t>(text));
    case DType::kU16: return store(to, i, integer_of<uint16_t>(text));
    case DType::kI32: return store(to, i, integer_of<int32_t>(text));
    case DType::kU32: return store(to, i, integer_of<uint32_t>(text));
    case DType::kI64: return store(to, i, integer_of<int64_t>(text));
    case DType::kU64: return store(to, i, integer_of<uint64_t>(text));
    case DType::kBool: {
      const auto v = integer_of<int64_t>(text);
      return store<uint8_t>(to, i, v ? std::optional<uint8_t>(*v != 0 ? 1 : 0) : std::nullopt);
    }
    case DType::kI4:
    case DType::kU4:
    case DType::kString: break;
  }
  return false;
}

}  // namespace

std::vector<std::string> texts_of(const Tensor& t) {
  std::vector<std::string> out;
  out.reserve(static_cast<size_t>(t.count()));
  for (int64_t i = 0; i < t.count(); ++i) out.emplace_back(t.string_at(i));
  return out;
}

Tensor text_of_numbers(const Tensor& t) {
  const std::vector<double> reals = t.dtype() == DType::kI64 || t.dtype() == DType::kU64 ? std::vector<double>() : to_double(t);
  std::vector<std::string> out;
  out.reserve(static_cast<size_t>(t.count()));
  for (int64_t i = 0; i < t.count(); ++i) out.push_back(element_text(t, i, reals));
  return Tensor::strings(t.shape(), out);
}

void numbers_of_text(const KernelArgs& args) noexcept {
  const ConstTensorView& x = args.inputs[0];
  const TensorView& y = args.outputs[0];
  for (int64_t i = 0; i < x.count(); ++i) {
    if (!store_number(y.dtype, y.data, i, text_at(x, i))) return args.status->fail(i, "a string that is no number (element)", i);
  }
}

}  // namespace omni::ops
