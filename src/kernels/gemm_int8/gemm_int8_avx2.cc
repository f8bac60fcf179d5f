// INT8 product with vpmaddwd, exact: activations widened to 16-bit pairs in a block on the stack (once, then reused by every column
// group), weights kept as s8 [depth / 2][16][2] and widened at the load. vpmaddubsw would be faster and saturates: never used.
// The tile is 6 x 16: 12 sums, 2 weight vectors, 1 broadcast, 1 product are the 16 registers.
#include <immintrin.h>

#include "kernels/gemm_int8/gemm_int8.h"
#include "kernels/quantize/unroll.h"

namespace omni::kernels::avx2 {
namespace {

constexpr int64_t kBlockElements = 12 << 10;  // 24 KB of 16-bit elements
constexpr int64_t kMaxDepth = 32 << 10;

enum Finish { kBytes, kBytesWide, kBytesAdd, kFloat, kInt32 };  // kBytesWide: some multiplier is above kSafeMultiplier

// What gather.h copies with.
struct Copier {
  using Element = int16_t;
  __m128i flip;
  int64_t short_run;
  const uint8_t* end;
  explicit Copier(uint8_t f, int64_t run, const uint8_t* e) : flip(_mm_set1_epi8(static_cast<char>(f))), short_run(run), end(e) {}

  void copy16(int16_t* out, const uint8_t* in) const {
    const __m128i bytes = _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in)), flip);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_cvtepu8_epi16(bytes));
  }
  void copy_short(int16_t* out, const uint8_t* in) const {
    if (end - in >= 16)
      copy16(out, in);
    else
      copy(out, in, short_run);
  }
  void copy(int16_t* out, const uint8_t* in, int64_t n) const {
    for (int64_t i = 0; i < n; i += 16) {
      if (end - (in + i) >= 16) {
        copy16(out + i, in + i);
        continue;
      }
      const uint8_t f = static_cast<uint8_t>(_mm_extract_epi8(flip, 0));
      for (int64_t j = i; j < n; ++j) out[j] = static_cast<int16_t>(in[j] ^ f);
      return;
    }
  }
  void fill(int16_t* out, uint8_t value, int64_t n) const {
    for (int64_t i = 0; i < n; i += 16) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), _mm256_set1_epi16(value));
  }
};

#include "kernels/gemm_int8/gather.h"

inline __m256i broadcast2(const int16_t* p) {
  int v;
  __builtin_memcpy(&v, p, 4);
  return _mm256_set1_epi32(v);
}
inline __m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

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
  __m256i v[R][V];
};

template <int R, int V>
[[gnu::always_inline]] inline void multiply(Sums<R, V>& c, const int16_t* a, int64_t depth, const Columns& columns) {
  unroll<0, R>([&](auto r) OMNI_UNROLLED { unroll<0, V>([&](auto v) OMNI_UNROLLED { c.v[r][v] = load(columns.start + 8 * v); }); });
  const int8_t* b = columns.weights;
#pragma GCC unroll 1
  for (int64_t k = 0; k < depth; k += 2, b += 16 * V) {
    __m256i w[V];
    unroll<0, V>([&](auto v) OMNI_UNROLLED { w[v] = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 16 * v))); });
    unroll<0, R>([&](auto r) OMNI_UNROLLED {
      const __m256i x = broadcast2(a + r * depth + k);
      unroll<0, V>([&](auto v) OMNI_UNROLLED { c.v[r][v] = _mm256_add_epi32(c.v[r][v], _mm256_madd_epi16(x, w[v])); });
    });
  }
}

[[gnu::always_inline]] inline __m256 scaled(__m256i acc, const float* multiplier) {
  return _mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(multiplier));
}

// a * b that no later addition is fused with: the definition rounds it on its own.
[[gnu::always_inline]] inline __m256 product(__m256 a, __m256 b) {
  __m256 p = _mm256_mul_ps(a, b);
  asm("" : "+x"(p));
  return p;
}

// The first `count` (at most 16) bytes at p, zeros behind them.
inline __m128i load_bytes(const uint8_t* p, int64_t count) {
  if (count >= 16) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  alignas(16) uint8_t t[16] = {};
  for (int64_t i = 0; i < count; ++i) t[i] = p[i];
  return _mm_load_si128(reinterpret_cast<const __m128i*>(t));
}

inline void store_first(uint8_t* p, __m128i x, int64_t count) {
  alignas(16) uint8_t t[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(t), x);
  for (int64_t i = 0; i < count; ++i) p[i] = t[i];
}

