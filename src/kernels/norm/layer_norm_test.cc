#include "kernels/norm/layer_norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

namespace omni::kernels {
namespace {

std::vector<float> wave(int64_t n, double scale, double shift) {
  std::vector<float> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(std::sin(static_cast<double>(i) * 1.3 + 0.1) * scale + shift);
  return x;
}

// Against the formula in double, for every length of a last vector, with and without scale and shift, one and more threads, in place.
TEST(LayerNorm, EveryFormIsaAndThread) {
  core::ThreadPool one(1), five(5);
  for (const int64_t n : {1, 2, 7, 8, 15, 16, 17, 33, 768}) {
    const int64_t rows = n == 768 ? 70 : 3;
    const std::vector<float> x = wave(rows * n, 3, 20), scale = wave(n, 1, 0.5), shift = wave(n, 2, -1);
    for (const int form : {0, 1, 2, 3, 4, 5, 6, 7}) {
      LayerNormArgs args{rows, n, (form & 1) != 0, 1e-3f, x.data(), (form & 2) != 0 ? scale.data() : nullptr, (form & 4) != 0 ? shift.data() : nullptr, nullptr};
      for (const core::Isa isa : core::available_isas()) {
        const LayerNormRow kernel = select_layer_norm(isa);
        std::vector<float> y(x.size() + 1, 77), again = y, in_place = x;
        args.y = y.data();
        run_layer_norm(kernel, args, one);
        EXPECT_EQ(y.back(), 77);
        for (int64_t r = 0; r < rows; ++r) {
          const float* row = x.data() + r * n;
          double mean = 0, squares = 0;
          for (int64_t i = 0; i < n && args.centred; ++i) mean += static_cast<double>(row[i]) / static_cast<double>(n);
          for (int64_t i = 0; i < n; ++i) squares += std::pow(static_cast<double>(row[i]) - mean, 2) / static_cast<double>(n);
          for (int64_t i = 0; i < n; ++i) {
            double expected = (static_cast<double>(row[i]) - mean) / std::sqrt(squares + static_cast<double>(1e-3f));
            if (args.scale != nullptr) expected *= static_cast<double>(scale[static_cast<size_t>(i)]);
            if (args.shift != nullptr) expected += static_cast<double>(shift[static_cast<size_t>(i)]);
            // The mean is rounded to f32: half a unit of 23 (2^-20) over a deviation of 0.03 (n = 1) and more.
            ASSERT_NEAR(y[static_cast<size_t>(r * n + i)], expected, n <= 2 ? 6e-5 : 3e-6) << n << " " << form;
          }
        }
        args.y = again.data();
        run_layer_norm(kernel, args, five);
        ASSERT_EQ(std::memcmp(y.data(), again.data(), y.size() * 4), 0);
        args.x = args.y = in_place.data();
        run_layer_norm(kernel, args, one);
        ASSERT_EQ(std::memcmp(y.data(), in_place.data(), in_place.size() * 4), 0);
        args.x = x.data();
      }
    }
  }
}

}  // namespace
}  // namespace omni::kernels
