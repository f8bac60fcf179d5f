// Depthwise with 16-bit products, 16 channels a group, exact: vertical pairs (r0, r1), (r2, 0) of a column and vpmaddwd for 3x3, each column
// used by all output pixels that see it (rolling sums); pairs of taps for any other window.
// Sums stand as the unpacks leave them: `first` has channels 0-3 and 8-11, `second` 4-7 and 12-15; packs restore the order.
#include <immintrin.h>

#include "kernels/depthwise_int8/depthwise_int8.h"
#include "kernels/quantize/unroll.h"

namespace omni::kernels::avx2 {
namespace {

int64_t channel_of(int half, int element) { return element / 4 * 8 + half * 4 + element % 4; }

struct Scaling {
  int32_t start[2][8];
  float multiplier[2][8];
};

void pack_scaling(int64_t channels, int64_t first, const int32_t* start, const float* multiplier, Scaling& s) {
  for (int h = 0; h < 2; ++h) {
    for (int e = 0; e < 8; ++e) {
      const int64_t c = first + channel_of(h, e);
      s.start[h][e] = c < channels ? start[c] : 0;
      s.multiplier[h][e] = c < channels ? multiplier[c] : 0;
    }
  }
}

inline __m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

struct Target {
  __m256i zero, low, high, flip;
  bool wide;
};

Target target_of(const DepthwiseInt8& d) {
  return {_mm256_set1_epi16(static_cast<short>(d.range.zero)), _mm256_set1_epi8(static_cast<char>(d.range.low)),
          _mm256_set1_epi8(static_cast<char>(d.range.high)), _mm256_set1_epi8(static_cast<char>(d.y_flip)), d.wide};
}

[[gnu::always_inline]] inline __m128i finish(const Target& t, const Scaling& s, __m256i first, __m256i second) {
  __m256 a = _mm256_mul_ps(_mm256_cvtepi32_ps(first), _mm256_loadu_ps(s.multiplier[0])),
         b = _mm256_mul_ps(_mm256_cvtepi32_ps(second), _mm256_loadu_ps(s.multiplier[1]));
  if (t.wide) [[unlikely]] {
    a = _mm256_min_ps(a, _mm256_set1_ps(kBeyondBytes));
    b = _mm256_min_ps(b, _mm256_set1_ps(kBeyondBytes));
  }
  const __m256i p = _mm256_adds_epi16(_mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b)), t.zero);
  __m256i y = _mm256_permute4x64_epi64(_mm256_packus_epi16(p, p), 0xD8);
  y = _mm256_xor_si256(_mm256_min_epu8(_mm256_max_epu8(y, t.low), t.high), t.flip);
  return _mm256_castsi256_si128(y);
}

// --- 3x3 -----------------------------------------------------------------------------------------------------------------------------

struct Filters {
  int16_t w[3][2][2][16];  // [kx][rows (0, 1) or (2, none)][half]: pairs
  Scaling scaling;
};

// The last group is moved back to end with the last channel, so that nothing is cut: its first channels are computed twice.
int64_t groups_of(const DepthwiseInt8Shape& s) { return (s.channels + 15) / 16; }
int64_t first_channel(const DepthwiseInt8Shape& s, int64_t group) { return 16 * group + 16 > s.channels ? s.channels - 16 : 16 * group; }

int64_t packed_bytes_3x3(const DepthwiseInt8Shape& s) { return groups_of(s) * static_cast<int64_t>(sizeof(Filters)); }

void pack_3x3(const DepthwiseInt8Shape& s, const int16_t* w, const int32_t* start, const float* multiplier, std::byte* packed) {
  Filters* filters = reinterpret_cast<Filters*>(packed);
  for (int64_t g = 0; g < groups_of(s); ++g) {
    const int64_t first = first_channel(s, g);
    pack_scaling(s.channels, first, start, multiplier, filters[g].scaling);
    for (int h = 0; h < 2; ++h) {
      for (int e = 0; e < 8; ++e) {
        const int64_t c = first + channel_of(h, e);
        for (int kx = 0; kx < 3; ++kx) {
          for (int slot = 0; slot < 4; ++slot) {
            filters[g].w[kx][slot / 2][h][2 * e + slot % 2] = slot < 3 ? w[(3 * slot + kx) * s.channels + c] : int16_t{0};
          }
        }
      }
    }
  }
}

bool takes_3x3(const DepthwiseInt8Shape& s, int32_t, int32_t) { return s.is_3x3() && s.channels >= 16; }

struct Source {
  const uint8_t* row[3];
  int64_t pad_left, width, channels;
  __m256i outside;  // 16-bit zero points in the u8 view
  __m128i flip;
};

struct Column {
  __m256i l, h, m, n;
};

