// Unique (ai.onnx): the distinct elements (or slices along an axis), where each was first, which one every element is, and how often it occurs.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}};
constexpr Formal kOutputs[] = {{"Y"}, {"indices", kOptional}, {"inverse_indices", kOptional}, {"counts", kOptional}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}, {"sorted", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{28}, {11}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  const Dim found = c.dims.fresh();
  Dim size = c.dims.fresh();
  if (!c.attributes.has("axis")) {
    c.set(0, Type(x.dtype, std::vector<Dim>{found}));
    if (x.ranked) size = c.dims.product(x.dims);
  } else if (x.ranked) {
    Type type = x;
    const int axis = c.axis(c.attributes.get_int("axis", 0), x.rank());
    size = x.dim(axis);
    type.dims[static_cast<size_t>(axis)] = found;
    c.set(0, std::move(type));
  } else {
    c.set(0, Type::unranked(x.dtype));
  }
  for (int i = 1; i < c.output_count(); ++i) {
    if (c.wants_output(i)) c.set(i, Type(DType::kI64, std::vector<Dim>{i == 2 ? size : found}));
  }
}

// Slices of the axis as rows of doubles (64-bit integers as themselves), compared lexicographically. NaN is greater than all and equal to itself.
struct Rows {
  int64_t count, width;
  std::vector<double> values;
  std::vector<int64_t> wide;  // i64 and u64
  bool is_unsigned;

  int compare(int64_t a, int64_t b) const {
    for (int64_t i = 0; i < width; ++i) {
      const size_t u = static_cast<size_t>(a * width + i), v = static_cast<size_t>(b * width + i);
      if (!wide.empty()) {
        if (wide[u] == wide[v]) continue;
        const bool less = is_unsigned ? static_cast<uint64_t>(wide[u]) < static_cast<uint64_t>(wide[v]) : wide[u] < wide[v];
        return less ? -1 : 1;
      }
      const double x = values[u], y = values[v];
      if (x == y || (x != x && y != y)) continue;
      return x < y || (y != y) ? -1 : 1;
    }
    return 0;
  }
};

Rows rows_of(const Tensor& x, int64_t outer, int64_t size, int64_t inner) {
  Rows rows{size, outer * inner, {}, {}, x.dtype() == DType::kU64};
  const bool wide = x.dtype() == DType::kI64 || x.dtype() == DType::kU64;
  const std::vector<double> all = wide ? std::vector<double>() : to_double(x);
  const int64_t* integers = wide ? static_cast<const int64_t*>(x.data()) : nullptr;
  (wide ? rows.wide.resize(static_cast<size_t>(x.count())) : rows.values.resize(static_cast<size_t>(x.count())));
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t s = 0; s < size; ++s) {
      for (int64_t i = 0; i < inner; ++i) {
        const size_t to = static_cast<size_t>(s * rows.width + o * inner + i), from = static_cast<size_t>((o * size + s) * inner + i);
        if (wide)
          rows.wide[to] = integers[from];
        else
          rows.values[to] = all[from];
      }
    }
  }
  return rows;
}

struct Distinct {
  std::vector<int64_t> first, inverse, counts;
};

Distinct distinct(const Rows& rows, bool sorted) {
  std::vector<int64_t> order(static_cast<size_t>(rows.count));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return rows.compare(a, b) < 0; });
  Distinct d;
  d.inverse.resize(order.size());
  for (size_t k = 0; k < order.size(); ++k) {
    if (k == 0 || rows.compare(order[k - 1], order[k]) != 0) {
      d.first.push_back(order[k]);
      d.counts.push_back(0);
    }
    ++d.counts.back();
    d.inverse[static_cast<size_t>(order[k])] = static_cast<int64_t>(d.first.size()) - 1;
  }
  if (sorted) return d;
  std::vector<int64_t> by_first(d.first.size()), place(d.first.size());
  std::iota(by_first.begin(), by_first.end(), 0);
  std::sort(by_first.begin(), by_first.end(),
            [&](int64_t a, int64_t b) { return d.first[static_cast<size_t>(a)] < d.first[static_cast<size_t>(b)]; });
  Distinct in_order{{}, d.inverse, {}};
  for (size_t k = 0; k < by_first.size(); ++k) {
    place[static_cast<size_t>(by_first[k])] = static_cast<int64_t>(k);
    in_order.first.push_back(d.first[static_cast<size_t>(by_first[k])]);
    in_order.counts.push_back(d.counts[static_cast<size_t>(by_first[k])]);
  }
  for (int64_t& i : in_order.inverse) i = place[static_cast<size_t>(i)];
  return in_order;
}

std::vector<Tensor> produce(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot& status) {
  const Tensor& x = inputs[0];
  if (dtype_bits(x.dtype()) < 8) {
    status.fail(0, "no kernel for this element type");
    return {};
  }
  const bool flat = !n.attributes.has("axis");
  const int rank = x.shape().rank();
  const int64_t stated = n.attributes.get_int("axis", 0);
  const int axis = flat ? 0 : static_cast<int>(stated < 0 ? stated + rank : stated);
  const int64_t size = flat ? x.count() : x.shape()[axis], outer = flat ? 1 : x.shape().count(0, axis), inner = flat ? 1 : x.shape().count(axis + 1);
  const Distinct d = distinct(rows_of(x, outer, size, inner), n.attributes.get_int("sorted", 1) != 0);
  const int64_t found = static_cast<int64_t>(d.first.size());
  Shape shape = flat ? Shape{found} : x.shape();
  if (!flat) shape.set(axis, found);
  std::vector<Tensor> out;
  out.emplace_back(x.dtype(), shape);
  const size_t row = static_cast<size_t>(inner) * dtype_size(x.dtype());
  char* y = static_cast<char*>(out[0].mutable_data());
  for (int64_t o = 0; o < outer; ++o) {
    for (const int64_t s : d.first) {
      if (row != 0) std::memcpy(y, static_cast<const char*>(x.data()) + static_cast<size_t>(o * size + s) * row, row);
      y += row;
    }
  }
  for (const std::vector<int64_t>* list : {&d.first, &d.inverse, &d.counts}) {
    out.push_back(Tensor::of<int64_t>(Shape{static_cast<int64_t>(list->size())}, std::span<const int64_t>(*list)));
  }
  out.resize(n.outputs.size());
  return out;
}

}  // namespace

constinit const OpDef kUnique = {.name = "Unique",
                                 .inputs = kInputs,
                                 .outputs = kOutputs,
                                 .attributes = kAttributes,
                                 .versions = kVersions,
                                 .traits = kDataDependent,
                                 .infer = infer,
                                 .produce = produce};

}  // namespace omni::ops
