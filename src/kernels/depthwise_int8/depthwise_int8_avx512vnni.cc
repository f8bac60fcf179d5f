// Depthwise 3x3 with vpdpbusd: four input rows of a column are interleaved into dwords (r0, r1, r2, r3), once, and used by three output
// columns and, at stride 1, two output rows: weights (w0, w1, w2, 0) for the upper, (0, w0, w1, w2) for the lower. The unpacks leave
// channels in the order that the packs of the requantization undo: with 64 channels element 4L + j of vector v is channel
// 16L + 4v + j, with 32 (vpermi2b instead of unpacks, masked at the last channels) 8L + 4v + j.
#include <immintrin.h>

#include "kernels/depthwise_int8/depthwise_int8.h"
#include "kernels/quantize/unroll.h"

namespace omni::kernels::avx512vnni {
namespace {

// Filters of 16 * V channels: [row set][kx][v] dwords of 16 channels, then the sums' start and the multipliers.
template <int V>
struct Filters {
  int8_t w[2][3][V][64];
  int32_t start[V][16];
  float multiplier[V][16];
};

template <int V>
void pack_filters(int64_t channels, int64_t first, const int16_t* w, const int32_t* start, const float* multiplier, Filters<V>& f) {
  for (int v = 0; v < V; ++v) {
    for (int e = 0; e < 16; ++e) {
      const int64_t c = first + 4 * V * (e / 4) + 4 * v + e % 4;
      f.start[v][e] = c < channels ? start[c] : 0;
      f.multiplier[v][e] = c < channels ? multiplier[c] : 0;
      for (int set = 0; set < 2; ++set) {
        for (int kx = 0; kx < 3; ++kx) {
          for (int slot = 0; slot < 4; ++slot) {
            const int ky = slot - set;
            f.w[set][kx][v][4 * e + slot] = c < channels && ky >= 0 && ky < 3 ? static_cast<int8_t>(w[(3 * ky + kx) * channels + c]) : int8_t{0};
          }
        }
      }
    }
  }
}

// Groups of 64 channels first (stride 1 only), then of 32, the last of which may be cut.
int64_t wide_groups(const DepthwiseInt8Shape& s) { return s.stride_x == 1 ? s.channels / 64 : 0; }
int64_t packed_bytes(const DepthwiseInt8Shape& s) {
  const int64_t wide = wide_groups(s);
  return wide * static_cast<int64_t>(sizeof(Filters<4>)) + (s.channels - 64 * wide + 31) / 32 * static_cast<int64_t>(sizeof(Filters<2>));
}

void pack(const DepthwiseInt8Shape& s, const int16_t* w, const int32_t* start, const float* multiplier, std::byte* packed) {
  int64_t c = 0;
  for (int64_t g = 0; g < wide_groups(s); ++g, c += 64, packed += sizeof(Filters<4>)) {
    pack_filters<4>(s.channels, c, w, start, multiplier, *reinterpret_cast<Filters<4>*>(packed));
  }
  for (; c < s.channels; c += 32, packed += sizeof(Filters<2>)) {
    pack_filters<2>(s.channels, c, w, start, multiplier, *reinterpret_cast<Filters<2>*>(packed));
  }
}

bool takes(const DepthwiseInt8Shape& s, int32_t low, int32_t high) { return s.is_3x3() && low >= -128 && high <= 127; }

[[gnu::always_inline]] inline void dot(__m512i& acc, __m512i a, const int8_t* b) {
  asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(a), "vm"(*reinterpret_cast<const __m512i*>(b)));
}

// Where the input is read: four rows at the first column, and what stands outside.
struct Source {
  const uint8_t* row[4];
  int64_t pad_left, width, channels;
  __mmask32 mask;
  __m512i outside;  // zero points in the u8 view
  __m512i flip;
};

template <int V>
struct Column {
  __m512i v[V];
};

[[gnu::always_inline]] inline __m512i two_rows(const Source& s, int r, int64_t at) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_maskz_loadu_epi8(s.mask, s.row[r] + at)),
                            _mm256_maskz_loadu_epi8(s.mask, s.row[r + 1] + at), 1);
}