// The residual's bytes (u8 view) as they meet vector v of the sums.
template <int V>
[[gnu::always_inline]] inline __m256i residual_vector(__m128i bytes, int v) {
  if constexpr (V == 1) return _mm256_cvtepu8_epi32(bytes);
  const __m256i spread =
      _mm256_set_epi8(-1, -1, -1, 11, -1, -1, -1, 10, -1, -1, -1, 9, -1, -1, -1, 8, -1, -1, -1, 3, -1, -1, -1, 2, -1, -1, -1, 1, -1, -1, -1, 0);
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), _mm256_add_epi32(spread, _mm256_set1_epi32(4 * v)));
}

// Two rows (one: the same twice) of sums rounded to 32-bit integers (zero point off) as bytes.
template <int V>
[[gnu::always_inline]] inline void store_bytes(const __m256i (&q)[2][V], const ByteRange& range, uint8_t flip, uint8_t* out, int64_t stride, int rows,
                                               int64_t count) {
  const __m256i zero = _mm256_set1_epi16(static_cast<short>(range.zero));
  __m256i t;
  if constexpr (V == 2) {
    t = _mm256_packus_epi16(_mm256_adds_epi16(_mm256_packs_epi32(q[0][0], q[0][1]), zero),
                            _mm256_adds_epi16(_mm256_packs_epi32(q[1][0], q[1][1]), zero));
    t = _mm256_permute4x64_epi64(t, 0xD8);
  } else {
    const __m256i p = _mm256_adds_epi16(_mm256_packs_epi32(q[0][0], q[1][0]), zero);
    t = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(p, p), _mm256_set_epi32(5, 1, 5, 1, 4, 0, 4, 0));
  }
  t = _mm256_min_epu8(_mm256_max_epu8(t, _mm256_set1_epi8(static_cast<char>(range.low))), _mm256_set1_epi8(static_cast<char>(range.high)));
  t = _mm256_xor_si256(t, _mm256_set1_epi8(static_cast<char>(flip)));
  const __m128i first = _mm256_castsi256_si128(t), second = _mm256_extracti128_si256(t, 1);
  if (count >= 8 * V) {
    if constexpr (V == 2) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), first);
      if (rows > 1) _mm_storeu_si128(reinterpret_cast<__m128i*>(out + stride), second);
    } else {
      _mm_storel_epi64(reinterpret_cast<__m128i*>(out), first);
      if (rows > 1) _mm_storel_epi64(reinterpret_cast<__m128i*>(out + stride), second);
    }
    return;
  }
  store_first(out, first, count);
  if (rows > 1) store_first(out + stride, second, count);
}

template <int R, int V, int F>
[[gnu::always_inline]] inline void finish_bytes(const Sums<R, V>& c, const Int8Epilogue& e, const Columns& columns, uint8_t* out,
                                                const uint8_t* residual, int64_t stride) {
  constexpr int kStep = R < 2 ? R : 2;
  unroll<0, R / kStep>([&](auto step) OMNI_UNROLLED {
    __m256i q[2][V];
    unroll<0, 2>([&](auto i) OMNI_UNROLLED {
      constexpr int r = decltype(step){} * kStep + (decltype(i){} < kStep ? decltype(i){} : 0);
      if constexpr (F == kBytesAdd) {
        const int64_t count = columns.count < 8 * V ? columns.count : 8 * V;
        const __m128i bytes = _mm_xor_si128(load_bytes(residual + r * stride, count), _mm_set1_epi8(static_cast<char>(e.residual_flip)));
        unroll<0, V>([&](auto v) OMNI_UNROLLED {
          __m256 t = _mm256_round_ps(scaled(c.v[r][v], columns.multiplier + 8 * v), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
          t = _mm256_max_ps(t, _mm256_set1_ps(static_cast<float>(e.range.low - e.range.zero)));
          t = _mm256_min_ps(t, _mm256_set1_ps(static_cast<float>(e.range.high - e.range.zero)));
          const __m256i other = _mm256_sub_epi32(residual_vector<V>(bytes, v), _mm256_set1_epi32(e.residual_zero));
          const __m256 sum = _mm256_add_ps(product(t, _mm256_set1_ps(e.ma)), product(_mm256_cvtepi32_ps(other), _mm256_set1_ps(e.mb)));
          q[i][v] = _mm256_cvtps_epi32(_mm256_min_ps(sum, _mm256_set1_ps(static_cast<float>(e.sum.high - e.sum.zero))));
        });
      } else {
        unroll<0, V>([&](auto v) OMNI_UNROLLED {
          __m256 t = scaled(c.v[r][v], columns.multiplier + 8 * v);
          if constexpr (F == kBytesWide) t = _mm256_min_ps(t, _mm256_set1_ps(kBeyondBytes));
          q[i][v] = _mm256_cvtps_epi32(t);
        });
      }
    });
    store_bytes<V>(q, F == kBytesAdd ? e.sum : e.range, e.flip, out + step * kStep * stride, stride, kStep, columns.count);
  });
}

template <int R, int V, bool kScaled>
[[gnu::always_inline]] inline void finish_words(const Sums<R, V>& c, const Columns& columns, int32_t* out, int64_t stride) {
  const __m256i lane = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
  unroll<0, V>([&](auto v) OMNI_UNROLLED {
    const int64_t left = columns.count - 8 * v;
    const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(left > 8 ? 8 : left)), lane);
    unroll<0, R>([&](auto r) OMNI_UNROLLED {
      int32_t* const p = out + r * stride + 8 * v;
      if constexpr (kScaled) {
        __m256 y = product(_mm256_cvtepi32_ps(c.v[r][v]), _mm256_loadu_ps(columns.multiplier + 8 * v));
        if (columns.bias != nullptr) y = _mm256_add_ps(y, _mm256_loadu_ps(columns.bias + 8 * v));
        _mm256_maskstore_epi32(p, mask, _mm256_castps_si256(y));
      } else {
        _mm256_maskstore_epi32(p, mask, c.v[r][v]);
      }
    });
  });
}

