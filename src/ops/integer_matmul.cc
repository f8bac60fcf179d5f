#include "ops/integer_matmul.h"

namespace omni::ops {

Type infer_matmul_int8(const InferContext& c, DType dtype) {
  const Type &a = c.input(0), &b = c.input(1);
  if (!a.ranked || !b.ranked) return Type::unranked(dtype);
  if (a.rank() < 1 || b.rank() < 1) c.fail("a product of scalars");
  std::vector<Dim> ad = a.dims, bd = b.dims;
  if (a.rank() == 1) ad.insert(ad.begin(), Dim(1));
  if (b.rank() == 1) bd.push_back(Dim(1));
  const Dim ka = ad.back(), kb = bd[bd.size() - 2];
  if (ka.is_constant() && kb.is_constant() && ka != kb)
    c.fail("A has " + std::to_string(ka.value) + " columns, B " + std::to_string(kb.value) + " rows");
  std::vector<Dim> dims = c.broadcast({ad.begin(), ad.end() - 2}, {bd.begin(), bd.end() - 2});
  if (a.rank() > 1) dims.push_back(ad[ad.size() - 2]);
  if (b.rank() > 1) dims.push_back(bd.back());
  return Type(dtype, std::move(dims));
}

MatMulShape matmul_shape(const Shape& a, const Shape& b) {
  MatMulShape s;
  s.m = a.rank() > 1 ? a[-2] : 1;
  s.k = a[-1];
  s.n = b.rank() > 1 ? b[-1] : 1;
  const auto leading = [](const Shape& x) { return Shape(x.dims().first(static_cast<size_t>(x.rank() > 2 ? x.rank() - 2 : 0))); };
  s.a_batch = leading(a);
  s.b_batch = leading(b);
  s.batch = *broadcast(s.a_batch, s.b_batch);
  return s;
}

int64_t MatMulShape::at(int64_t i, const Shape& s) const {
  int64_t index = 0, stride = 1;
  for (int back = 1; back <= batch.rank(); ++back) {
    const int64_t d = i % batch[-back];
    i /= batch[-back];
    if (back > s.rank()) continue;
    if (s[-back] != 1) index += d * stride;
    stride *= s[-back];
  }
  return index;
}

}  // namespace omni::ops
