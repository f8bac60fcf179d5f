#include "ops/sequence/pieces.h"

#include <cstring>

#include "core/error.h"

namespace omni::ops {

namespace {

std::vector<std::string> texts_of(const Tensor& t) {
  std::vector<std::string> out;
  for (int64_t i = 0; i < t.count(); ++i) out.emplace_back(t.string_at(i));
  return out;
}

Shape with_axis(const Shape& s, int axis, int64_t size) {
  Shape out = s;
  out.set(axis, size);
  return out;
}

// A tensor as [outer, row] with rows of `row` elements that belong together.
int64_t outer_of(const Shape& s, int axis) { return s.count(0, axis); }

}  // namespace

Tensor cut_axis(const Tensor& t, int axis, int64_t first, int64_t count) {
  const Shape shape = with_axis(t.shape(), axis, count);
  const int64_t outer = outer_of(t.shape(), axis), inner = t.shape().count(axis + 1), whole = t.shape()[axis] * inner;
  if (t.dtype() == DType::kString) {
    const std::vector<std::string> all = texts_of(t);
    std::vector<std::string> out;
    for (int64_t o = 0; o < outer; ++o) {
      const auto at = all.begin() + static_cast<ptrdiff_t>(o * whole + first * inner);
      out.insert(out.end(), at, at + static_cast<ptrdiff_t>(count * inner));
    }
    return Tensor::strings(shape, out);
  }
  if (dtype_bits(t.dtype()) < 8) throw Error(ErrorCode::kUnsupported, "4-bit elements cannot be cut");
  const size_t size = dtype_size(t.dtype());
  const char* const from = static_cast<const char*>(t.data());
  if (outer == 1) {
    return Tensor::view(t.dtype(), shape, from + static_cast<size_t>(first * inner) * size,
                        t.keeps_bytes() ? std::make_shared<const Tensor>(t) : nullptr);
  }
  Tensor out(t.dtype(), shape);
  const size_t row = static_cast<size_t>(count * inner) * size;
  for (int64_t o = 0; o < outer && row > 0; ++o) {
    std::memcpy(static_cast<char*>(out.mutable_data()) + static_cast<size_t>(o) * row, from + static_cast<size_t>(o * whole + first * inner) * size,
                row);
  }
  return out;
}

Tensor join_axis(std::span<const Tensor> pieces, int axis) {
  int64_t total = 0;
  for (const Tensor& p : pieces) total += p.shape()[axis];
  const Shape shape = with_axis(pieces[0].shape(), axis, total);
  const int64_t outer = outer_of(shape, axis), inner = shape.count(axis + 1);
  if (pieces[0].dtype() == DType::kString) {
    std::vector<std::vector<std::string>> texts;
    for (const Tensor& p : pieces) texts.push_back(texts_of(p));
    std::vector<std::string> out;
    for (int64_t o = 0; o < outer; ++o) {
      for (size_t i = 0; i < pieces.size(); ++i) {
        const ptrdiff_t row = static_cast<ptrdiff_t>(pieces[i].shape()[axis] * inner);
        out.insert(out.end(), texts[i].begin() + o * row, texts[i].begin() + (o + 1) * row);
      }
    }
    return Tensor::strings(shape, out);
  }
  checked_count(shape.dims());
  Tensor out(pieces[0].dtype(), shape);
  const size_t size = dtype_size(out.dtype());
  char* to = static_cast<char*>(out.mutable_data());
  for (int64_t o = 0; o < outer; ++o) {
    for (const Tensor& p : pieces) {
      const size_t row = static_cast<size_t>(p.shape()[axis] * inner) * size;
      if (row > 0) std::memcpy(to, static_cast<const char*>(p.data()) + static_cast<size_t>(o) * row, row);
      to += row;
    }
  }
  return out;
}

Tensor stack_axis(std::span<const Tensor> pieces, int axis) {
  std::vector<int64_t> dims(pieces[0].shape().begin(), pieces[0].shape().end());
  dims.insert(dims.begin() + axis, 1);
  const Shape shape((std::span<const int64_t>(dims)));
  std::vector<Tensor> widened;
  for (const Tensor& p : pieces) widened.push_back(p.reshaped(shape));
  return join_axis(widened, axis);
}

const char* join_problem(std::span<const Tensor> pieces, int axis, bool stack) {
  if (pieces.empty()) return "no tensors to put together";
  const Shape& first = pieces[0].shape();
  if (dtype_bits(pieces[0].dtype()) == 4) return "4-bit elements cannot be put together";
  if (stack && first.rank() == Shape::kMaxRank) return "tensors of rank 8 cannot be stacked";
  if (axis < 0 || axis >= first.rank() + (stack ? 1 : 0)) return "the axis is not one of the tensors";
  for (const Tensor& p : pieces) {
    if (p.dtype() != pieces[0].dtype() || p.shape().rank() != first.rank()) return "tensors of different types cannot be put together";
    for (int d = 0; d < first.rank(); ++d) {
      if ((stack || d != axis) && p.shape()[d] != first[d]) return "tensors of different shapes cannot be put together";
    }
  }
  return "";
}

Type merge_types(const Type& a, const Type& b, DimTable& dims) {
  Type out = a;
  if (!a.ranked || !b.ranked || a.rank() != b.rank()) {
    out.ranked = false;
    out.dims.clear();
    return out;
  }
  for (int d = 0; d < a.rank(); ++d) {
    if (a.dim(d) != b.dim(d)) out.dims[static_cast<size_t>(d)] = dims.fresh();
  }
  return out;
}

Type type_of(const Graph& body, ValueId id, DimTable& dims) {
  Type type = body.type(id);
  if (&body.dims() == &dims) return type;
  for (Dim& d : type.dims) d = dims.import(d, body.dims());
  return type;
}

}  // namespace omni::ops