// kGeneral: the input may be s8 and a multiplier above kSafeMultiplier.
template <int V, bool kGeneral>
[[gnu::always_inline]] inline Column<V> column(const Source& s, int64_t x) {
  Column<V> c;
  x -= s.pad_left;
  if (static_cast<uint64_t>(x) >= static_cast<uint64_t>(s.width)) [[unlikely]] {
    unroll<0, V>([&](auto v) OMNI_UNROLLED { c.v[v] = s.outside; });
    return c;
  }
  const int64_t at = x * s.channels;
  if constexpr (V == 4) {
    const __m512i r0 = _mm512_loadu_si512(s.row[0] + at), r1 = _mm512_loadu_si512(s.row[1] + at), r2 = _mm512_loadu_si512(s.row[2] + at),
                  r3 = _mm512_loadu_si512(s.row[3] + at);
    const __m512i l = _mm512_unpacklo_epi8(r0, r1), h = _mm512_unpackhi_epi8(r0, r1), m = _mm512_unpacklo_epi8(r2, r3),
                  n = _mm512_unpackhi_epi8(r2, r3);
    c.v[0] = _mm512_unpacklo_epi16(l, m);
    c.v[1] = _mm512_unpackhi_epi16(l, m);
    c.v[2] = _mm512_unpacklo_epi16(h, n);
    c.v[3] = _mm512_unpackhi_epi16(h, n);
  } else {
    // Byte 4e + r of vector v is channel 8L + 4v + j of row r.
    const __m512i lanes = _mm512_set_epi32(27, 26, 25, 24, 19, 18, 17, 16, 11, 10, 9, 8, 3, 2, 1, 0);
    const __m512i rows = _mm512_set1_epi32(0x60402000);
    const __m512i first = _mm512_add_epi8(_mm512_mullo_epi32(lanes, _mm512_set1_epi32(0x01010101)), rows);
    const __m512i second = _mm512_add_epi8(first, _mm512_set1_epi8(4));
    const __m512i a = two_rows(s, 0, at), b = two_rows(s, 2, at);
    c.v[0] = _mm512_permutex2var_epi8(a, first, b);
    c.v[1] = _mm512_permutex2var_epi8(a, second, b);
  }
  if constexpr (kGeneral) unroll<0, V>([&](auto v) OMNI_UNROLLED { c.v[v] = _mm512_xor_si512(c.v[v], s.flip); });
  return c;
}

struct Target {
  __m512i zero, low, high, flip;
  __mmask32 mask;
};

// One output pixel of one row, as 32-bit integers.
template <int V, bool kGeneral>
[[gnu::always_inline]] inline void sums(const Filters<V>& f, int set, const Column<V>& a, const Column<V>& b, const Column<V>& c, __m512i (&q)[V]) {
  unroll<0, V>([&](auto v) OMNI_UNROLLED { q[v] = _mm512_load_si512(f.start[v]); });
  unroll<0, V>([&](auto v) OMNI_UNROLLED { dot(q[v], a.v[v], f.w[set][0][v]); });
  unroll<0, V>([&](auto v) OMNI_UNROLLED { dot(q[v], b.v[v], f.w[set][1][v]); });
  unroll<0, V>([&](auto v) OMNI_UNROLLED { dot(q[v], c.v[v], f.w[set][2][v]); });
  unroll<0, V>([&](auto v) OMNI_UNROLLED {
    __m512 t = _mm512_mul_ps(_mm512_cvtepi32_ps(q[v]), _mm512_load_ps(f.multiplier[v]));
    if constexpr (kGeneral) t = _mm512_min_ps(t, _mm512_set1_ps(kBeyondBytes));
    q[v] = _mm512_cvtps_epi32(t);
  });
}

[[gnu::always_inline]] inline __m512i pack_bytes(const Target& t, __m512i a, __m512i b, __m512i c, __m512i d) {
  const __m512i l = _mm512_adds_epi16(_mm512_packs_epi32(a, b), t.zero), h = _mm512_adds_epi16(_mm512_packs_epi32(c, d), t.zero);
  return _mm512_xor_si512(_mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(l, h), t.low), t.high), t.flip);
}

[[gnu::always_inline]] inline void store_pair(const Target& t, const __m512i (&p)[2], const __m512i (&q)[2], uint8_t* first, uint8_t* second) {
  const __m512i y = _mm512_permutexvar_epi64(_mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0), pack_bytes(t, p[0], p[1], q[0], q[1]));
  _mm256_mask_storeu_epi8(first, t.mask, _mm512_castsi512_si256(y));
  if (second != nullptr) _mm256_mask_storeu_epi8(second, t.mask, _mm512_extracti64x4_epi64(y, 1));
}

// Stride 1: output rows `upper` and, unless kOne, `lower` of 16 * V channels. Three columns rotate without moves.
template <int V, bool kOne, bool kGeneral>
void rows_stride1(const Source& s, const Filters<V>& f, const Target& t, int64_t out_width, uint8_t* upper, uint8_t* lower) {
  const auto put = [&](const Column<V>& a, const Column<V>& b, const Column<V>& c, int64_t x) OMNI_UNROLLED {
    __m512i p[V], q[V];
    sums<V, kGeneral>(f, 0, a, b, c, p);
    const int64_t at = x * s.channels;
    if constexpr (V == 4) {
      _mm512_storeu_si512(upper + at, pack_bytes(t, p[0], p[1], p[2], p[3]));
      if constexpr (!kOne) {
        sums<V, kGeneral>(f, 1, a, b, c, q);
        _mm512_storeu_si512(lower + at, pack_bytes(t, q[0], q[1], q[2], q[3]));
      }
    } else if constexpr (kOne) {
      store_pair(t, p, p, upper + at, nullptr);
    } else {
      sums<V, kGeneral>(f, 1, a, b, c, q);
      store_pair(t, p, q, upper + at, lower + at);
    }
  };
  Column<V> a = column<V, kGeneral>(s, 0), b = column<V, kGeneral>(s, 1), c;
  for (int64_t x = 0; x < out_width;) {
    c = column<V, kGeneral>(s, x + 2);
    put(a, b, c, x);
    if (++x == out_width) break;
    a = column<V, kGeneral>(s, x + 2);
    put(b, c, a, x);
    if (++x == out_width) break;
    b = column<V, kGeneral>(s, x + 2);
    put(c, a, b, x);
    ++x;
  }
}

