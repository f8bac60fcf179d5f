#include "kernels/norm/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/x86.h"

namespace omni::kernels {

namespace {

constexpr int64_t kTaskElements = 1 << 14;

void row(const LayerNormArgs& args, const float* x, float* y) noexcept {
  double mean = 0, squares = 0;
  if (args.centred) {
    for (int64_t i = 0; i < args.n; ++i) mean += static_cast<double>(x[i]);
    mean /= static_cast<double>(args.n);
  }
  for (int64_t i = 0; i < args.n; ++i) squares += (static_cast<double>(x[i]) - mean) * (static_cast<double>(x[i]) - mean);
  const double inverse = 1 / std::sqrt(squares / static_cast<double>(args.n) + static_cast<double>(args.epsilon));
  for (int64_t i = 0; i < args.n; ++i) {
    double v = (static_cast<double>(x[i]) - mean) * inverse;
    if (args.scale != nullptr) v *= static_cast<double>(args.scale[i]);
    if (args.shift != nullptr) v += static_cast<double>(args.shift[i]);
    y[i] = static_cast<float>(v);
  }
}

}  // namespace

LayerNormRow scalar::layer_norm() { return row; }

LayerNormRow select_layer_norm(core::Isa isa) {
#if defined(__x86_64__)
  if (runs_avx512(isa)) return avx512::layer_norm();
  if (runs_avx2(isa)) return avx2::layer_norm();
#endif
  static_cast<void>(isa);
  return scalar::layer_norm();
}

void run_layer_norm(LayerNormRow kernel, const LayerNormArgs& args, core::ThreadPool& pool) noexcept {
  if (args.rows == 0 || args.n == 0) return;
  const int64_t group = std::max<int64_t>(1, kTaskElements / args.n);
  pool.parallel_for((args.rows + group - 1) / group, [&](int64_t task) {
    for (int64_t r = task * group; r < std::min(args.rows, (task + 1) * group); ++r) kernel(args, args.x + r * args.n, args.y + r * args.n);
  });
}

}  // namespace omni::kernels
