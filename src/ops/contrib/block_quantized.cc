// MatMulNBits and GatherBlockQuantized (com.microsoft): weights of 4 or 8 bits with a scale, and perhaps a zero point, a block of columns.
//
// MatMulNBits: B is [N, blocks, bytes of a block], the first column in the low nibble; that is a tensor u4[N, blocks · block_size] as ONNX packs it,
// so constant weights stay as they are and become floats only where the planner decodes them.
#include "core/error.h"
#include "ops/contrib/expansion.h"

namespace omni::ops {

namespace {

constexpr Formal kMatMulInputs[] = {{"A"}, {"B"}, {"scales"}, {"zero_points", kOptional}, {"g_idx", kOptional}, {"bias", kOptional}};
constexpr Formal kGatherInputs[] = {{"data"}, {"indices"}, {"scales"}, {"zero_points", kOptional}};
constexpr Formal kY[] = {{"Y"}};
constexpr Formal kOutput[] = {{"output"}};
constexpr AttributeDef kMatMulAttributes[] = {{"K", AttributeKind::kInt, true},          {"N", AttributeKind::kInt, true},
                                              {"accuracy_level", AttributeKind::kInt},   {"bits", AttributeKind::kInt},
                                              {"block_size", AttributeKind::kInt, true}, {"weight_prepacked", AttributeKind::kInt}};
constexpr AttributeDef kGatherAttributes[] = {
    {"bits", AttributeKind::kInt}, {"block_size", AttributeKind::kInt}, {"gather_axis", AttributeKind::kInt}, {"quantize_axis", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{1}};

// Bytes [rows…, n] as their nibbles [rows…, 2 n], the low one first, still in bytes.
ValueId nibbles(const Parts& p, ValueId bytes, std::vector<int64_t> shape) {
  const auto byte = [&](int v) { return p.g.add_constant("byte", Tensor::scalar(static_cast<uint8_t>(v))); };
  const int last = p.rank(bytes);
  const ValueId low = p.make(kBitwiseAnd, {bytes, byte(15)});
  const ValueId high = p.make(kBitShift, {bytes, byte(4)}, {{"direction", std::string("RIGHT")}});
  return p.reshape(p.concat({p.unsqueeze(low, {last}), p.unsqueeze(high, {last})}, last), shape);
}

// The bytes of a constant under another type and shape of as many bits.
Tensor seen_as(const Tensor& t, DType type, Shape shape) {
  const auto keeper = std::make_shared<Tensor>(t.kept());
  return Tensor::view(type, shape, keeper->data(), keeper);
}

struct Blocks {
  int64_t n, k, size, bits, count, bytes;  // rows, columns, columns of a block, blocks a row, bytes a block
};

Blocks blocks_of(const Parts& p) {
  Blocks b{p.integer("N", 0), p.integer("K", 0), p.integer("block_size", 0), p.integer("bits", 4), 0, 0};
  p.require(b.n > 0 && b.n <= INT32_MAX && b.k > 0 && b.k <= INT32_MAX, "N or K is out of range");
  p.require(b.size >= 2 && b.size <= 65536 && (b.size & (b.size - 1)) == 0, "block_size is no power of two");
  p.require_supported(b.bits == 4 || b.bits == 8, "weights of other than 4 or 8 bits");
  p.require_supported(p.integer("weight_prepacked", 0) == 0, "weights packed for another machine");
  b.count = (b.k + b.size - 1) / b.size;
  b.bytes = b.size * b.bits / 8;
  return b;
}

void require_count(const Parts& p, ValueId v, int64_t count, std::string_view name) {
  const Type& t = p.g.type(v);
  p.require(t.ranked, std::string(name) + " has no known rank");
  if (t.is_static()) p.require(t.shape()->count() == count, std::string(name) + " has not the size that N, K and block_size give");
}

// A value as the matrix [rows, columns]: a constant stays one, so that passes find it.
ValueId matrix(const Parts& p, ValueId v, int64_t rows, int64_t columns) {
  const Tensor* data = p.constant(v);
  if (data == nullptr || data->count() != rows * columns) return p.reshape(v, {rows, columns});
  return p.g.add_constant(p.g.value(v).name + ".matrix", data->reshaped(Shape{rows, columns}));
}

// Integers of a row-major matrix [n, columns] that is stored in rows of whole bytes. Constants of 4 bits become u4 (`packed`), others bytes.
ValueId integers(const Parts& p, ValueId v, const Blocks& b, int64_t columns, bool packed) {
  if (b.bits == 8) return matrix(p, v, b.n, columns);
  const int64_t bytes = (columns + 1) / 2;
  const Tensor* data = packed ? p.constant(v) : nullptr;
  if (data == nullptr) {
    const ValueId all = nibbles(p, p.reshape(v, {b.n, bytes}), {b.n, 2 * bytes});
    return columns % 2 == 0 ? all : p.slice(all, 1, 0, columns);
  }
  if (columns % 2 == 0) return p.g.add_constant(p.g.value(v).name + ".u4", seen_as(*data, DType::kU4, Shape{b.n, columns}));
  Tensor tight(DType::kU4, Shape{b.n, columns});
  const auto from = data->values<uint8_t>();
  const auto to = tight.mutable_values<uint8_t>();
  for (int64_t i = 0; i < b.n * columns; ++i) {
    const int64_t row = i / columns, column = i % columns;
    const unsigned nibble = (from[static_cast<size_t>(row * bytes + column / 2)] >> (column % 2 * 4)) & 15u;
    uint8_t& byte = to[static_cast<size_t>(i / 2)];
    byte = static_cast<uint8_t>(i % 2 == 0 ? nibble : byte | (nibble << 4));
  }
  return p.g.add_constant(p.g.value(v).name + ".u4", std::move(tight));
}

ValueId constant_zero(const Parts& p, DType type, Shape shape, int value) {
  return p.g.add_constant("zero_point", from_double(type, shape, std::vector<double>(static_cast<size_t>(shape.count()), value)));
}

// W [N, K] in floats, by blocks; or by g_idx, which names the block of every column.
ValueId weights(const Parts& p, const Blocks& b) {
  const ValueId scales = matrix(p, p.in(2), b.n, b.count);
  const DType type = p.dtype(scales);
  const bool grouped = p.has(4), float_zero = p.has(3) && is_float(p.dtype(p.in(3)));
  const bool packed = p.constant(p.in(1)) != nullptr && !grouped && !float_zero && (!p.has(3) || p.constant(p.in(3)) != nullptr);
  const ValueId q = integers(p, p.in(1), b, b.count * b.size, packed);
  const int middle = b.bits == 4 ? 8 : 128;
  ValueId zero = !p.has(3)    ? constant_zero(p, p.dtype(q), Shape{b.n, b.count}, middle)
                 : float_zero ? p.as(p.reshape(p.in(3), {b.n, b.count}), type)
                              : integers(p, p.in(3), b, b.count, packed);
  const auto whole = [&](ValueId w) { return b.count * b.size == b.k ? w : p.slice(w, 1, 0, b.k); };
  if (!grouped && !float_zero) return whole(p.make(kDequantizeLinear, {q, scales, zero}, {{"axis", int64_t{1}}, {"block_size", b.size}}));
  zero = p.as(zero, type);
  if (grouped) {
    p.require(p.rank(p.in(4)) == 1, "g_idx is not of rank 1");
    const auto of_column = [&](ValueId v) { return p.make(kGather, {v, p.in(4)}, {{"axis", int64_t{1}}}); };
    return p.mul(p.sub(p.as(whole(q), type), of_column(zero)), of_column(scales));
  }
  const ValueId steps = p.sub(p.reshape(p.as(q, type), {b.n, b.count, b.size}), p.unsqueeze(zero, {2}));
  return whole(p.reshape(p.mul(steps, p.unsqueeze(scales, {2})), {b.n, b.count * b.size}));
}

void infer_matmul(InferContext& c) {
  const Type& a = c.input(0);
  if (!is_float(a.dtype) || c.input(2).dtype != a.dtype) c.fail("A and the scales are not of one float type");
  if (c.input(1).dtype != DType::kU8) c.fail("B is not u8");
  if (c.has_input(3) && c.input(3).dtype != DType::kU8 && c.input(3).dtype != a.dtype) c.fail("the zero points are neither u8 nor of A's type");
  if (c.has_input(5) && c.input(5).dtype != a.dtype) c.fail("the bias is not of A's type");
  if (c.has_input(5) && (!c.input(5).ranked || c.input(5).rank() != 1)) c.fail("the bias is not of rank 1");
  if (!a.ranked || a.rank() < 1) c.fail("A has no known rank, or is a scalar");
  const int64_t n = c.attributes.get_int("N", 0), k = c.attributes.get_int("K", 0);
  if (n < 1 || n > INT32_MAX) c.fail("N is out of range");
  if (a.dim(-1).is_constant() && a.dim(-1).value != k) c.fail("A has " + std::to_string(a.dim(-1).value) + " columns, K is " + std::to_string(k));
  Type y = a;
  y.dims.back() = n;
  c.set(0, std::move(y));
}

std::vector<ValueId> expand_matmul(Graph& g, const Node& n) {
  const Parts p(g, n);
  const Blocks b = blocks_of(p);
  require_count(p, p.in(1), b.n * b.count * b.bytes, "B");
  require_count(p, p.in(2), b.n * b.count, "scales");
  if (p.has(3)) require_count(p, p.in(3), is_float(p.dtype(p.in(3))) ? b.n * b.count : b.n * ((b.count * b.bits + 7) / 8), "zero_points");
  if (p.has(4)) require_count(p, p.in(4), b.k, "g_idx");
  const ValueId y = p.make(kFusedMatMul, {p.in(0), weights(p, b)}, {{"transB", int64_t{1}}});
  return {p.has(5) ? p.add(y, p.in(5)) : y};
}

// Rows are gathered before they are dequantized: the table stays small.
std::vector<ValueId> expand_gather(Graph& g, const Node& n) {
  const Parts p(g, n);
  const ValueId data = p.in(0), indices = p.in(1);
  const DType type = p.dtype(data);
  const int rank = p.rank(data), added = p.rank(indices) - 1;
  const int64_t bits = p.integer("bits", 4), size = p.integer("block_size", 128);
  int64_t along = p.integer("gather_axis", 0), blocked = p.integer("quantize_axis", 1);
  p.require(along >= -rank && along < rank && blocked >= -rank && blocked < rank, "an axis is out of range");
  along += along < 0 ? rank : 0;
  blocked += blocked < 0 ? rank : 0;
  p.require(along != blocked, "gather_axis and quantize_axis are the same");
  p.require(size >= 16 && size <= 65536, "block_size is out of range");
  p.require(p.rank(p.in(2)) == rank && (!p.has(3) || p.rank(p.in(3)) == rank), "scales and zero points do not have the rank of the data");
  p.require(!p.has(3) || p.dtype(p.in(3)) == type, "the zero points have another element type than the data");
  const int64_t axis = blocked > along ? blocked + added : blocked;
  const auto gathered = [&](ValueId v) { return p.make(kGather, {v, indices}, {{"axis", along}}); };
  if (type != DType::kU8) {
    p.require(type == DType::kI4 || type == DType::kU4, "the data is not i4, u4 or u8");
    std::vector<ValueId> in = {data, p.in(2)};
    if (p.has(3)) in.push_back(p.in(3));
    return {gathered(p.make(kDequantizeLinear, std::move(in), {{"axis", blocked}, {"block_size", size}}))};
  }
  p.require_supported(bits == 4 || bits == 8, "data of other than 4 or 8 bits");
  p.require(bits == 8 || blocked == rank - 1, "4 bits are packed along the last axis, which must be quantize_axis");
  const auto spread = [&](ValueId v, Dim columns) {
    if (bits == 8) return v;
    p.require(columns.is_constant(), "the size of the last axis is not known");
    std::vector<int64_t> shape(static_cast<size_t>(p.rank(v)), 0);
    shape.back() = 2 * p.known(v, -1, "the size of the last axis");
    const ValueId all = nibbles(p, v, shape);
    return columns.value == shape.back() ? all : p.slice(all, p.rank(v) - 1, 0, columns.value);
  };
  const Dim packed = p.dim(data, rank - 1);
  const ValueId q = spread(gathered(data), packed.is_constant() ? Dim(2 * packed.value) : packed), scales = gathered(p.in(2));
  ValueId zero = kNone;
  if (p.has(3)) {
    zero = spread(gathered(p.in(3)), p.dim(p.in(2), rank - 1));
  } else {
    const uint8_t middle = bits == 4 ? 8 : 128;
    zero = p.make(kExpand, {g.add_constant("zero_point", Tensor::scalar(middle)), p.shape(scales)});
  }
  return {p.make(kDequantizeLinear, {q, scales, zero}, {{"axis", axis}, {"block_size", size}})};
}

}  // namespace

constinit const OpDef kMsMatMulNBits = {.name = "MatMulNBits",
                                        .domain = "com.microsoft",
                                        .inputs = kMatMulInputs,
                                        .outputs = kY,
                                        .attributes = kMatMulAttributes,
                                        .versions = kVersions,
                                        .infer = infer_matmul,
                                        .expand = expand_matmul};
constinit const OpDef kMsGatherBlockQuantized = composite<expand_gather>("com.microsoft", "GatherBlockQuantized", kGatherInputs, kOutput, kGatherAttributes);

}  // namespace omni::ops
