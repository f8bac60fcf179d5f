// Small networks and samples for the tests of quantization.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "ops/op_list.h"
#include "runtime/loop/batches.h"
#include "runtime/session.h"

namespace omni::compress::test {

using namespace graph;

inline Tensor normal(Shape shape, uint32_t seed, double deviation = 1, double mean = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw(static_cast<float>(mean), static_cast<float>(deviation));
  Tensor t(DType::kF32, shape);
  for (float& v : t.mutable_values<float>()) v = draw(random);
  return t;
}

// Every row of a matrix (or channel of a kernel) along `axis` times a factor of its own, spread over `octaves`.
inline Tensor uneven(Tensor t, int axis, double octaves, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> draw(-octaves / 2, octaves / 2);
  const int64_t inner = t.shape().count(axis + 1), channels = t.shape()[axis];
  std::vector<float> factors(static_cast<size_t>(channels));
  for (float& f : factors) f = static_cast<float>(std::exp2(draw(random)));
  for (int64_t i = 0; i < t.count(); ++i) t.mutable_values<float>()[static_cast<size_t>(i)] *= factors[static_cast<size_t>(i / inner % channels)];
  return t;
}

inline Type floats(DimTable& dims, std::vector<int64_t> sample) {
  std::vector<Dim> d = {dims.symbol("N")};
  d.insert(d.end(), sample.begin(), sample.end());
  return Type(DType::kF32, std::move(d));
}

inline ValueId weight(Graph& g, const char* name, Tensor data) { return g.add_constant(name, std::move(data), Role::kParameter); }

inline runtime::TensorSource samples(Shape shape, uint32_t seed, double deviation = 1, double mean = 0) {
  return runtime::TensorSource({"x"}, {normal(shape, seed, deviation, mean)});
}

inline std::vector<double> run(const Graph& graph, const Tensor& x) {
  runtime::Session session(graph.clone(), {.isa = Isa::kScalar, .threads = 1});
  const std::vector<Tensor> in = {x};
  return to_double(session.run(std::span<const Tensor>(in)).at(0));
}

// The largest difference over the largest magnitude.
inline double difference(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::fabs(a[i] - b[i]));
    largest = std::max(largest, std::fabs(a[i]));
  }
  return worst / largest;
}

}  // namespace omni::compress::test