[[gnu::always_inline]] inline Column column(const Source& s, int64_t x) {
  __m256i r0 = s.outside, r1 = s.outside, r2 = s.outside;
  x -= s.pad_left;
  if (static_cast<uint64_t>(x) < static_cast<uint64_t>(s.width)) [[likely]] {
    const auto row = [&](int r) OMNI_UNROLLED {
      return _mm256_cvtepu8_epi16(_mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(s.row[r] + x * s.channels)), s.flip));
    };
    r0 = row(0);
    r1 = row(1);
    r2 = row(2);
  }
  const __m256i none = _mm256_setzero_si256();
  return {_mm256_unpacklo_epi16(r0, r1), _mm256_unpackhi_epi16(r0, r1), _mm256_unpacklo_epi16(r2, none), _mm256_unpackhi_epi16(r2, none)};
}

struct Sum {
  __m256i first, second;
};

[[gnu::always_inline]] inline void add_column(Sum& a, const Column& c, const Filters& f, int kx) {
  a.first = _mm256_add_epi32(a.first, _mm256_madd_epi16(c.l, load(f.w[kx][0][0])));
  a.second = _mm256_add_epi32(a.second, _mm256_madd_epi16(c.h, load(f.w[kx][0][1])));
  a.first = _mm256_add_epi32(a.first, _mm256_madd_epi16(c.m, load(f.w[kx][1][0])));
  a.second = _mm256_add_epi32(a.second, _mm256_madd_epi16(c.n, load(f.w[kx][1][1])));
}

[[gnu::always_inline]] inline void put(const Target& t, const Filters& f, const Sum& a, uint8_t* out) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), finish(t, f.scaling, a.first, a.second));
}

void row_stride1(const Source& s, const Filters& f, const Target& t, int64_t out_width, uint8_t* out) {
  const Sum start{load(f.scaling.start[0]), load(f.scaling.start[1])};
  Sum a = start, b = start, c;
  {
    const Column first = column(s, 0);
    add_column(a, first, f, 0);
    const Column second = column(s, 1);
    add_column(a, second, f, 1);
    add_column(b, second, f, 0);
  }
  const auto step = [&](int64_t x, Sum& done, Sum& next, Sum& fresh) OMNI_UNROLLED {
    const Column k = column(s, x + 2);
    fresh = start;
    add_column(done, k, f, 2);
    add_column(next, k, f, 1);
    add_column(fresh, k, f, 0);
    put(t, f, done, out + x * s.channels);
  };
  for (int64_t x = 0; x < out_width;) {
    step(x, a, b, c);
    if (++x == out_width) break;
    step(x, b, c, a);
    if (++x == out_width) break;
    step(x, c, a, b);
    ++x;
  }
}

void row_stride2(const Source& s, const Filters& f, const Target& t, int64_t out_width, uint8_t* out) {
  const Sum start{load(f.scaling.start[0]), load(f.scaling.start[1])};
  Sum a = start;
  add_column(a, column(s, 0), f, 0);
  for (int64_t x = 0; x < out_width; ++x) {
    add_column(a, column(s, 2 * x + 1), f, 1);
    const Column shared = column(s, 2 * x + 2);
    add_column(a, shared, f, 2);
    put(t, f, a, out + x * s.channels);
    a = start;
    add_column(a, shared, f, 0);
  }
}

void run_3x3(const DepthwiseInt8Task& task) noexcept {
  const DepthwiseInt8& d = *task.layer;
  const DepthwiseInt8Shape& s = d.shape;
  const Filters* filters = static_cast<const Filters*>(d.packed.data());
  const Target t = target_of(d);
  Source source{{}, s.pad_left, s.width, s.channels, _mm256_set1_epi16(static_cast<short>(d.x_zero)), _mm_set1_epi8(static_cast<char>(d.x_flip))};
  for (int64_t oy = task.row_begin; oy < task.row_end; ++oy) {
    for (int64_t g = 0; g < groups_of(s); ++g) {
      const int64_t c = first_channel(s, g);
      for (int r = 0; r < 3; ++r) {
        const int64_t y = oy * s.stride_y - s.pad_top + r;
        source.row[r] = (y >= 0 && y < s.height ? task.x + y * s.width * s.channels : d.zero_row.data()) + c;
      }
      uint8_t* out = task.y + oy * s.out_width * s.channels + c;
      if (s.stride_x == 1)
        row_stride1(source, filters[g], t, s.out_width, out);
      else
        row_stride2(source, filters[g], t, s.out_width, out);
    }
  }
}

// --- any window ----------------------------------------------------------------------------------------------------------------------

// Packed: Scaling of each group of 16 channels, then w[group][pair of taps][half][8 channels x 2 taps].
constexpr int64_t kMaxTaps = 256;
int64_t pairs_of(const DepthwiseInt8Shape& s) { return (s.kernel_height * s.kernel_width + 1) / 2; }
int64_t packed_bytes_any(const DepthwiseInt8Shape& s) { return groups_of(s) * (static_cast<int64_t>(sizeof(Scaling)) + pairs_of(s) * 64); }

