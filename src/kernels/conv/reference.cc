// Convolution and its gradients as their definitions read.
#include <vector>

#include "kernels/conv/conv.h"

namespace omni::kernels {

namespace {

// Calls f(output index, input index, weight index) for every product of the convolution.
template <class F>
void each_product(const ConvShape& s, F&& f) {
  const int64_t oh = s.out_h(), ow = s.out_w(), gi = s.group_in(), go = s.group_out();
  for (int64_t n = 0; n < s.images; ++n) {
    for (int64_t oy = 0; oy < oh; ++oy) {
      for (int64_t ox = 0; ox < ow; ++ox) {
        for (int64_t o = 0; o < s.out_c; ++o) {
          const int64_t y = ((n * oh + oy) * ow + ox) * s.out_c + o;
          for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
            const int64_t iy = oy * s.stride_h + ky * s.dilation_h - s.pad_top;
            if (iy < 0 || iy >= s.in_h) continue;
            for (int64_t kx = 0; kx < s.kernel_w; ++kx) {
              const int64_t ix = ox * s.stride_w + kx * s.dilation_w - s.pad_left;
              if (ix < 0 || ix >= s.in_w) continue;
              for (int64_t c = 0; c < gi; ++c) {
                const int64_t x = ((n * s.in_h + iy) * s.in_w + ix) * s.in_c + o / go * gi + c;
                f(y, x, ((o * gi + c) * s.kernel_h + ky) * s.kernel_w + kx);
              }
            }
          }
        }
      }
    }
  }
}

}  // namespace

void conv_reference(const ConvArgs& a) noexcept {
  const ConvShape& s = a.shape;
  std::vector<double> sums(static_cast<size_t>(s.images * s.out_h() * s.out_w() * s.out_c));
  each_product(s, [&](int64_t y, int64_t x, int64_t w) { sums[static_cast<size_t>(y)] += static_cast<double>(a.x[x]) * a.weights[w]; });
  for (size_t i = 0; i < sums.size(); ++i) {
    double v = sums[i];
    if (a.bias != nullptr) v += a.bias[i % static_cast<size_t>(s.out_c)];
    if (a.residual != nullptr) v += a.residual[i];
    if (a.clamp && v < a.lo) v = a.lo;
    if (a.clamp && v > a.hi) v = a.hi;
    a.y[i] = static_cast<float>(v);
  }
}

void conv_input_grad_reference(const ConvGradArgs& a) noexcept {
  const ConvShape& s = a.shape;
  std::vector<double> sums(static_cast<size_t>(s.images * s.in_h * s.in_w * s.in_c));
  each_product(s, [&](int64_t y, int64_t x, int64_t w) { sums[static_cast<size_t>(x)] += static_cast<double>(a.dy[y]) * a.weights[w]; });
  for (size_t i = 0; i < sums.size(); ++i) a.dx[i] = static_cast<float>(sums[i]);
}

void conv_weight_grad_reference(const ConvGradArgs& a) noexcept {
  const ConvShape& s = a.shape;
  std::vector<double> sums(static_cast<size_t>(s.out_c * s.group_in() * s.taps()));
  each_product(s, [&](int64_t y, int64_t x, int64_t w) { sums[static_cast<size_t>(w)] += static_cast<double>(a.dy[y]) * a.x[x]; });
  for (size_t i = 0; i < sums.size(); ++i) a.dw[i] = static_cast<float>(sums[i]);
}

}  // namespace omni::kernels
