#include <gtest/gtest.h>

#include "core/rng.h"
#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kRandomMaskGradient;

namespace {

Outputs mask(const Inputs& in, const char* stream, double ratio) {
  const RandomStream coins(static_cast<uint64_t>(to_int64(*in[1])[0]), stream, static_cast<uint64_t>(to_int64(*in[2])[0]));
  std::vector<double> out = to_double(*in[0]);
  for (size_t i = 0; i < out.size(); ++i) out[i] = coins.uniform(i) >= ratio ? out[i] / (1 - ratio) : 0;
  return {out};
}

TEST(RandomMask, Cases) {
  check({.name = "a quarter", .op = &kRandomMask, .inputs = {wave({7, 11}), Tensor::scalar(int64_t{5}), Tensor::scalar(int64_t{12})},
         .attributes = {{"ratio", 0.25f}, {"stream", std::string("drop1")}}, .reference = [](const Inputs& in) { return mask(in, "drop1", 0.25); },
         .gradient = &kRandomMaskGradient});
  check({.name = "many blocks", .op = &kRandomMask, .inputs = {wave({40001}), Tensor::scalar(int64_t{5}), Tensor::scalar(int64_t{0})},
         .attributes = {{"ratio", 0.5f}, {"stream", std::string("drop2")}}, .reference = [](const Inputs& in) { return mask(in, "drop2", 0.5); }});
  check({.name = "everything goes", .op = &kRandomMask, .inputs = {wave({4}), Tensor::scalar(int64_t{5}), Tensor::scalar(int64_t{0})},
         .attributes = {{"ratio", 1.0f}, {"stream", std::string("s")}}, .expected = {{0, 0, 0, 0}}});
  expect_refused(kRandomMask, {wave({4}), Tensor::scalar(int64_t{5}), Tensor::scalar(int64_t{0})}, {{"ratio", 1.5f}, {"stream", std::string("s")}}, "ratio");
}

}  // namespace
}  // namespace omni::ops
