// Selection, packing and the cutting into tasks. The arithmetic is in the kernels of kernels.inc.
#include "kernels/gemm_int8/gemm_int8.h"

#include <algorithm>

namespace omni::kernels {

#define OMNI_GEMM_INT8(isa, space)              \
  namespace space {                             \
  extern const Int8GemmKernel gemm_int8_kernel; \
  }
#include "kernels/gemm_int8/kernels.inc"
#undef OMNI_GEMM_INT8

const Int8GemmKernel& select_gemm_int8(core::Isa isa) {
  const Int8GemmKernel* best = &scalar::gemm_int8_kernel;
#define OMNI_GEMM_INT8(name, space) \
  if (core::Isa::name <= isa && (core::Isa::name == core::Isa::kScalar || isa < core::Isa::kNeon)) best = &space::gemm_int8_kernel;
#include "kernels/gemm_int8/kernels.inc"
#undef OMNI_GEMM_INT8
  return *best;
}

Int8Rows Int8Rows::matrix(const void* data, bool is_signed, int64_t rows, int64_t k, int64_t stride) {
  Int8Rows r;
  r.data = static_cast<const uint8_t*>(data);
  r.flip = is_signed ? 0x80 : 0;
  r.rows = rows;
  r.channels = k;
  r.height = r.out_height = rows;
  r.row_stride = r.pixel_stride = stride;
  return r;
}

bool Int8Rows::contiguous() const {
  return kernel_height == 1 && kernel_width == 1 && stride_y == 1 && stride_x == 1 && pad_top == 0 && pad_left == 0 && out_height == height &&
         out_width == width && row_stride == width * pixel_stride && (image_stride == height * row_stride || rows <= height * width);
}

int64_t Int8Layout::column_of(const Int8Group& group, int64_t position) const {
  const int64_t lanes = kernel->lanes, vector = position / lanes, element = position % lanes;
  if (output != Int8Output::kBytes || lanes < 4) return group.column + position;
  return group.column + 4 * group.vectors * (element / 4) + 4 * vector + element % 4;
}

Int8Layout layout_gemm_int8(core::Isa isa, Int8Output output, int64_t n, int64_t k, int copies) {
  Int8Layout l;
  l.kernel = &select_gemm_int8(isa);
  if (k * copies > l.kernel->max_depth) l.kernel = &scalar::gemm_int8_kernel;
  l.output = output;
  l.n = n;
  l.k = k;
  l.copies = copies;
  l.depth = (k * copies + l.kernel->quad - 1) / l.kernel->quad * l.kernel->quad;
  const int64_t lanes = l.kernel->lanes;
  for (int64_t column = 0; column < n;) {
    int64_t left = (n - column + lanes - 1) / lanes;
    int vectors = l.kernel->max_vectors;
    while (vectors > left) vectors /= 2;
    l.groups.push_back({column, l.packed_columns, l.bytes, vectors});
    column += vectors * lanes;
    l.packed_columns += vectors * lanes;
    l.bytes += vectors * lanes * l.depth;
  }
  return l;
}

namespace {

inline int32_t weight_at(const Int8Matrix& w, int64_t n, int64_t k) {
  const int64_t i = n * w.column_stride + k * w.depth_stride;
  return w.is_signed ? static_cast<const int8_t*>(w.data)[i] : static_cast<const uint8_t*>(w.data)[i];
}

// The part'th of `copies` s8 numbers whose sum is v, which is in [-255, 255].
inline int8_t part_of(int32_t v, int part) {
  for (int i = 0; i < part; ++i) v -= std::clamp(v, -128, 127);
  return static_cast<int8_t>(std::clamp(v, -128, 127));
}

}  // namespace

int copies_needed(const Int8Matrix& w, int64_t n, int64_t k) {
  if (w.data == nullptr) return 3;
  int copies = 1;
  for (int64_t i = 0; i < n; ++i) {
    const int32_t zero = w.zero(i);
    for (int64_t j = 0; j < k; ++j) {
      const int32_t v = weight_at(w, i, j) - zero;
      if (v < -128 || v > 127) copies = std::max(copies, v > 254 ? 3 : 2);
    }
  }
  return copies;
}

void pack_gemm_int8(const Int8Layout& layout, const Int8Matrix& w, int8_t* packed, int32_t* column_sums) noexcept {
  const int64_t quad = layout.kernel->quad, lanes = layout.kernel->lanes;
  for (const Int8Group& group : layout.groups) {
    int8_t* const base = packed + group.offset;
    const int64_t width = group.vectors * lanes;
    for (int64_t p = 0; p < width; ++p) {
      const int64_t n = layout.column_of(group, p);
      uint32_t sum = 0;
      const int32_t zero = n < layout.n ? w.zero(n) : 0;
      for (int64_t d = 0; d < layout.depth; ++d) {
        int8_t v = 0;
        if (n < layout.n && d < layout.k * layout.copies) v = part_of(weight_at(w, n, d % layout.k) - zero, static_cast<int>(d / layout.k));
        base[(d / quad * width + p) * quad + d % quad] = v;
        sum += static_cast<uint32_t>(static_cast<int32_t>(v));
      }
      column_sums[group.packed + p] = static_cast<int32_t>(sum);
    }
  }
}

Int8Weights pack_weights_int8(core::Isa isa, Int8Output output, const Int8Matrix& w, int64_t n, int64_t k) {
  Int8Weights packed{layout_gemm_int8(isa, output, n, k, copies_needed(w, n, k)), {}, {}};
  packed.packed = core::Tensor(core::DType::kI8, core::Shape{packed.layout.bytes});
  packed.column_sums = core::Tensor(core::DType::kI32, core::Shape{packed.layout.packed_columns});
  pack_gemm_int8(packed.layout, w, static_cast<int8_t*>(packed.packed.mutable_data()), packed.column_sums.mutable_values<int32_t>().data());
  return packed;
}

void start_values(const Int8Layout& layout, const int32_t* column_sums, const int32_t* bias, int32_t za, int32_t* start) noexcept {
  for (const Int8Group& group : layout.groups) {
    for (int64_t p = 0; p < group.vectors * layout.kernel->lanes; ++p) {
      const int64_t n = layout.column_of(group, p), at = group.packed + p;
      const uint32_t b = bias != nullptr && n < layout.n ? static_cast<uint32_t>(bias[n]) : 0;
      start[at] = static_cast<int32_t>(b - static_cast<uint32_t>(za) * static_cast<uint32_t>(column_sums[at]));
    }
  }
}

void to_packed_columns(const Int8Layout& layout, const float* values, bool scalar, float padding, float* out) noexcept {
  for (const Int8Group& group : layout.groups) {
    for (int64_t p = 0; p < group.vectors * layout.kernel->lanes; ++p) {
      const int64_t n = layout.column_of(group, p);
      out[group.packed + p] = n < layout.n ? values[scalar ? 0 : n] : padding;
    }
  }
}

PreparedInt8 prepare_int8(core::Isa isa, const Int8Matrix& w, int64_t n, int64_t k, const Int8Quantization& q) {
  PreparedInt8 p;
  p.weights = pack_weights_int8(isa, q.output, w, n, k);
  const Int8Layout& layout = p.weights.layout;
  const size_t columns = static_cast<size_t>(layout.packed_columns);
  p.start.resize(columns);
  start_values(layout, p.weights.column_sums.values<int32_t>().data(), q.bias.empty() ? nullptr : q.bias.data(),
               ByteRange::of(q.x_signed, q.zx).as_unsigned().zero, p.start.data());
  if (!q.multiplier.empty()) {
    p.multiplier.resize(columns);
    to_packed_columns(layout, q.multiplier.data(), q.multiplier.size() == 1, 0, p.multiplier.data());
  }
  if (!q.float_bias.empty()) {
    p.float_bias.resize(columns);
    to_packed_columns(layout, q.float_bias.data(), false, 0, p.float_bias.data());
  }
  Int8Epilogue& e = p.epilogue;
  for (float m : q.multiplier) e.wide = e.wide || !(m <= kSafeMultiplier);
  e.range = q.y.as_unsigned();
  e.flip = q.residual ? q.sum.flip() : q.y.flip();
  if (q.residual) {
    e.residual_flip = q.residual_signed ? 0x80 : 0;
    e.residual_zero = ByteRange::of(q.residual_signed, q.residual_zero).as_unsigned().zero;
    e.ma = q.ma;
    e.mb = q.mb;
    e.sum = q.sum.as_unsigned();
  }
  return p;
}

Int8GemmArgs PreparedInt8::arguments() const {
  Int8GemmArgs args;
  args.layout = &weights.layout;
  args.weights = weights.data();
  args.epilogue = epilogue;
  args.epilogue.start = start.data();
  args.epilogue.multiplier = multiplier.empty() ? nullptr : multiplier.data();
  args.epilogue.bias = float_bias.empty() ? nullptr : float_bias.data();
  return args;
}

void gemm_int8(const Int8GemmArgs& args, core::ThreadPool& pool) noexcept {
  const Int8Layout& layout = *args.layout;
  const int64_t rows = args.a.rows, groups = static_cast<int64_t>(layout.groups.size());
  if (rows == 0 || groups == 0) return;
  // Tasks of a million multiply-adds and more (2 to 20 us), sixteen at most: by rows as long as a task keeps 48 of them, then by columns.
  const double work = static_cast<double>(rows) * static_cast<double>(layout.packed_columns) * static_cast<double>(layout.depth);
  const int64_t wanted = std::clamp<int64_t>(static_cast<int64_t>(work / (1 << 20)), 1, 16);
  constexpr int64_t kRowStep = 24;  // a multiple of the tiles' heights
  const int64_t row_tasks = std::clamp<int64_t>(rows / (2 * kRowStep), 1, wanted);
  const int64_t column_tasks = std::min(groups, wanted / row_tasks);
  const int64_t row_size = ((rows + row_tasks - 1) / row_tasks + kRowStep - 1) / kRowStep * kRowStep;
  pool.parallel_for(row_tasks * column_tasks, [&](int64_t task) {
    const int64_t r = task / column_tasks, c = task % column_tasks;
    const int64_t begin = std::min(rows, r * row_size), end = std::min(rows, begin + row_size);
    if (begin == end) return;
    layout.kernel->run({&args, begin, end, static_cast<int>(groups * c / column_tasks), static_cast<int>(groups * (c + 1) / column_tasks)});
  });
}

}  // namespace omni::kernels
