// f32 GEMM: every instruction set against sums in double, odd sizes, unaligned pointers, every operand form, thread counts, and the share of peak.
#include "kernels/gemm/gemm.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/gemm/pack.h"

namespace omni::kernels {
namespace {

using core::Isa;
using core::ThreadPool;

std::vector<float> random_floats(size_t n, uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> v(n);
  for (float& x : v) x = uniform(engine);
  return v;
}

// Memory aligned to 64 for scratch and packed operands.
struct Aligned {
  std::vector<std::byte> bytes;
  std::byte* data;
  explicit Aligned(size_t n) : bytes(n + 64) { data = bytes.data() + (64 - reinterpret_cast<uintptr_t>(bytes.data()) % 64) % 64; }
  float* floats() { return reinterpret_cast<float*>(data); }
};

// Which addend: none, one per column, one per row, a scalar, a matrix.
enum class Addend { kNone, kColumn, kRow, kScalar, kMatrix };

struct Case {
  GemmShape shape;
  Addend addend = Addend::kNone;
  float alpha = 1, beta = 1;
  bool residual = false, clamp = false;
};

std::string text(const Case& c, Isa isa) {
  const GemmShape& s = c.shape;
  return std::string(core::isa_name(isa)) + " m" + std::to_string(s.m) + " n" + std::to_string(s.n) + " k" + std::to_string(s.k) +
         (s.trans_a ? " ta" : "") + (s.trans_b ? " tb" : "") + (s.packed_b ? " packed" : "") + " batch" + std::to_string(s.batch) + " addend" +
         std::to_string(static_cast<int>(c.addend));
}

struct Problem {
  Case c;
  std::vector<float> a, b, addend, residual, out;
  std::vector<int64_t> a_offsets, b_offsets, c_offsets;
  GemmArgs args;

  // Rows are one float longer than needed and everything starts one float off a vector.
  explicit Problem(const Case& test) : c(test) {
    const GemmShape& s = c.shape;
    const int64_t a_rows = s.trans_a ? s.k : s.m, a_row = (s.trans_a ? s.m : s.k) + 1;
    const int64_t b_rows = s.trans_b ? s.n : s.k, b_row = (s.trans_b ? s.k : s.n) + 1;
    a = random_floats(static_cast<size_t>(a_rows * a_row * s.batch + 1), 1);
    b = random_floats(static_cast<size_t>(b_rows * b_row * s.batch + 1), 2);
    addend = random_floats(static_cast<size_t>(s.m * s.n + s.m + s.n + 1), 3);
    residual = random_floats(static_cast<size_t>(s.m * s.n + 1), 4);
    out.assign(static_cast<size_t>(s.m * (s.n + 1) * s.batch + 1), 7.0f);
    for (int64_t i = 0; i < s.batch; ++i) {
      a_offsets.push_back(i * a_rows * a_row);
      b_offsets.push_back(s.packed_b ? 0 : i * b_rows * b_row);
      c_offsets.push_back(i * s.m * (s.n + 1));
    }
    args.shape = s;
    args.a = a.data() + 1;
    args.a_row = a_row;
    args.b = b.data() + 1;
    args.b_row = b_row;
    args.c = out.data() + 1;
    args.c_row = s.n + 1;
    args.a_offsets = a_offsets.data();
    args.b_offsets = b_offsets.data();
    args.c_offsets = c_offsets.data();
    Epilogue& e = args.epilogue;
    e.alpha = c.alpha;
    e.beta = c.beta;
    if (c.addend != Addend::kNone) e.addend = addend.data() + 1;
    e.addend_row = c.addend == Addend::kMatrix ? s.n : c.addend == Addend::kRow ? 1 : 0;
    e.addend_column = c.addend == Addend::kColumn || c.addend == Addend::kMatrix ? 1 : 0;
    if (c.residual) e.residual = residual.data() + 1;
    e.residual_row = s.n;
    e.clamp = c.clamp;
    e.lo = -0.5f;
    e.hi = 0.75f;
  }