template <int R, int V, int F>
void tile(const int16_t* a, int64_t depth, const Columns& columns, const Int8Epilogue& e, void* out, const uint8_t* residual, int64_t out_stride) {
  Sums<R, V> c;
  multiply(c, a, depth, columns);
  if constexpr (F <= kBytesAdd)
    finish_bytes<R, V, F>(c, e, columns, static_cast<uint8_t*>(out), residual, out_stride);
  else
    finish_words<R, V, F == kFloat>(c, columns, static_cast<int32_t*>(out), out_stride);
}

using TileFn = void (*)(const int16_t*, int64_t, const Columns&, const Int8Epilogue&, void*, const uint8_t*, int64_t);

struct Size {
  int rows;
  TileFn fn[5];  // by Finish
};
template <int R, int V>
constexpr Size size_of() {
  return {R, {tile<R, V, kBytes>, tile<R, V, kBytesWide>, tile<R, V, kBytesAdd>, tile<R, V, kFloat>, tile<R, V, kInt32>}};
}
constexpr Size kWide[] = {size_of<6, 2>(), size_of<4, 2>(), size_of<1, 2>()};
constexpr Size kNarrow[] = {size_of<6, 1>(), size_of<4, 1>(), size_of<1, 1>()};

void run_group(const Int8GemmArgs& args, const Int8Group& group, const int16_t* a, int64_t first_row, int64_t rows) {
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
  const Size* size = group.vectors == 2 ? kWide : kNarrow;
  while (size->rows > rows) ++size;
  const int64_t element = bytes ? 1 : 4;
  for (int64_t m = 0; m < rows; m += size->rows) {
    const int64_t at = m + size->rows > rows ? rows - size->rows : m, out_at = (first_row + at) * args.out_stride + group.column;
    size->fn[finish](a + at * layout.depth, layout.depth, columns, e, static_cast<uint8_t*>(args.out) + out_at * element,
                     e.residual != nullptr ? e.residual + out_at : nullptr, args.out_stride);
  }
}

void run(const Int8GemmTask& task) noexcept {
  const Int8GemmArgs& args = *task.args;
  const Int8Layout& layout = *args.layout;
  alignas(64) int16_t block[kMaxDepth + 64];
  int64_t block_rows = kBlockElements / (layout.depth < 1 ? 1 : layout.depth) / 12 * 12;
  if (block_rows < 12) block_rows = layout.depth * 12 <= kMaxDepth ? 12 : layout.depth * 6 <= kMaxDepth ? 6 : kMaxDepth / layout.depth;
  for (int64_t m = task.row_begin; m < task.row_end;) {
    const int64_t left = task.row_end - m, rows = left < block_rows ? left : block_rows;
    gather_rows<Copier>(args.a, layout.copies, layout.depth, m, m + rows, block);
    for (int g = task.group_begin; g < task.group_end; ++g) run_group(args, layout.groups[static_cast<size_t>(g)], block, m, rows);
    m += rows;
  }
}

}  // namespace

extern const Int8GemmKernel gemm_int8_kernel;
constinit const Int8GemmKernel gemm_int8_kernel = {core::Isa::kAvx2, 2, 8, 2, kMaxDepth, run};

}  // namespace omni::kernels::avx2
