// ai.omni.TreeSum: what the leaves that the rows of X [N, F] reach add up to for each target, f32 [N, targets]. The tree ensembles of ai.onnx.ml
// expand into it.
//
// Attributes, one element an inner node: `features`, `modes` (0 ≤, 1 <, 2 ≥, 3 >, 4 =, 5 ≠, 6 member), `splits` (f32 or f64), `missing` (1: NaN goes
// to the true side), `if_true` and `if_false` (an inner node, or -1 - leaf). `roots` are written the same way. Leaf l has the weights
// [leaf_starts[l], leaf_starts[l + 1]) of `weights` for the targets `targets_of`. `members` are the values of member nodes, in the nodes' order,
// lists that end with NaN. `aggregate`: 0 average, 1 sum, 2 minimum, 3 maximum over the trees. A target that no tree reaches is 0.
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/kernel_args.h"
#include "ops/onnx_dtype.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {{"aggregate", AttributeKind::kInt},          {"features", AttributeKind::kInts},
                                        {"if_false", AttributeKind::kInts},          {"if_true", AttributeKind::kInts},
                                        {"leaf_starts", AttributeKind::kInts, true}, {"members", AttributeKind::kTensor},
                                        {"missing", AttributeKind::kInts},           {"modes", AttributeKind::kInts},
                                        {"roots", AttributeKind::kInts, true},       {"splits", AttributeKind::kTensor},
                                        {"targets", AttributeKind::kInt, true},      {"targets_of", AttributeKind::kInts, true},
                                        {"weights", AttributeKind::kTensor, true}};

enum Mode : uint8_t { kLessEqual, kLess_, kGreaterEqual, kGreater_, kSame, kDifferent, kMember };
enum Aggregate : int64_t { kAverage, kTotal, kLeast, kMost };

struct Inner {
  double split = 0;
  int32_t feature = 0, if_true = -1, if_false = -1;
  uint32_t members = 0, member_count = 0;
  uint8_t mode = 0;
  bool missing = false;
};

struct Params {
  std::vector<Inner> nodes;
  std::vector<int32_t> roots, starts, targets;
  std::vector<float> weights;
  std::vector<double> members;
  int64_t features = 0, outputs = 0, aggregate = kTotal;
};

[[noreturn]] void refuse(const PlannedNode& n, const std::string& why) {
  throw Error(ErrorCode::kInvalidData, "the trees are broken: " + why, n.name.empty() ? op_text(n.op) : std::string(n.name));
}

// Every node is reached from the roots once at most: trees end.
void check_trees(const PlannedNode& n, const Params& p) {
  std::vector<bool> seen(p.nodes.size(), false);
  std::vector<int32_t> stack(p.roots.begin(), p.roots.end());
  while (!stack.empty()) {
    const int32_t at = stack.back();
    stack.pop_back();
    if (at < 0) {
      if (static_cast<size_t>(-1 - static_cast<int64_t>(at)) + 1 >= p.starts.size()) refuse(n, "a leaf is missing");
      continue;
    }
    if (static_cast<size_t>(at) >= p.nodes.size()) refuse(n, "a node is missing");
    if (seen[static_cast<size_t>(at)]) refuse(n, "a node is reached twice");
    seen[static_cast<size_t>(at)] = true;
    stack.push_back(p.nodes[static_cast<size_t>(at)].if_true);
    stack.push_back(p.nodes[static_cast<size_t>(at)].if_false);
  }
}

int32_t narrow(const PlannedNode& n, int64_t v) {
  if (v < INT32_MIN || v > INT32_MAX) refuse(n, "an index is out of range");
  return static_cast<int32_t>(v);
}

void read_members(const PlannedNode& n, Params& p) {
  const Tensor* list = n.attributes.get_tensor("members");
  if (list != nullptr && is_float(list->dtype())) p.members = to_double(*list);
  size_t at = 0;
  for (Inner& node : p.nodes) {
    if (node.mode != kMember) continue;
    node.members = static_cast<uint32_t>(at);
    while (at < p.members.size() && !std::isnan(p.members[at])) ++at;
    node.member_count = static_cast<uint32_t>(at) - node.members;
    if (node.member_count == 0) refuse(n, "a node has no members to compare with");
    ++at;
  }
}

void read_nodes(const PlannedNode& n, Params& p) {
  const std::vector<int64_t> features = n.attributes.get_ints("features"), modes = n.attributes.get_ints("modes"),
                             yes = n.attributes.get_ints("if_true"), no = n.attributes.get_ints("if_false"),
                             missing = n.attributes.get_ints("missing");
  const Tensor* splits = n.attributes.get_tensor("splits");
  const size_t count = features.size();
  std::vector<double> values;
  if (splits != nullptr && is_float(splits->dtype())) values = to_double(*splits);
  if (modes.size() != count || yes.size() != count || no.size() != count || values.size() != count || (!missing.empty() && missing.size() != count))
    refuse(n, "the lists of nodes differ in length");
  p.nodes.resize(count);
  for (size_t i = 0; i < count; ++i) {
    if (features[i] < 0 || features[i] >= p.features) refuse(n, "feature " + std::to_string(features[i]) + " of " + std::to_string(p.features));
    if (modes[i] < 0 || modes[i] > kMember) refuse(n, "a mode is not known");
    p.nodes[i] = {values[i],
                  narrow(n, features[i]),
                  narrow(n, yes[i]),
                  narrow(n, no[i]),
                  0,
                  0,
                  static_cast<uint8_t>(modes[i]),
                  !missing.empty() && missing[i] != 0};
  }
}

