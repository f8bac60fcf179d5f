// INT8 product with vpdpbusd, four products of u8 and s8 into an int32 without saturation.
//
// A tile is R rows by V vectors of 16 columns. GCC 12 spills accumulators around the intrinsic (400 instead of 1,000 GOP/s), so the
// instruction is inline assembly on arrays that unroll() turns into registers. At depth <= 64 tiles have 4 rows: the epilogue of
// one overlaps the products of the next. The last tile of a block is moved back over rows already done instead of having its own size.
#include <immintrin.h>

#include "kernels/gemm_int8/gemm_int8.h"
#include "kernels/quantize/unroll.h"

namespace omni::kernels::avx512vnni {
namespace {

constexpr int64_t kBlockBytes = 24 << 10;  // of A: three quarters of a 32 KB L1d
constexpr int64_t kMaxDepth = 64 << 10;

enum Finish { kBytes, kBytesWide, kBytesAdd, kFloat, kInt32 };  // kBytesWide: some multiplier is above kSafeMultiplier

// The lowest n bits, n from 0.
inline __mmask64 first_bits(int64_t n) { return n >= 64 ? ~0ull : (1ull << n) - 1; }

// What gather.h copies with.
struct Copier {
  using Element = uint8_t;
  __m512i flip;
  __mmask16 short_mask;
  explicit Copier(uint8_t f, int64_t short_run, const uint8_t*)
      : flip(_mm512_set1_epi8(static_cast<char>(f))), short_mask(static_cast<__mmask16>(first_bits(short_run))) {}

  // A run of at most 16 bytes, the length given before. A wide store would cross a cache line nearly always.
  void copy_short(uint8_t* out, const uint8_t* in) const {
    const __m128i bytes = _mm_maskz_loadu_epi8(short_mask, in);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_xor_si128(bytes, _mm512_castsi512_si128(flip)));
  }
  void copy(uint8_t* out, const uint8_t* in, int64_t n) const {
    for (int64_t i = 0; i < n; i += 64) _mm512_storeu_si512(out + i, _mm512_xor_si512(_mm512_maskz_loadu_epi8(first_bits(n - i), in + i), flip));
  }
  void fill(uint8_t* out, uint8_t value, int64_t n) const {
    for (int64_t i = 0; i < n; i += 64) _mm512_storeu_si512(out + i, _mm512_set1_epi8(static_cast<char>(value)));
  }
};

#include "kernels/gemm_int8/gather.h"

inline __m512i broadcast4(const uint8_t* p) {
  int v;
  __builtin_memcpy(&v, p, 4);
  return _mm512_set1_epi32(v);
}
[[gnu::always_inline]] inline void dot(__m512i& acc, __m512i a, __m512i b) { asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b)); }
[[gnu::always_inline]] inline void dot_memory(__m512i& acc, __m512i a, const int8_t* b) {
  asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "m"(*reinterpret_cast<const __m512i*>(b)));
}

// What a tile needs of one column group.
struct Columns {
  const int8_t* weights;
  const int32_t* start;
  const float* multiplier;
  const float* bias;
  int64_t count;  // columns that exist, from the group's first
};

template <int R, int V>
struct Sums {
  __m512i v[R][V];
};

template <int R, int V>
[[gnu::always_inline]] inline void multiply(Sums<R, V>& c, const uint8_t* a, int64_t stride, int64_t quads, const Columns& columns) {
  unroll<0, R>([&](auto r) OMNI_UNROLLED { unroll<0, V>([&](auto v) OMNI_UNROLLED { c.v[r][v] = _mm512_loadu_si512(columns.start + 16 * v); }); });
  const int8_t* b = columns.weights;
  constexpr int kHeld = R * V + V + 1 > 32 ? V - 1 : V;  // the last weight vector stays in memory where registers are short
#pragma GCC unroll 1
  for (int64_t q = 0; q < quads; ++q, a += 4, b += 64 * V) {
    __m512i w[V];
    unroll<0, kHeld>([&](auto v) OMNI_UNROLLED { w[v] = _mm512_loadu_si512(b + 64 * v); });
    unroll<0, R>([&](auto r) OMNI_UNROLLED {
      const __m512i x = broadcast4(a + r * stride);
      unroll<0, kHeld>([&](auto v) OMNI_UNROLLED { dot(c.v[r][v], x, w[v]); });
      if constexpr (kHeld < V) dot_memory(c.v[r][V - 1], x, b + 64 * (V - 1));
    });
  }
}