// Stride 2: one output row of 32 channels, two pixels a time; the last column of a pixel is the first of the next.
template <bool kGeneral>
void row_stride2(const Source& s, const Filters<2>& f, const Target& t, int64_t out_width, uint8_t* out) {
  Column<2> a = column<2, kGeneral>(s, 0);
  for (int64_t x = 0; x < out_width; x += 2, out += 2 * s.channels) {
    __m512i p[2], q[2];
    const Column<2> b = column<2, kGeneral>(s, 2 * x + 1), c = column<2, kGeneral>(s, 2 * x + 2);
    sums<2, kGeneral>(f, 0, a, b, c, p);
    if (x + 1 == out_width) {
      store_pair(t, p, p, out, nullptr);
      return;
    }
    const Column<2> d = column<2, kGeneral>(s, 2 * x + 3);
    a = column<2, kGeneral>(s, 2 * x + 4);
    sums<2, kGeneral>(f, 0, c, d, a, q);
    store_pair(t, p, q, out, out + s.channels);
  }
}

template <int V, bool kGeneral>
void channels_at(const DepthwiseInt8& d, Source s, const Target& t, const Filters<V>& f, uint8_t* upper, uint8_t* lower) {
  if constexpr (V == 2) {
    if (d.shape.stride_x == 2) return row_stride2<kGeneral>(s, f, t, d.shape.out_width, upper);
  }
  if (lower != nullptr)
    rows_stride1<V, false, kGeneral>(s, f, t, d.shape.out_width, upper, lower);
  else
    rows_stride1<V, true, kGeneral>(s, f, t, d.shape.out_width, upper, lower);
}

template <bool kGeneral>
void run_rows(const DepthwiseInt8Task& task) {
  const DepthwiseInt8& d = *task.layer;
  const DepthwiseInt8Shape& s = d.shape;
  const int64_t in_row = s.width * s.channels, out_row = s.out_width * s.channels, step = s.stride_y == 1 ? 2 : 1;
  Target t{_mm512_set1_epi16(static_cast<short>(d.range.zero)), _mm512_set1_epi8(static_cast<char>(d.range.low)),
           _mm512_set1_epi8(static_cast<char>(d.range.high)), _mm512_set1_epi8(static_cast<char>(d.y_flip)), 0xffffffffu};
  for (int64_t oy = task.row_begin; oy < task.row_end; oy += step) {
    Source source{{},
                  s.pad_left,
                  s.width,
                  s.channels,
                  0xffffffffu,
                  _mm512_set1_epi8(static_cast<char>(d.x_zero)),
                  _mm512_set1_epi8(static_cast<char>(d.x_flip))};
    for (int r = 0; r < 4; ++r) {
      const int64_t y = oy * s.stride_y - s.pad_top + r;
      source.row[r] = y >= 0 && y < s.height ? task.x + y * in_row : d.zero_row.data();
    }
    uint8_t* upper = task.y + oy * out_row;
    uint8_t* lower = step == 2 && oy + 1 < task.row_end ? upper + out_row : nullptr;
    const auto advance = [&](int64_t count) {
      for (const uint8_t*& row : source.row) row += count;
      upper += count;
      if (lower != nullptr) lower += count;
    };
    const std::byte* packed = static_cast<const std::byte*>(d.packed.data());
    int64_t c = 0;
    for (const int64_t wide = 64 * wide_groups(s); c < wide; c += 64, packed += sizeof(Filters<4>)) {
      channels_at<4, kGeneral>(d, source, t, *reinterpret_cast<const Filters<4>*>(packed), upper, lower);
      advance(64);
    }
    for (; c < s.channels; c += 32, packed += sizeof(Filters<2>)) {
      source.mask = t.mask = s.channels - c >= 32 ? 0xffffffffu : (1u << (s.channels - c)) - 1;
      channels_at<2, kGeneral>(d, source, t, *reinterpret_cast<const Filters<2>*>(packed), upper, lower);
      advance(32);
    }
  }
}

void run(const DepthwiseInt8Task& task) noexcept {
  if (task.layer->wide || task.layer->x_flip != 0)
    run_rows<true>(task);
  else
    run_rows<false>(task);
}

}  // namespace

extern const DepthwiseInt8Kernel depthwise_int8_3x3;
constinit const DepthwiseInt8Kernel depthwise_int8_3x3 = {core::Isa::kAvx512Vnni, packed_bytes, pack, takes, run};

}  // namespace omni::kernels::avx512vnni
