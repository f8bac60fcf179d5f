// GEMM f32 and INT8 at 1024×1024×1024 against the registers-only peak of the same run, one thread. Prints one JSON object.
// Alternates peak and kernel; the figure of each is its best of the repetitions, as a neighbour can only slow a run down.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "core/isa.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm_int8/gemm_int8.h"
#include "kernels/peak/peak.h"

namespace {

using namespace omni;
using core::Isa;

constexpr int64_t kSize = 1024;
constexpr double kOperations = 2.0 * kSize * kSize * kSize;

template <class F>
double rate(F&& f, double operations) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return operations / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / 1e9;
}

struct Outcome {
  double peak = 0, kernel = 0;
};

template <class F>
Outcome alternate(int repetitions, kernels::PeakFn peak, F&& kernel) {
  Outcome best;
  for (int i = 0; i < repetitions; ++i) {
    best.peak = std::max(best.peak, kernels::peak_rate(peak, 1, 2'000'000));
    best.kernel = std::max(best.kernel, rate(kernel, kOperations));
  }
  return best;
}

core::Tensor floats(int64_t count) {
  core::Tensor t(core::DType::kF32, core::Shape{count});
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (float& v : t.mutable_values<float>()) v = uniform(random);
  return t;
}

Outcome f32(Isa isa, kernels::PeakFn peak, int repetitions) {
  core::ThreadPool pool(1);
  const core::Tensor a = floats(kSize * kSize), b = floats(kSize * kSize);
  core::Tensor c(core::DType::kF32, core::Shape{kSize * kSize});
  core::Tensor packed(core::DType::kU8, core::Shape{static_cast<int64_t>(kernels::gemm_packed_b_bytes(isa, kSize, kSize))});
  kernels::gemm_pack_b(isa, kSize, kSize, false, b.values<float>().data(), kSize, static_cast<float*>(packed.mutable_data()));
  kernels::GemmArgs args;
  args.shape = {.m = kSize, .n = kSize, .k = kSize, .packed_b = true};
  args.a = a.values<float>().data();
  args.a_row = args.c_row = kSize;
  args.b = static_cast<const float*>(packed.data());
  args.c = c.mutable_values<float>().data();
  core::Tensor scratch(core::DType::kU8, core::Shape{static_cast<int64_t>(kernels::gemm_scratch_bytes(isa, args.shape))});
  args.scratch = static_cast<std::byte*>(scratch.mutable_data());
  return alternate(repetitions, peak, [&] { kernels::gemm(isa, args, pool); });
}

Outcome int8(Isa isa, kernels::PeakFn peak, int repetitions) {
  core::ThreadPool pool(1);
  std::vector<uint8_t> a(kSize * kSize);
  std::vector<int8_t> w(kSize * kSize);
  std::mt19937 random(1);
  for (uint8_t& v : a) v = static_cast<uint8_t>(random());
  for (int8_t& v : w) v = static_cast<int8_t>(random() % 255 - 127);
  kernels::Int8Quantization q;
  q.zx = 128;
  q.multiplier.assign(kSize, 1e-5f);
  q.y.zero = 128;
  const kernels::Int8Matrix matrix{w.data(), true, kSize, 1, nullptr, false};
  const kernels::PreparedInt8 prepared = kernels::prepare_int8(isa, matrix, kSize, kSize, q);
  std::vector<uint8_t> out(kSize * kSize);
  kernels::Int8GemmArgs args = prepared.arguments();
  args.a = kernels::Int8Rows::matrix(a.data(), false, kSize, kSize, kSize);
  args.out = out.data();
  args.out_stride = kSize;
  return alternate(repetitions, peak, [&] { kernels::gemm_int8(args, pool); });
}

void print(const char* name, const char* isa, const Outcome& o, bool last) {
  std::printf("  {\"kernel\": \"%s\", \"isa\": \"%s\", \"peak_gops\": %.1f, \"kernel_gops\": %.1f, \"share\": %.4f}%s\n", name, isa, o.peak, o.kernel,
              o.kernel / o.peak, last ? "" : ",");
}

}  // namespace

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::max(1, std::atoi(argv[1])) : 20;
  std::printf("[\n");
  const bool avx512 = core::isa_available(Isa::kAvx512), vnni = core::isa_available(Isa::kAvx512Vnni);
  if (core::isa_available(Isa::kAvx2)) {
    print("gemm_f32", "avx2", f32(Isa::kAvx2, kernels::peak_f32(Isa::kAvx2), repetitions), false);
    print("gemm_int8", "avx2", int8(Isa::kAvx2, kernels::peak_int8(Isa::kAvx2), repetitions), !avx512);
  }
  if (avx512) print("gemm_f32", "avx512", f32(Isa::kAvx512, kernels::peak_f32(Isa::kAvx512), repetitions), !vnni);
  if (vnni) print("gemm_int8", "avx512vnni", int8(Isa::kAvx512Vnni, kernels::peak_int8(Isa::kAvx512Vnni), repetitions), true);
  std::printf("]\n");
}