  std::vector<float> run(Isa isa, int threads) {
    GemmArgs g = args;
    std::vector<float> result(out.size(), 7.0f);
    g.c = result.data() + 1;
    Aligned packed(gemm_packed_b_bytes(isa, c.shape.k, c.shape.n));
    if (c.shape.packed_b) {
      gemm_pack_b(isa, c.shape.k, c.shape.n, c.shape.trans_b, args.b, args.b_row, packed.floats());
      g.b = packed.floats();
    }
    Aligned scratch(gemm_scratch_bytes(isa, c.shape));
    g.scratch = scratch.data;
    ThreadPool pool(threads);
    gemm(isa, g, pool);
    return result;
  }
};

void check(const Case& c) {
  Problem problem(c);
  gemm_reference(problem.args);
  for (const Isa isa : core::available_isas()) {
    const std::vector<float> one = problem.run(isa, 1);
    // Sums of k products below 1: rounding of each step is at most half an ulp of a partial sum below k.
    const double tolerance = 1e-6 * (4 + std::sqrt(static_cast<double>(c.shape.k)) * 2) * std::max(1.0f, std::abs(c.alpha));
    double worst = 0;
    for (size_t i = 0; i < one.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(one[i]) - problem.out[i]));
    EXPECT_LE(worst, tolerance) << text(c, isa);
    for (const int threads : {2, 5}) {
      const std::vector<float> many = problem.run(isa, threads);
      EXPECT_EQ(0, std::memcmp(one.data(), many.data(), one.size() * sizeof(float))) << text(c, isa) << " threads " << threads;
    }
  }
}

TEST(Gemm, OddSizesAndAllOperandForms) {
  const int64_t sizes[][3] = {{1, 1, 1},   {1, 17, 5},  {2, 33, 64}, {3, 7, 100}, {4, 130, 9},  {5, 16, 3},
                              {7, 48, 31}, {8, 65, 12}, {9, 50, 33}, {13, 3, 70}, {49, 96, 24}, {97, 81, 40}};
  for (const auto& [m, n, k] : sizes) {
    for (int form = 0; form < 8; ++form) {
      Case c;
      c.shape = {m, n, k, (form & 1) != 0, (form & 2) != 0, (form & 4) != 0, 1};
      check(c);
    }
  }
}

TEST(Gemm, Epilogues) {
  for (const auto& [m, n, k] : {std::array<int64_t, 3>{11, 37, 19}, {3, 70, 21}, {1, 5, 8}}) {
    for (const Addend addend : {Addend::kNone, Addend::kColumn, Addend::kRow, Addend::kScalar, Addend::kMatrix}) {
      for (int form = 0; form < 8; ++form) {
        Case c;
        c.shape = {m, n, k, false, (form & 1) != 0, false, 1};
        c.addend = addend;
        c.alpha = (form & 2) != 0 ? 0.5f : 1.0f;
        c.beta = (form & 2) != 0 ? -1.5f : 1.0f;
        c.residual = (form & 4) != 0;
        c.clamp = (form & 4) != 0;
        check(c);
      }
    }
  }
}

TEST(Gemm, LongSumsRunInBlocks) {
  for (const int64_t k : {1024, 1025, 2500}) {
    for (int form = 0; form < 4; ++form) {
      Case c;
      c.shape = {19, 35, k, (form & 1) != 0, (form & 2) != 0, false, 1};
      c.addend = Addend::kColumn;
      c.clamp = true;
      check(c);
    }
  }
}

TEST(Gemm, Batches) {
  for (int form = 0; form < 8; ++form) {
    Case c;
    c.shape = {17, 29, 23, (form & 1) != 0, (form & 2) != 0, (form & 4) != 0, 5};
    check(c);
    c.shape = {2, 29, 23, (form & 1) != 0, (form & 2) != 0, (form & 4) != 0, 3};
    check(c);
  }
  Case many;  // more than one group of packed operands
  many.shape = {9, 200, 1100, false, false, false, 20};
  check(many);
}

TEST(Gemm, EmptySumIsTheEpilogue) {
  Case c;
  c.shape = {9, 20, 0, false, false, false, 1};
  c.addend = Addend::kColumn;
  check(c);
  c.shape.trans_b = true;
  c.shape.m = 2;
  check(c);
}

TEST(Gemm, NanPassesTheClamp) {
  for (const Isa isa : core::available_isas()) {
    Case c;
    c.shape = {9, 20, 4, false, false, false, 1};
    c.clamp = true;
    Problem problem(c);
    problem.a[1] = NAN;
    const std::vector<float> out = problem.run(isa, 1);
    EXPECT_TRUE(std::isnan(out[1])) << core::isa_name(isa);
    EXPECT_FALSE(std::isnan(out[30])) << core::isa_name(isa);
  }
}

TEST(Pack, TransposeAnySize) {
  for (const auto& [rows, columns] : {std::array<int64_t, 2>{1, 1}, {4, 4}, {7, 130}, {66, 5}, {8, 64}}) {
    const std::vector<float> from = random_floats(static_cast<size_t>(rows * columns), 5);
    std::vector<float> to(static_cast<size_t>(rows * columns));
    transpose(from.data(), columns, rows, columns, to.data(), rows);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) ASSERT_EQ(from[static_cast<size_t>(r * columns + c)], to[static_cast<size_t>(c * rows + r)]);
    }
  }
}

}  // namespace
}  // namespace omni::kernels