// One row: two chains along K, weights prefetched 4 KB ahead, since this is bound by reading them.
template <int V>
[[gnu::always_inline]] inline void multiply(Sums<1, V>& c, const uint8_t* a, int64_t, int64_t quads, const Columns& columns) {
  __m512i d[V];
  unroll<0, V>([&](auto v) OMNI_UNROLLED {
    c.v[0][v] = _mm512_loadu_si512(columns.start + 16 * v);
    d[v] = _mm512_setzero_si512();
  });
  const int8_t* b = columns.weights;
  int64_t q = 0;
#pragma GCC unroll 1
  for (; q + 2 <= quads; q += 2, a += 8, b += 128 * V) {
    const __m512i x = broadcast4(a), y = broadcast4(a + 4);
    unroll<0, V>([&](auto v) OMNI_UNROLLED {
      _mm_prefetch(reinterpret_cast<const char*>(b + 4096 + 64 * v), _MM_HINT_T0);
      _mm_prefetch(reinterpret_cast<const char*>(b + 4096 + 64 * (V + v)), _MM_HINT_T0);
      dot(c.v[0][v], x, _mm512_loadu_si512(b + 64 * v));
      dot(d[v], y, _mm512_loadu_si512(b + 64 * (V + v)));
    });
  }
  if (q < quads) unroll<0, V>([&](auto v) OMNI_UNROLLED { dot(c.v[0][v], broadcast4(a), _mm512_loadu_si512(b + 64 * v)); });
  unroll<0, V>([&](auto v) OMNI_UNROLLED { c.v[0][v] = _mm512_add_epi32(c.v[0][v], d[v]); });
}

[[gnu::always_inline]] inline __m512 scaled(__m512i acc, const float* multiplier) {
  return _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(multiplier));
}

// a * b that no later addition is fused with: the definition rounds it on its own.
[[gnu::always_inline]] inline __m512 product(__m512 a, __m512 b) {
  __m512 p = _mm512_mul_ps(a, b);
  asm("" : "+v"(p));
  return p;
}

// The residual's bytes of row r (u8 view) as they meet vector v of the sums.
template <int V>
[[gnu::always_inline]] inline __m512i residual_vector(__m512i bytes, int v) {
  if constexpr (V == 1) return _mm512_cvtepu8_epi32(_mm512_castsi512_si128(bytes));
  const __m512i pick = _mm512_set1_epi32(4 * v);
  const __m512i spread = _mm512_broadcast_i32x4(_mm_set_epi8(-1, -1, -1, 3, -1, -1, -1, 2, -1, -1, -1, 1, -1, -1, -1, 0));
  return _mm512_shuffle_epi8(bytes, _mm512_add_epi32(spread, pick));
}

template <int V>
[[gnu::always_inline]] inline __m512i load_residual(const uint8_t* p, int64_t count, uint8_t flip) {
  const __mmask64 mask = first_bits(count < 16 * V ? count : 16 * V);
  __m512i bytes = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, p), _mm512_set1_epi8(static_cast<char>(flip)));
  if constexpr (V == 2) bytes = _mm512_permutexvar_epi64(_mm512_set_epi64(3, 3, 2, 2, 1, 1, 0, 0), bytes);
  return bytes;
}

// Bytes of the rows of one store, from their sums rounded to 32-bit integers (zero point off).
template <int V, int kRows>
[[gnu::always_inline]] inline void store_bytes(const __m512i (&q)[kRows][V], const ByteRange& range, uint8_t flip, uint8_t* out, int64_t stride,
                                               int rows, int64_t count) {
  const __m512i zero = _mm512_set1_epi16(static_cast<short>(range.zero));
  const __m512i low = _mm512_set1_epi8(static_cast<char>(range.low)), high = _mm512_set1_epi8(static_cast<char>(range.high));
  const __m512i top = _mm512_set1_epi8(static_cast<char>(flip));
  const bool full = count >= 16 * V;
  const auto pack = [&](__m512i a, __m512i b, __m512i c, __m512i d) OMNI_UNROLLED {
    const __m512i l = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero), h = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero);
    return _mm512_xor_si512(_mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(l, h), low), high), top);
  };
  if constexpr (V == 4) {
    const __m512i t = pack(q[0][0], q[0][1], q[0][2], q[0][3]);
    if (full)
      _mm512_storeu_si512(out, t);
    else
      _mm512_mask_storeu_epi8(out, first_bits(count), t);
  } else if constexpr (V == 2) {
    const __m512i t = _mm512_permutexvar_epi64(_mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0), pack(q[0][0], q[0][1], q[1][0], q[1][1]));
    const __m256i t0 = _mm512_castsi512_si256(t), t1 = _mm512_extracti64x4_epi64(t, 1);
    if (full) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), t0);
      if (rows > 1) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + stride), t1);
    } else {
      const __mmask32 mask = static_cast<__mmask32>(first_bits(count));
      _mm256_mask_storeu_epi8(out, mask, t0);
      if (rows > 1) _mm256_mask_storeu_epi8(out + stride, mask, t1);
    }
  } else {
    const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    const __m512i t = _mm512_permutexvar_epi32(order, pack(q[0][0], q[1][0], q[2][0], q[3][0]));
    const __mmask16 mask = full ? 0xffff : static_cast<__mmask16>(first_bits(count));
    const auto store = [&](int r, __m128i x) OMNI_UNROLLED {
      if (full)
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + r * stride), x);
      else
        _mm_mask_storeu_epi8(out + r * stride, mask, x);
    };
    store(0, _mm512_castsi512_si128(t));
    if (rows > 1) {
      store(1, _mm512_extracti32x4_epi32(t, 1));
      store(2, _mm512_extracti32x4_epi32(t, 2));
      store(3, _mm512_extracti32x4_epi32(t, 3));
    }
  }
}

