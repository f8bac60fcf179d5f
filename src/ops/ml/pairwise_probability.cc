// ai.omni.PairwiseProbability: the probabilities [N, C] of classes of which R [N, C (C - 1) / 2] says, for each pair i < j in order, how likely i is
// against j. Wu, Lin and Weng's second method, as libsvm iterates it; SVMClassifier expands into it.
#include <algorithm>
#include <cmath>

#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"R"}};
constexpr Formal kOutputs[] = {{"P"}};
constexpr AttributeDef kAttributes[] = {{"classes", AttributeKind::kInt, true}};

void infer(InferContext& c) {
  const Type& r = c.input(0);
  const int64_t classes = c.attributes.get_int("classes", 0);
  if (classes < 2 || classes > 10000) c.fail("classes is out of range");
  if (r.dtype != DType::kF32 || !r.ranked || r.rank() != 2) c.fail("R is not f32 of rank 2");
  if (r.dim(1).is_constant() && r.dim(1).value != classes * (classes - 1) / 2) c.fail("R has not a column for each pair of classes");
  c.set(0, Type(DType::kF32, std::vector<Dim>{r.dim(0), classes}));
}

// `pair` [k, k] with pair[i k + j] the probability of i against j; `q` [k, k] and `qp` [k] are scratch.
void solve(const double* pair, int64_t k, double* q, double* qp, double* p) {
  const auto at = [k](int64_t i, int64_t j) { return static_cast<size_t>(i * k + j); };
  for (int64_t t = 0; t < k; ++t) {
    p[t] = 1.0 / static_cast<double>(k);
    q[at(t, t)] = 0;
    for (int64_t j = 0; j < k; ++j) {
      if (j == t) continue;
      q[at(t, t)] += pair[at(j, t)] * pair[at(j, t)];
      q[at(t, j)] = j < t ? q[at(j, t)] : -pair[at(j, t)] * pair[at(t, j)];
    }
  }
  const double enough = 0.005 / static_cast<double>(k);
  for (int64_t round = 0; round < std::max<int64_t>(100, k); ++round) {
    double total = 0, worst = 0;
    for (int64_t t = 0; t < k; ++t) {
      qp[t] = 0;
      for (int64_t j = 0; j < k; ++j) qp[t] += q[at(t, j)] * p[j];
      total += p[t] * qp[t];
    }
    for (int64_t t = 0; t < k; ++t) worst = std::max(worst, std::fabs(qp[t] - total));
    if (worst < enough) break;
    for (int64_t t = 0; t < k; ++t) {
      const double step = (total - qp[t]) / q[at(t, t)];
      p[t] += step;
      total = (total + step * (step * q[at(t, t)] + 2 * qp[t])) / (1 + step) / (1 + step);
      for (int64_t j = 0; j < k; ++j) {
        qp[j] = (qp[j] + step * q[at(t, j)]) / (1 + step);
        p[j] /= 1 + step;
      }
    }
  }
}

void run(const KernelArgs& args) noexcept {
  const int64_t rows = args.outputs[0].shape[0], k = args.outputs[0].shape[1], pairs = k * (k - 1) / 2;
  double* pair = reinterpret_cast<double*>(args.scratch);
  double *q = pair + k * k, *qp = q + k * k, *p = qp + k;
  for (int64_t r = 0; r < rows; ++r) {
    const float* from = args.inputs[0].as<float>() + r * pairs;
    std::fill(pair, pair + k * k, 0.0);
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = i + 1; j < k; ++j) {
        const double v = std::clamp(static_cast<double>(*from++), 1e-7, 1 - 1e-7);
        pair[i * k + j] = v;
        pair[j * k + i] = 1 - v;
      }
    }
    solve(pair, k, q, qp, p);
    for (int64_t t = 0; t < k; ++t) args.outputs[0].as<float>()[r * k + t] = static_cast<float>(p[t]);
  }
}

Binding bind(const PlannedNode& n) {
  const int64_t k = n.output(0).shape[1];
  if (n.input(0).shape[1] != k * (k - 1) / 2) n.unsupported("R has not a column for each pair of classes");
  return {run, nullptr, static_cast<size_t>(2 * k * k + 2 * k) * sizeof(double)};
}

}  // namespace

constinit const OpDef kPairwiseProbability = {.name = "PairwiseProbability",
                                              .domain = "ai.omni",
                                              .inputs = kInputs,
                                              .outputs = kOutputs,
                                              .attributes = kAttributes,
                                              .infer = infer,
                                              .bind = bind};

}  // namespace omni::ops
