#include "device/latency.h"

#include <gtest/gtest.h>

#include <cmath>

#include "device/kernel_work.h"
#include "device/probe.h"
#include "device/probe_networks.h"
#include "device/store.h"
#include "ops/op_list.h"
#include "runtime/session.h"

namespace omni::device {
namespace {

// Rows of 64 columns.
KernelWork kernel(const std::string& kind, double operations, double bytes, double elements, bool integer = false) {
  return {kind, integer, operations, bytes, elements, 64, 0, bytes};
}

Workload workload(const std::vector<KernelWork>& kernels) {
  Workload work;
  work.kernels = kernels;
  for (const KernelWork& k : kernels) {
    runtime::StepProfile& step = work.steps.emplace_back();
    step.op = k.kind;
    step.operations = static_cast<int64_t>(k.operations);
    step.bytes = static_cast<int64_t>(k.bytes);
  }
  return work;
}

// A machine whose kernels take exactly `microseconds(operations)`.
template <class F>
Profile machine(F&& microseconds) {
  Profile p = find_profile("generic_x86_avx512").profile;
  p.node_us = Figure{0.1, "test", Confidence::kMeasured};
  p.run_us = Figure{0, "test", Confidence::kMeasured};
  for (const int threads : {1, 4}) {
    for (int power = 10; power <= 28; ++power) {
      const double operations = std::ldexp(1.0, power);
      p.kernels.push_back({kernel("product", operations, operations / 64, operations / 512), threads, microseconds(operations) / threads});
    }
  }
  return p;
}

TEST(KernelWork, KindsAreWhatChangesTheSpeed) {
  Graph graph("g");
  const ValueId x = graph.add_input("x", Type(DType::kF32, Shape{1, 8, 6, 6})), a = graph.add_input("a", Type(DType::kF32, Shape{2, 3}));
  const auto weights = [&](const Shape& shape) { return graph.add_constant("w", Tensor(DType::kF32, shape)); };
  const ValueId points = graph.add1(ops::kConv, {x, weights({16, 8, 1, 1})});
  graph.add_output(graph.add1(ops::kConv, {points, weights({16, 1, 3, 3})}, {{"group", int64_t{16}}}));
  graph.add_output(graph.add1(ops::kMatMul, {a, weights({3, 5})}));
  runtime::Session session(graph.clone(), {.threads = 1, .optimize = false, .profile = true});
  (void)session.plan(std::vector<Shape>{Shape{1, 8, 6, 6}, Shape{2, 3}});
  const std::vector<KernelWork> works = kernel_works(session.profiler().steps(), session.graph());
  ASSERT_EQ(works.size(), 3u);
  EXPECT_EQ(works[0].kind, "points");
  EXPECT_EQ(works[0].elements, 16 * 36);
  EXPECT_EQ(works[0].columns, 16);
  EXPECT_EQ(works[0].weights, 16 * 8 * 4);
  EXPECT_EQ(works[1].kind, "depthwise");
  EXPECT_EQ(works[2].kind, "product");
  EXPECT_EQ(works[2].columns, 5);
  EXPECT_EQ(works[2].passing, (16 * 8 + 16 * 9 + 15) * 4 + (8 * 36 + 16 * 36) * 4);  // all constants, and the activations of the first
}

TEST(Latency, KernelsThatDoNothingGiveFiniteTimes) {
  Profile p = machine([](double) { return 1.0; });
  p.node_us = Figure{0, "test", Confidence::kMeasured};
  p.kernels.push_back({{"product", false, 0, 0, 0, 0, 0, 0}, 1, 1.0});
  const Workload work = workload({kernel("product", 0, 0, 0), kernel("product", 1 << 20, 1 << 14, 1 << 11)});
  const LatencyPrediction prediction = predict_latency(work, p, 2);
  EXPECT_TRUE(std::isfinite(prediction.p50) && std::isfinite(prediction.high) && prediction.p50 > 0) << prediction.p50;
}

// Weights that the caches do not hold until they are read again come from main memory.
TEST(Latency, WeightsComeFromWhereTheyAre) {
  Profile p = machine([](double operations) { return operations * 1e-5 + 1; });
  p.l2_gb_s = Figure{100, "test", Confidence::kMeasured};
  p.copy_gb_s = Figure{10, "test", Confidence::kMeasured};
  p.l2_kb = Figure{1024, "test", Confidence::kMeasured};
  p.l3_kb = Figure{8192, "test", Confidence::kMeasured};
  KernelWork near = kernel("product", 1 << 20, 1 << 20, 512), far = near;
  near.weights = far.weights = 1 << 20;
  near.passing = 1 << 20;
  far.passing = 1e8;
  EXPECT_GT(predict_latency(workload({far}), p, 1).p50, 3 * predict_latency(workload({near}), p, 1).p50);
}

// A kernel that was timed is predicted at its time: among inverse distances its own dominates.
TEST(Latency, ATimedKernelComesBack) {
  const Profile p = machine([](double operations) { return operations * 1e-5 + 1; });
  for (const int power : {12, 20, 26}) {
    const int64_t operations = int64_t{1} << power;
    const auto size = static_cast<double>(operations);
    const Workload work = workload({kernel("product", size, size / 64, size / 512)});
    const double expected = (static_cast<double>(operations) * 1e-5 + 1) * 1e-6;
    EXPECT_NEAR(predict_latency(work, p, 1).p50 / expected, 1, 0.05) << power;
    EXPECT_NEAR(predict_latency(work, p, 4).p50 / expected, 0.25, 0.02) << power;
    EXPECT_NEAR(predict_latency(work, p, 2).p50 / expected, 0.5, 0.03) << power;  // between the numbers that were timed
  }
}

TEST(Latency, NetworksAreSumsOfTheirKernels) {
  const Profile p = machine([](double operations) { return operations * 1e-5 + 1; });
  const KernelWork timed = kernel("product", 1 << 20, 1 << 14, 1 << 11);
  const Workload one = workload({timed}), three = workload({timed, timed, kernel("Unknown", 1 << 20, 1 << 14, 1 << 11)});
  const LatencyPrediction a = predict_latency(one, p, 1), b = predict_latency(three, p, 1);
  EXPECT_NEAR(b.p50, 3 * a.p50, 1e-12);  // an operator that was not timed is taken as the nearest of any operator
  ASSERT_EQ(b.operators.size(), 2u);
  EXPECT_EQ(b.operators[0].op, "product");
  EXPECT_EQ(b.operators[0].nodes, 2);
  EXPECT_LT(b.low, b.mean);
  EXPECT_GT(b.high, b.mean);
  EXPECT_GT(b.high / b.mean, a.high / a.mean);  // and told less surely
}

TEST(Latency, SpreadIsTheProbes) {
  Profile p = machine([](double operations) { return operations * 1e-5; });
  p.mean_ratio = Figure{1.1, "test", Confidence::kMeasured};
  p.p95_ratio = Figure{1.5, "test", Confidence::kMeasured};
  p.p99_ratio = Figure{2, "test", Confidence::kMeasured};
  const Workload work = workload({kernel("product", 1 << 20, 1 << 14, 1 << 11)});
  const LatencyPrediction l = predict_latency(work, p, 1);
  EXPECT_DOUBLE_EQ(l.mean, 1.1 * l.p50);
  EXPECT_DOUBLE_EQ(l.p95, 1.5 * l.p50);
  EXPECT_DOUBLE_EQ(l.p99, 2 * l.p50);
}

// 2^30 operations at 31.2 GFLOP/s and 2^20 bytes at 2.8 GB/s and 3 us, within 2.5 times.
TEST(Latency, WithoutAProbeTheProfilesFiguresTell) {
  const Profile pi = find_profile("raspberry_pi_4").profile;
  const Workload work = workload({kernel("windows", 1 << 30, 1 << 20, 1 << 16)});
  const double expected = 1073741824 / 31.2e9 + 1048576 / 2.8e9 + 3e-6;
  const LatencyPrediction l = predict_latency(work, pi);
  EXPECT_FALSE(l.probed);
  EXPECT_EQ(l.threads, 4);
  EXPECT_NEAR(l.p50, expected, 1e-9);
  EXPECT_NEAR(l.high / l.mean, 2.5, 1e-6);
  EXPECT_GT(predict_latency(work, pi, 1).p50, 3.9 * 1073741824 / 31.2e9);
  EXPECT_EQ(l.joules, 0);
}

TEST(Latency, EnergyWhereTheProfileTells) {
  Profile pi = find_profile("raspberry_pi_4").profile;
  pi.picojoules_per_operation = Figure{100, "test", Confidence::kEstimated};
  pi.picojoules_per_byte = Figure{50, "test", Confidence::kEstimated};
  const Workload work = workload({kernel("windows", 1000000, 2000, 10), kernel("Relu", 0, 2000, 10)});
  EXPECT_NEAR(predict_latency(work, pi).joules, 1e-4 + 2e-7, 1e-15);
}

// What a probe times runs on every instruction set, and 8-bit networks compute on 8-bit integers.
TEST(Probe, NetworksRun) {
  for (const ProbeNetwork& network : probe_networks(int64_t{4} << 20)) {
    for (const Isa isa : {Isa::kScalar, detect_isa()}) {
      const Graph& g = network.graph;
      std::vector<Shape> shapes;
      for (const ValueId id : g.inputs()) shapes.push_back(*g.type(id).shape());
      const Workload work = plan_workload(std::make_shared<const Graph>(g.clone()), shapes, isa);
      EXPECT_TRUE(work.whole) << network.name;
      const auto integers = std::count_if(work.steps.begin(), work.steps.end(), [](const runtime::StepProfile& s) { return s.integer; });
      const bool int8 = network.name.find("int8") != std::string::npos;
      EXPECT_EQ(integers > 0, int8) << network.name;
      if (int8) {
        EXPECT_GE(integers * 8, static_cast<long>(work.steps.size())) << network.name;
      }
    }
  }
}

TEST(Probe, GivesAProfileThatIsReadBack) {
  std::vector<double> fractions;
  const Profile p = probe_host({.seconds = 0.01, .progress = [&](double fraction, std::string_view) {
                                  fractions.push_back(fraction);
                                  return true;
                                }});
  EXPECT_EQ(p.name, "this");
  EXPECT_GE(p.kernels.size(), 200u);
  EXPECT_TRUE(p.copy_gb_s && p.node_us && p.run_us && p.p95_ratio && p.p99_ratio);
  EXPECT_LE(p.p95_ratio->value, p.p99_ratio->value);
  EXPECT_TRUE(std::is_sorted(fractions.begin(), fractions.end()));
  EXPECT_EQ(parse_profile(profile_text(p), "probe"), p);
  EXPECT_THROW(probe_host({.seconds = 0.01, .progress = [](double, std::string_view) { return false; }}), Error);
}

}  // namespace
}  // namespace omni::device
