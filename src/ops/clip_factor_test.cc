#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

Outputs clip(const Inputs& in, double most) {
  double sum = 0;
  for (const auto& t : in) {
    for (const double x : to_double(*t)) sum += x * x;
  }
  return {{std::min(1.0, most / (std::sqrt(sum) + 1e-6))}, {std::sqrt(sum)}};
}

TEST(ClipFactor, Cases) {
  check({.name = "clips", .op = &kClipFactor, .inputs = {wave({3, 5}), wave({20000}), scalar_f32(2)}, .attributes = {{"max_norm", 0.5f}}, .outputs = 2,
         .reference = [](const Inputs& in) { return clip(in, 0.5); }});
  check({.name = "leaves small ones", .op = &kClipFactor, .inputs = {wave({3, 5})}, .attributes = {{"max_norm", 100.0f}}, .outputs = 2,
         .reference = [](const Inputs& in) { return clip(in, 100); }});
  expect_refused(kClipFactor, {wave({2})}, {{"max_norm", 0.0f}}, "max_norm");
}

}  // namespace
}  // namespace omni::ops
