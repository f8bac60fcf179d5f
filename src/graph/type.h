// What a value is: element type, symbolic shape, physical layout, role.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/tensor.h"
#include "graph/dim.h"

namespace omni::graph {

enum class TypeKind : uint8_t { kTensor, kSequence, kOptional, kOptionalSequence };

// `dtype` and shape are those of the tensor, or of the sequence's and the optional's element. A rank nobody knows yet: ranked == false.
struct Type {
  TypeKind kind = TypeKind::kTensor;
  DType dtype = DType::kF32;
  bool ranked = true;
  std::vector<Dim> dims;

  Type() = default;
  Type(DType t, std::vector<Dim> d) : dtype(t), dims(std::move(d)) {}
  Type(DType t, const Shape& shape) : dtype(t), dims(shape.begin(), shape.end()) {}
  static Type unranked(DType t) {
    Type type(t, std::vector<Dim>{});
    type.ranked = false;
    return type;
  }

  int rank() const { return static_cast<int>(dims.size()); }
  Dim dim(int i) const { return dims[static_cast<size_t>(i < 0 ? i + rank() : i)]; }
  bool is_static() const;
  // The shape when every dimension is a constant. Throws Error when one is negative or the rank is over 8.
  std::optional<Shape> shape() const;
  bool operator==(const Type&) const = default;
};

// "f32[N,10]", "f32[*]" when unranked, "seq(f32[…])", "opt(…)".
std::string type_text(const Type& type, const DimTable& dims);

// Small int64 contents known at inference (shapes, axes, sizes), at most kMaxContents elements; a scalar has one.
using Contents = std::vector<Dim>;
inline constexpr size_t kMaxContents = 64;

// Physical order of the bytes; shapes in the graph are always in ONNX order. kChannelsLast: [N, C, d1…] is stored as [N, d1…, C]; rank >= 3.
enum class Layout : uint8_t { kPlain, kChannelsLast };
std::string_view layout_name(Layout layout);

// The shape in the order of the bytes.
Shape physical_shape(const Shape& shape, Layout layout);
// Whether a tensor of that shape has the same bytes in both layouts (one channel, or one position).
bool layout_free(const Shape& shape);

// How a constant's bytes are stored in a package; in memory a Value is always dense.
enum class Encoding : uint8_t { kDense, kBitmask, kBlocks, kNm, kCodebook, kCoded };

enum class Role : uint8_t { kConstant, kParameter, kBuffer, kMoment, kMask, kScale, kObserver, kEma, kAnchor, kScaler, kCache };
std::string_view role_name(Role role);
std::optional<Role> parse_role(std::string_view name);

}  // namespace omni::graph