void pack_any(const DepthwiseInt8Shape& s, const int16_t* w, const int32_t* start, const float* multiplier, std::byte* packed) {
  Scaling* scaling = reinterpret_cast<Scaling*>(packed);
  int16_t* weights = reinterpret_cast<int16_t*>(packed + groups_of(s) * static_cast<int64_t>(sizeof(Scaling)));
  const int64_t taps = s.kernel_height * s.kernel_width;
  for (int64_t g = 0; g < groups_of(s); ++g) {
    pack_scaling(s.channels, 16 * g, start, multiplier, scaling[g]);
    for (int64_t pair = 0; pair < pairs_of(s); ++pair) {
      for (int i = 0; i < 32; ++i) {
        const int64_t c = 16 * g + channel_of(i / 16, i % 16 / 2), tap = 2 * pair + i % 2;
        *weights++ = c < s.channels && tap < taps ? w[tap * s.channels + c] : int16_t{0};
      }
    }
  }
}

bool takes_any(const DepthwiseInt8Shape& s, int32_t, int32_t) { return s.kernel_height * s.kernel_width < kMaxTaps; }

inline __m128i load_first(const uint8_t* p, int64_t count) {
  if (count >= 16) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  alignas(16) uint8_t t[16] = {};
  for (int64_t i = 0; i < count; ++i) t[i] = p[i];
  return _mm_load_si128(reinterpret_cast<const __m128i*>(t));
}

inline void store_first(uint8_t* p, __m128i x, int64_t count) {
  if (count >= 16) return _mm_storeu_si128(reinterpret_cast<__m128i*>(p), x);
  alignas(16) uint8_t t[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(t), x);
  for (int64_t i = 0; i < count; ++i) p[i] = t[i];
}

// Where each tap of an output pixel is read: outside the image a row of zero points. An odd last tap stands twice (its second weight is 0).
void find_taps(const DepthwiseInt8Task& task, int64_t y0, int64_t x0, const uint8_t** taps) {
  const DepthwiseInt8Shape& s = task.layer->shape;
  const uint8_t* outside = task.layer->zero_row.data();
  for (int64_t ky = 0; ky < s.kernel_height; ++ky) {
    const int64_t y = y0 + ky * s.dilation_y;
    for (int64_t kx = 0; kx < s.kernel_width; ++kx) {
      const int64_t x = x0 + kx * s.dilation_x;
      *taps++ = y >= 0 && y < s.height && x >= 0 && x < s.width ? task.x + (y * s.width + x) * s.channels : outside;
    }
  }
  *taps = taps[-1];
}

__m128i pixel(const DepthwiseInt8& d, const Target& t, const Scaling& scaling, const int16_t* w, const uint8_t* const* taps, int64_t c) {
  const __m128i flip = _mm_set1_epi8(static_cast<char>(d.x_flip));
  const int64_t left = d.shape.channels - c, pairs = pairs_of(d.shape);
  Sum a{load(scaling.start[0]), load(scaling.start[1])};
  for (int64_t p = 0; p < pairs; ++p, w += 32) {
    const __m256i u = _mm256_cvtepu8_epi16(_mm_xor_si128(load_first(taps[2 * p] + c, left), flip));
    const __m256i v = _mm256_cvtepu8_epi16(_mm_xor_si128(load_first(taps[2 * p + 1] + c, left), flip));
    a.first = _mm256_add_epi32(a.first, _mm256_madd_epi16(_mm256_unpacklo_epi16(u, v), load(w)));
    a.second = _mm256_add_epi32(a.second, _mm256_madd_epi16(_mm256_unpackhi_epi16(u, v), load(w + 16)));
  }
  return finish(t, scaling, a.first, a.second);
}

void run_any(const DepthwiseInt8Task& task) noexcept {
  const DepthwiseInt8& d = *task.layer;
  const DepthwiseInt8Shape& s = d.shape;
  const Scaling* scaling = static_cast<const Scaling*>(d.packed.data());
  const int16_t* weights = reinterpret_cast<const int16_t*>(scaling + groups_of(s));
  const Target t = target_of(d);
  const uint8_t* taps[kMaxTaps];
  for (int64_t oy = task.row_begin; oy < task.row_end; ++oy) {
    for (int64_t ox = 0; ox < s.out_width; ++ox) {
      find_taps(task, oy * s.stride_y - s.pad_top, ox * s.stride_x - s.pad_left, taps);
      uint8_t* out = task.y + (oy * s.out_width + ox) * s.channels;
      for (int64_t g = 0; g < groups_of(s); ++g) {
        store_first(out + 16 * g, pixel(d, t, scaling[g], weights + g * pairs_of(s) * 32, taps, 16 * g), s.channels - 16 * g);
      }
    }
  }
}

}  // namespace

extern const DepthwiseInt8Kernel depthwise_int8_any, depthwise_int8_3x3;
constinit const DepthwiseInt8Kernel depthwise_int8_any = {core::Isa::kAvx2, packed_bytes_any, pack_any, takes_any, run_any};
constinit const DepthwiseInt8Kernel depthwise_int8_3x3 = {core::Isa::kAvx2, packed_bytes_3x3, pack_3x3, takes_3x3, run_3x3};

}  // namespace omni::kernels::avx2
