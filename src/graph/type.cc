#include "graph/type.h"

#include <array>

namespace omni::graph {

namespace {
constexpr std::array<std::string_view, 11> kRoles = {"constant", "parameter", "buffer", "moment", "mask",  "scale",
                                                     "observer", "ema",       "anchor", "scaler", "cache"};
}

bool Type::is_static() const {
  if (!ranked) return false;
  for (const Dim d : dims) {
    if (!d.is_constant()) return false;
  }
  return true;
}

std::optional<Shape> Type::shape() const {
  if (!is_static()) return std::nullopt;
  std::vector<int64_t> sizes;
  for (const Dim d : dims) sizes.push_back(d.value);
  return Shape(sizes);
}

std::string type_text(const Type& type, const DimTable& dims) {
  std::string out(dtype_name(type.dtype));
  out += '[';
  if (!type.ranked) out += '*';
  for (int i = 0; i < type.rank(); ++i) {
    if (i > 0) out += ',';
    out += dims.text(type.dims[static_cast<size_t>(i)]);
  }
  out += ']';
  switch (type.kind) {
    case TypeKind::kTensor: return out;
    case TypeKind::kSequence: return "seq(" + out + ")";
    case TypeKind::kOptional: return "opt(" + out + ")";
    case TypeKind::kOptionalSequence: return "opt(seq(" + out + "))";
  }
  return out;
}

std::string_view layout_name(Layout layout) { return layout == Layout::kPlain ? "plain" : "channels_last"; }

Shape physical_shape(const Shape& shape, Layout layout) {
  if (layout == Layout::kPlain || shape.rank() < 3) return shape;
  Shape out = shape;
  for (int i = 2; i < shape.rank(); ++i) out.set(i - 1, shape[i]);
  out.set(-1, shape[1]);
  return out;
}

bool layout_free(const Shape& shape) { return shape.rank() < 3 || shape[1] == 1 || shape.count(2) == 1; }

std::string_view role_name(Role role) { return kRoles[static_cast<size_t>(role)]; }

std::optional<Role> parse_role(std::string_view name) {
  for (size_t i = 0; i < kRoles.size(); ++i) {
    if (kRoles[i] == name) return static_cast<Role>(i);
  }
  return std::nullopt;
}

}  // namespace omni::graph
