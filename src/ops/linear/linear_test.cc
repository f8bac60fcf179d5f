// Einsum against the sum over all letters, determinants, products in f64 and integers.
#include <gtest/gtest.h>

#include <map>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

// Letters only; every output element is the sum over all values of the letters that it does not name.
Outputs sum_of_products(const Inputs& in, const std::vector<std::string>& terms, const std::string& output) {
  std::map<char, int64_t> sizes;
  for (size_t i = 0; i < terms.size(); ++i) {
    for (size_t d = 0; d < terms[i].size(); ++d) sizes[terms[i][d]] = in[i]->shape()[static_cast<int>(d)];
  }
  std::vector<std::vector<double>> values;
  for (const auto& t : in) values.push_back(to_double(*t));
  int64_t all = 1, count = 1;
  for (const auto& [letter, size] : sizes) all *= size;
  for (const char c : output) count *= sizes[c];
  std::vector<double> y(static_cast<size_t>(count));
  for (int64_t i = 0; i < all; ++i) {
    std::map<char, int64_t> at;
    int64_t rest = i;
    for (const auto& [letter, size] : sizes) {
      at[letter] = rest % size;
      rest /= size;
    }
    const auto index = [&](const std::string& letters) {
      int64_t flat = 0;
      for (const char c : letters) flat = flat * sizes[c] + at[c];
      return static_cast<size_t>(flat);
    };
    double product = 1;
    for (size_t t = 0; t < terms.size(); ++t) product *= values[t][index(terms[t])];
    y[index(output)] += product;
  }
  return {y};
}

void einsum(const std::string& equation, Inputs in, const std::vector<std::string>& terms, const std::string& output) {
  check({.name = equation,
         .op = &kEinsum,
         .inputs = std::move(in),
         .attributes = {{"equation", equation}},
         .reference = [=](const Inputs& x) { return sum_of_products(x, terms, output); },
         .tolerance = 1e-5});
}

TEST(Einsum, Equations) {
  einsum("ij,jk->ik", {wave(Shape{2, 3}), wave(Shape{3, 4})}, {"ij", "jk"}, "ik");
  einsum("bij, bjk -> bik", {wave(Shape{2, 2, 3}), wave(Shape{2, 3, 4})}, {"bij", "bjk"}, "bik");
  einsum("i,j", {wave(Shape{3}), wave(Shape{4})}, {"i", "j"}, "ij");
  einsum("i,i", {wave(Shape{5}), wave(Shape{5})}, {"i", "i"}, "");
  einsum("ij->ji", {wave(Shape{2, 3})}, {"ij"}, "ji");
  einsum("ij->", {wave(Shape{2, 3})}, {"ij"}, "");
  einsum("ii->i", {wave(Shape{4, 4})}, {"ii"}, "i");
  einsum("bijj,ck->ki", {wave(Shape{2, 3, 4, 4}), wave(Shape{2, 5})}, {"bijj", "ck"}, "ki");
  einsum("bhid,bhjd->bhij", {wave(Shape{2, 2, 3, 4}), wave(Shape{2, 2, 5, 4})}, {"bhid", "bhjd"}, "bhij");
  einsum("abc,cd,bde->ea", {wave(Shape{2, 3, 4}), wave(Shape{4, 2}), wave(Shape{3, 2, 3})}, {"abc", "cd", "bde"}, "ea");
  einsum("...ij,...jk->...ik", {wave(Shape{2, 2, 3}), wave(Shape{2, 3, 4})}, {"zij", "zjk"}, "zik");
  einsum("b...,b...->...b", {wave(Shape{2, 3, 4}), wave(Shape{2, 3, 4})}, {"byz", "byz"}, "yzb");
  einsum("...i,i", {wave(Shape{2, 3}), wave(Shape{3})}, {"zi", "i"}, "z");
}

TEST(Einsum, EllipsesBroadcast) {
  const auto in = Inputs{wave(Shape{1, 3, 2, 3}), wave(Shape{4, 1, 3, 2})};
  check({.name = "broadcast", .op = &kEinsum, .inputs = in, .attributes = {{"equation", "...ij,...jk->...ik"}}, .shapes = {Shape{4, 3, 2, 2}}});
}

TEST(Einsum, Refused) {
  expect_refused(kEinsum, {wave(Shape{2, 3})}, {{"equation", "ij,jk->ik"}}, "does not fit");
  expect_refused(kEinsum, {wave(Shape{2, 3})}, {{"equation", "i->i"}}, "does not fit");
  expect_refused(kEinsum, {wave(Shape{2, 3})}, {{"equation", "ij->k"}}, "does not fit");
  expect_refused(kEinsum, {wave(Shape{2, 3}), wave(Shape{4, 2})}, {{"equation", "ij,jk->ik"}}, "differ: 3 and 4");
}

TEST(Det, Cases) {
  check({.name = "two", .op = &kDet, .inputs = {Tensor::of<float>(Shape{2, 2, 2}, {1, 2, 3, 4, 0, 1, 1, 0})}, .expected = {{-2, -1}}});
  check({.name = "one matrix",
         .op = &kDet,
         .inputs = {Tensor::of<double>(Shape{3, 3}, {2, 0, 0, 1, 3, 0, 5, 7, 4})},
         .expected = {{24}},
         .tolerance = 1e-14});
  check({.name = "singular", .op = &kDet, .inputs = {Tensor::of<float>(Shape{2, 2}, {1, 2, 2, 4})}, .expected = {{0}}});
  expect_refused(kDet, {wave(Shape{2, 3})}, {}, "not square");
}

TEST(MatMul, DoublesAndIntegers) {
  const auto product = [](const Inputs& in) { return sum_of_products(in, {"bij", "bjk"}, "bik"); };
  check({.name = "f64",
         .op = &kMatMul,
         .inputs = {wave(Shape{2, 2, 3}, 1, 0, DType::kF64), wave(Shape{2, 3, 4}, 1, 0, DType::kF64)},
         .reference = product,
         .tolerance = 1e-14});
  check({.name = "i64",
         .op = &kMatMul,
         .inputs = {Tensor::of<int64_t>(Shape{1, 2}, {int64_t{1} << 40, 3}), Tensor::of<int64_t>(Shape{2, 1}, {5, -7})},
         .expected = {{static_cast<double>((int64_t{5} << 40) - 21)}}});
  check({.name = "i32",
         .op = &kMatMul,
         .inputs = {Tensor::of<int32_t>(Shape{2}, {2, -3}), Tensor::of<int32_t>(Shape{2}, {5, 7})},
         .expected = {{-11}}});
  check({.name = "Gemm in f64",
         .op = &kGemm,
         .inputs = {Tensor::of<double>(Shape{1, 2}, {1, 2}), Tensor::of<double>(Shape{1, 2}, {3, 4}), Tensor::of<double>(Shape{1}, {10})},
         .attributes = {{"transB", int64_t{1}}, {"alpha", 2.0f}, {"beta", 0.5f}},
         .expected = {{27}},
         .tolerance = 1e-14});
}

}  // namespace
}  // namespace omni::ops