template <int R, int V, int F>
[[gnu::always_inline]] inline void finish_bytes(Sums<R, V>& c, const Int8Epilogue& e, const Columns& columns, uint8_t* out, const uint8_t* residual,
                                                int64_t stride) {
  constexpr int kTogether = V == 4 ? 1 : V == 2 ? 2 : 4;  // rows of one pack
  constexpr int kStep = R < kTogether ? R : kTogether;
  unroll<0, R / kStep>([&](auto step) OMNI_UNROLLED {
    __m512i q[kTogether][V];
    unroll<0, kTogether>([&](auto i) OMNI_UNROLLED {
      constexpr int r = decltype(step){} * kStep + (decltype(i){} < kStep ? decltype(i){} : 0);
      if constexpr (F == kBytesAdd) {
        const __m512i bytes = load_residual<V>(residual + r * stride, columns.count, e.residual_flip);
        unroll<0, V>([&](auto v) OMNI_UNROLLED {
          __m512 t = _mm512_roundscale_ps(scaled(c.v[r][v], columns.multiplier + 16 * v), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
          t = _mm512_max_ps(t, _mm512_set1_ps(static_cast<float>(e.range.low - e.range.zero)));
          t = _mm512_min_ps(t, _mm512_set1_ps(static_cast<float>(e.range.high - e.range.zero)));
          const __m512i other = _mm512_sub_epi32(residual_vector<V>(bytes, v), _mm512_set1_epi32(e.residual_zero));
          const __m512 sum = _mm512_add_ps(product(t, _mm512_set1_ps(e.ma)), product(_mm512_cvtepi32_ps(other), _mm512_set1_ps(e.mb)));
          q[i][v] = _mm512_cvtps_epi32(_mm512_min_ps(sum, _mm512_set1_ps(static_cast<float>(e.sum.high - e.sum.zero))));
        });
      } else {
        unroll<0, V>([&](auto v) OMNI_UNROLLED {
          __m512 t = scaled(c.v[r][v], columns.multiplier + 16 * v);
          if constexpr (F == kBytesWide) t = _mm512_min_ps(t, _mm512_set1_ps(kBeyondBytes));
          q[i][v] = _mm512_cvtps_epi32(t);
        });
      }
    });
    store_bytes<V>(q, F == kBytesAdd ? e.sum : e.range, e.flip, out + step * kStep * stride, stride, kStep, columns.count);
  });
}

template <int R, int V, bool kScaled>
[[gnu::always_inline]] inline void finish_words(const Sums<R, V>& c, const Columns& columns, int32_t* out, int64_t stride) {
  unroll<0, V>([&](auto v) OMNI_UNROLLED {
    const int64_t left = columns.count - 16 * v;
    const __mmask16 mask = left > 0 ? static_cast<__mmask16>(first_bits(left)) : 0;
    unroll<0, R>([&](auto r) OMNI_UNROLLED {
      int32_t* const p = out + r * stride + 16 * v;
      if constexpr (kScaled) {
        __m512 y = product(_mm512_cvtepi32_ps(c.v[r][v]), _mm512_loadu_ps(columns.multiplier + 16 * v));
        if (columns.bias != nullptr) y = _mm512_add_ps(y, _mm512_loadu_ps(columns.bias + 16 * v));
        _mm512_mask_storeu_ps(p, mask, y);
      } else {
        _mm512_mask_storeu_epi32(p, mask, c.v[r][v]);
      }
    });
  });
}

// Rows [begin, begin + R) of the block whose first row is at `a`; `out` and `residual` point to the block's first row, the group's first column.
template <int R, int V, int F>
void tile(const uint8_t* a, int64_t stride, int64_t quads, const Columns& columns, const Int8Epilogue& e, void* out, const uint8_t* residual,
          int64_t out_stride) {
  Sums<R, V> c;
  multiply(c, a, stride, quads, columns);
  if constexpr (F <= kBytesAdd)
    finish_bytes<R, V, F>(c, e, columns, static_cast<uint8_t*>(out), residual, out_stride);
  else
    finish_words<R, V, F == kFloat>(c, columns, static_cast<int32_t*>(out), out_stride);
}

using TileFn = void (*)(const uint8_t*, int64_t, int64_t, const Columns&, const Int8Epilogue&, void*, const uint8_t*, int64_t);

struct Size {
  int rows;
  TileFn fn[5];  // by Finish
};
template <int R, int V>
constexpr Size size_of() {
  return {R, {tile<R, V, kBytes>, tile<R, V, kBytesWide>, tile<R, V, kBytesAdd>, tile<R, V, kFloat>, tile<R, V, kInt32>}};
}
constexpr Size kWide[] = {size_of<7, 4>(), size_of<6, 4>(), size_of<4, 4>(), size_of<1, 4>()};
constexpr Size kMiddle[] = {size_of<8, 2>(), size_of<4, 2>(), size_of<1, 2>()};
constexpr Size kNarrow[] = {size_of<12, 1>(), size_of<4, 1>(), size_of<1, 1>()};

// The tallest tile that suits: 7x64 where it divides the rows (28 sums, the last weight vector in memory), 6x64 otherwise,
// 4x64 at a small depth; a smaller one when the block has too few rows.
const Size& choose(int vectors, int64_t rows, int64_t depth) {
  const Size* s = vectors == 4 ? kWide : vectors == 2 ? kMiddle : kNarrow;
  if (vectors == 4) {
    if (depth <= 64)
      s += 2;
    else if (rows % 7 != 0 || rows % 6 == 0)
      s += 1;
  }
  while (s->rows > rows) ++s;
  return *s;
}

void run_group(const Int8GemmArgs& args, const Int8Group& group, const uint8_t* a, int64_t stride, int64_t first_row, int64_t rows) {
  const Int8Layout& layout = *args.layout;
  const Int8Epilogue& e = args.epilogue;
  Columns columns{args.weights + group.offset, e.start + group.packed, nullptr, nullptr, layout.n - group.column};
  if (e.multiplier != nullptr) columns.multiplier = e.multiplier + group.packed;
  if (e.bias != nullptr) columns.bias = e.bias + group.packed;
  const bool bytes = layout.output == Int8Output::kBytes;
  const Finish finish = bytes                                 ? (e.residual != nullptr ? kBytesAdd
                                                                 : e.wide              ? kBytesWide
                                                                                       : kBytes)
                        : layout.output == Int8Output::kFloat ? kFloat
                                                              : kInt32;
  const Size& size = choose(group.vectors, rows, layout.depth);
  const int64_t element = bytes ? 1 : 4;
  for (int64_t m = 0; m < rows; m += size.rows) {
    const int64_t at = m + size.rows > rows ? rows - size.rows : m, out_at = (first_row + at) * args.out_stride + group.column;
    size.fn[finish](a + at * stride, stride, layout.depth / 4, columns, e, static_cast<uint8_t*>(args.out) + out_at * element,
                    e.residual != nullptr ? e.residual + out_at : nullptr, args.out_stride);
  }
}

void run(const Int8GemmTask& task) noexcept {
  const Int8GemmArgs& args = *task.args;
  const Int8Layout& layout = *args.layout;
  const bool direct = args.a.contiguous() && args.a.flip == 0 && layout.copies == 1 && layout.depth == layout.k;
  alignas(64) uint8_t block[kMaxDepth + 128];
  constexpr int64_t kStep = 168;  // divides into tiles of 4, 6, 7, 8 and 12 rows
  int64_t block_rows = kBlockBytes / layout.depth;
  if (block_rows >= kStep)
    block_rows = block_rows / kStep * kStep;
  else if (block_rows >= 24)
    block_rows = block_rows / 12 * 12;
  else
    block_rows = !direct && layout.depth * 12 > kMaxDepth ? (kMaxDepth / layout.depth >= 1 ? kMaxDepth / layout.depth : 1) : 12;
  for (int64_t m = task.row_begin; m < task.row_end;) {
    const int64_t left = task.row_end - m, rows = left <= block_rows || (direct && left <= block_rows + block_rows / 2) ? left : block_rows;
    const uint8_t* a = args.a.data + m * args.a.pixel_stride;
    int64_t stride = args.a.pixel_stride;
    if (!direct) {
      gather_rows<Copier>(args.a, layout.copies, layout.depth, m, m + rows, block);
      a = block;
      stride = layout.depth;
    }
    for (int g = task.group_begin; g < task.group_end; ++g) run_group(args, layout.groups[static_cast<size_t>(g)], a, stride, m, rows);
    m += rows;
  }
}

}  // namespace

extern const Int8GemmKernel gemm_int8_kernel;
constinit const Int8GemmKernel gemm_int8_kernel = {core::Isa::kAvx512Vnni, 4, 16, 4, kMaxDepth, run};

}  // namespace omni::kernels::avx512vnni
