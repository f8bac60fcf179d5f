#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "kernels/move/copy.h"
#include "kernels/move/gather.h"

namespace omni::kernels {
namespace {

using core::Isa;
using core::Shape;

template <class T>
void expect_transpose(const Shape& in, std::vector<int> permutation) {
  std::vector<T> x(static_cast<size_t>(in.count())), expected(x.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i * 7 + 3);
  std::vector<int64_t> out_dims, strides(static_cast<size_t>(in.rank()), 1);
  for (int d = in.rank() - 2; d >= 0; --d) strides[static_cast<size_t>(d)] = strides[static_cast<size_t>(d) + 1] * in[d + 1];
  for (const int p : permutation) out_dims.push_back(in[p]);
  for (int64_t i = 0; i < in.count(); ++i) {
    int64_t rest = i, from = 0;
    for (int d = in.rank() - 1; d >= 0; --d) {
      from += rest % out_dims[static_cast<size_t>(d)] * strides[static_cast<size_t>(permutation[static_cast<size_t>(d)])];
      rest /= out_dims[static_cast<size_t>(d)];
    }
    expected[static_cast<size_t>(i)] = x[static_cast<size_t>(from)];
  }
  for (const Isa isa : core::available_isas()) {
    for (const int threads : {1, 2, 5}) {
      core::ThreadPool pool(threads);
      std::vector<T> y(x.size() + 1, T{99});
      run_copy(plan_transpose(in, permutation, sizeof(T), isa), x.data(), y.data(), pool);
      EXPECT_EQ(y.back(), T{99});
      y.pop_back();
      EXPECT_EQ(y, expected) << in.text() << " " << core::isa_name(isa);
    }
  }
}

TEST(Copy, Transpose) {
  const struct {
    Shape shape;
    std::vector<int> permutation;
  } cases[] = {{{5, 7}, {1, 0}},
               {{64, 33}, {1, 0}},
               {{2, 3, 9, 11}, {0, 2, 3, 1}},
               {{2, 9, 11, 3}, {0, 3, 1, 2}},
               {{3, 4, 5}, {2, 1, 0}},
               {{3, 4, 5}, {1, 0, 2}},
               {{2, 3, 4, 5}, {3, 1, 2, 0}},
               {{1, 16, 40, 40}, {0, 2, 3, 1}},
               {{6}, {0}},
               {{2, 0, 3}, {2, 0, 1}},
               {{3, 2, 2, 2, 3}, {4, 2, 0, 3, 1}},
               {{130, 70, 3}, {1, 2, 0}},
               {{300, 301}, {1, 0}}};
  for (const auto& c : cases) {
    expect_transpose<uint8_t>(c.shape, c.permutation);
    expect_transpose<uint16_t>(c.shape, c.permutation);
    expect_transpose<float>(c.shape, c.permutation);
    expect_transpose<int64_t>(c.shape, c.permutation);
  }
}

TEST(Copy, SliceWithNegativeStepsAndInsert) {
  core::ThreadPool pool(2);
  std::vector<int32_t> x(60);
  std::iota(x.begin(), x.end(), 0);
  const Shape in{3, 4, 5}, out{2, 4, 2};
  const int64_t starts[] = {0, 3, 1}, steps[] = {2, -1, 3};
  std::vector<int32_t> y(16);
  run_copy(plan_slice(in, out, starts, steps, 4, Isa::kScalar), x.data(), y.data(), pool);
  for (int a = 0; a < 2; ++a) {
    for (int b = 0; b < 4; ++b) {
      for (int c = 0; c < 2; ++c) EXPECT_EQ(y[static_cast<size_t>(a * 8 + b * 2 + c)], x[static_cast<size_t>(a * 2 * 20 + (3 - b) * 5 + 1 + c * 3)]);
    }
  }
  std::vector<int32_t> z(7 * 6, -1), small{1, 2, 3, 4, 5, 6};
  const int64_t place[] = {2, 1};
  run_copy(plan_insert(Shape{2, 3}, Shape{7, 6}, place, 4, Isa::kScalar), small.data(), z.data(), pool);
  EXPECT_EQ(z[2 * 6 + 1], 1);
  EXPECT_EQ(z[3 * 6 + 3], 6);
  EXPECT_EQ(std::accumulate(z.begin(), z.end(), 0), 21 - 36);
}

TEST(Copy, ExpandAndFill) {
  core::ThreadPool pool(2);
  const std::vector<uint16_t> x{1, 2, 3};
  std::vector<uint16_t> y(2 * 3 * 4);
  run_copy(plan_expand(Shape{3, 1}, Shape{2, 3, 4}, 2, Isa::kScalar), x.data(), y.data(), pool);
  for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], x[i / 4 % 3]);
  std::vector<double> z(100001);
  const double value = 2.5;
  fill(z.data(), static_cast<int64_t>(z.size()), &value, 8, pool);
  for (const double v : z) ASSERT_EQ(v, 2.5);
  uint8_t one = 0, seven = 7;
  run_copy(plan_expand(Shape{}, Shape{}, 1, Isa::kScalar), &seven, &one, pool);
  EXPECT_EQ(one, 7);
}

TEST(Copy, PadModes) {
  core::ThreadPool pool(1);
  const std::vector<int32_t> x{1, 2, 3, 4, 5, 6};
  std::vector<int32_t> y(2 * 7);
  const int64_t before[] = {0, 2};
  run_pad(Shape{2, 3}, Shape{2, 7}, before, PadMode::kReflect, 4, x.data(), y.data(), pool);
  EXPECT_EQ(y, (std::vector<int32_t>{3, 2, 1, 2, 3, 2, 1, 6, 5, 4, 5, 6, 5, 4}));
  run_pad(Shape{2, 3}, Shape{2, 7}, before, PadMode::kEdge, 4, x.data(), y.data(), pool);
  EXPECT_EQ(y, (std::vector<int32_t>{1, 1, 1, 2, 3, 3, 3, 4, 4, 4, 5, 6, 6, 6}));
  run_pad(Shape{2, 3}, Shape{2, 7}, before, PadMode::kWrap, 4, x.data(), y.data(), pool);
  EXPECT_EQ(y, (std::vector<int32_t>{2, 3, 1, 2, 3, 1, 2, 5, 6, 4, 5, 6, 4, 5}));
}

TEST(Gather, RowsNegativeAndOutOfRange) {
  core::ThreadPool pool(2);
  core::StatusSlot status;
  GatherArgs args{2, 3, 2, 2, 4, core::DType::kI64};
  const std::vector<float> x{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const int64_t indices[] = {-1, 0};
  std::vector<float> y(8);
  run_gather(args, x.data(), indices, y.data(), pool, status);
  EXPECT_EQ(y, (std::vector<float>{4, 5, 0, 1, 10, 11, 6, 7}));
  EXPECT_TRUE(status.status().ok());
  std::vector<float> back(12, 5);
  run_scatter_add(args, y.data(), indices, back.data(), pool, status);
  EXPECT_EQ(back, (std::vector<float>{0, 1, 0, 0, 4, 5, 6, 7, 0, 0, 10, 11}));
  const int64_t bad[] = {3, 0};
  run_gather(args, x.data(), bad, y.data(), pool, status);
  EXPECT_STREQ(status.status().text, "index out of range");
  EXPECT_EQ(status.status().values[0], 3);
}

}  // namespace
}  // namespace omni::kernels