void read_leaves(const PlannedNode& n, Params& p) {
  for (const int64_t v : n.attributes.get_ints("leaf_starts")) p.starts.push_back(narrow(n, v));
  for (const int64_t v : n.attributes.get_ints("targets_of")) p.targets.push_back(narrow(n, v));
  const Tensor* weights = n.attributes.get_tensor("weights");
  if (weights == nullptr || !is_float(weights->dtype())) refuse(n, "the weights are no floats");
  for (const double w : to_double(*weights)) p.weights.push_back(static_cast<float>(w));
  if (p.weights.size() != p.targets.size()) refuse(n, "weights and targets differ in number");
  if (p.starts.empty() || p.starts.front() != 0 || p.starts.back() != static_cast<int64_t>(p.weights.size()))
    refuse(n, "the leaves do not cover the weights");
  for (size_t i = 1; i < p.starts.size(); ++i) {
    if (p.starts[i] < p.starts[i - 1]) refuse(n, "a leaf ends before it begins");
  }
  for (const int32_t t : p.targets) {
    if (t < 0 || t >= p.outputs) refuse(n, "target " + std::to_string(t) + " of " + std::to_string(p.outputs));
  }
}

bool goes_true(const Inner& node, double v, const double* members) {
  bool yes = false;
  switch (node.mode) {
    case kLessEqual: yes = v <= node.split; break;
    case kLess_: yes = v < node.split; break;
    case kGreaterEqual: yes = v >= node.split; break;
    case kGreater_: yes = v > node.split; break;
    case kSame: yes = v == node.split; break;
    case kDifferent: yes = v != node.split; break;
    default:
      for (uint32_t i = 0; i < node.member_count && !yes; ++i) yes = members[node.members + i] == v;
      break;
  }
  return yes || (node.missing && std::isnan(v));
}

template <class T>
void run_row(const Params& p, const T* x, float* y, double* sums, bool* reached) {
  for (int64_t t = 0; t < p.outputs; ++t) {
    sums[t] = 0;
    reached[t] = false;
  }
  for (int32_t at : p.roots) {
    while (at >= 0) {
      const Inner& node = p.nodes[static_cast<size_t>(at)];
      at = goes_true(node, static_cast<double>(x[node.feature]), p.members.data()) ? node.if_true : node.if_false;
    }
    const size_t leaf = static_cast<size_t>(-1 - at);
    for (int32_t i = p.starts[leaf]; i < p.starts[leaf + 1]; ++i) {
      const double w = static_cast<double>(p.weights[static_cast<size_t>(i)]);
      double& sum = sums[p.targets[static_cast<size_t>(i)]];
      bool& known = reached[p.targets[static_cast<size_t>(i)]];
      sum = p.aggregate <= kTotal || !known ? sum + w : p.aggregate == kLeast ? std::min(sum, w) : std::max(sum, w);
      known = true;
    }
  }
  const double divisor = p.aggregate == kAverage && !p.roots.empty() ? static_cast<double>(p.roots.size()) : 1;
  for (int64_t t = 0; t < p.outputs; ++t) y[t] = static_cast<float>(sums[t] / divisor);
}

constexpr int64_t kRows = 16;  // a task's

template <class T>
void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const int64_t rows = args.inputs[0].shape[0], tasks = (rows + kRows - 1) / kRows;
  const T* x = args.inputs[0].as<T>();
  float* y = args.outputs[0].as<float>();
  const int64_t each = p.outputs * static_cast<int64_t>(sizeof(double) + sizeof(bool));
  args.pool->parallel_for(tasks, [&](int64_t task) {
    double* sums = reinterpret_cast<double*>(args.scratch + task * ((each + 63) / 64 * 64));
    bool* reached = reinterpret_cast<bool*>(sums + p.outputs);
    for (int64_t r = task * kRows; r < std::min(rows, (task + 1) * kRows); ++r) run_row(p, x + r * p.features, y + r * p.outputs, sums, reached);
  });
}

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked || x.rank() != 2) c.fail("X is not of rank 2");
  if (x.dtype != DType::kF32 && x.dtype != DType::kF64 && x.dtype != DType::kI64 && x.dtype != DType::kI32)
    c.fail("X is not of f32, f64, i32 or i64");
  const int64_t targets = c.attributes.get_int("targets", 0);
  if (targets < 1 || targets > (1 << 24)) c.fail("targets is out of range");
  c.set(0, Type(DType::kF32, std::vector<Dim>{x.dim(0), targets}));
}

Binding bind(const PlannedNode& n) {
  auto params = std::make_shared<Params>();
  Params& p = *params;
  p.features = n.input(0).shape[1];
  p.outputs = n.output(0).shape[1];
  p.aggregate = n.attributes.get_int("aggregate", kTotal);
  if (p.aggregate < kAverage || p.aggregate > kMost) refuse(n, "an aggregate that is not known");
  read_nodes(n, p);
  read_members(n, p);
  read_leaves(n, p);
  for (const int64_t r : n.attributes.get_ints("roots")) p.roots.push_back(narrow(n, r));
  check_trees(n, p);
  const size_t each = static_cast<size_t>(p.outputs) * (sizeof(double) + sizeof(bool));
  const size_t scratch = static_cast<size_t>((n.input(0).shape[0] + kRows - 1) / kRows) * ((each + 63) / 64 * 64);
  switch (n.input(0).dtype) {
    case DType::kF64: return {run<double>, params, scratch};
    case DType::kI64: return {run<int64_t>, params, scratch};
    case DType::kI32: return {run<int32_t>, params, scratch};
    default: return {run<float>, params, scratch};
  }
}

}  // namespace

constinit const OpDef kTreeSum = {
    .name = "TreeSum", .domain = "ai.omni", .inputs = kX, .outputs = kY, .attributes = kAttributes, .infer = infer, .bind = bind};

}  // namespace omni::ops
