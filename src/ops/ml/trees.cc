// TreeEnsemble, TreeEnsembleRegressor, TreeEnsembleClassifier (ai.onnx.ml): their ways to write trees brought into that of ai.omni.TreeSum.
#include <algorithm>
#include <map>

#include "core/error.h"
#include "ops/ml/scores.h"

namespace omni::ops {

namespace {

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr Formal kYZ[] = {{"Y"}, {"Z"}};
constexpr AttributeDef kEnsembleAttributes[] = {{"aggregate_function", AttributeKind::kInt},
                                                {"leaf_targetids", AttributeKind::kInts, true},
                                                {"leaf_weights", AttributeKind::kTensor, true},
                                                {"membership_values", AttributeKind::kTensor},
                                                {"n_targets", AttributeKind::kInt},
                                                {"nodes_falseleafs", AttributeKind::kInts, true},
                                                {"nodes_falsenodeids", AttributeKind::kInts, true},
                                                {"nodes_featureids", AttributeKind::kInts, true},
                                                {"nodes_hitrates", AttributeKind::kTensor},
                                                {"nodes_missing_value_tracks_true", AttributeKind::kInts},
                                                {"nodes_modes", AttributeKind::kTensor, true},
                                                {"nodes_splits", AttributeKind::kTensor, true},
                                                {"nodes_trueleafs", AttributeKind::kInts, true},
                                                {"nodes_truenodeids", AttributeKind::kInts, true},
                                                {"post_transform", AttributeKind::kInt},
                                                {"tree_roots", AttributeKind::kInts, true}};

#define OMNI_TREE_NODES                                                                                                                             \
  {"base_values", AttributeKind::kFloats}, {"base_values_as_tensor", AttributeKind::kTensor}, {"nodes_falsenodeids", AttributeKind::kInts},         \
      {"nodes_featureids", AttributeKind::kInts}, {"nodes_hitrates", AttributeKind::kFloats}, {"nodes_hitrates_as_tensor", AttributeKind::kTensor}, \
      {"nodes_missing_value_tracks_true", AttributeKind::kInts}, {"nodes_modes", AttributeKind::kStrings}, {"nodes_nodeids", AttributeKind::kInts}, \
      {"nodes_treeids", AttributeKind::kInts}, {"nodes_truenodeids", AttributeKind::kInts}, {"nodes_values", AttributeKind::kFloats},               \
      {"nodes_values_as_tensor", AttributeKind::kTensor}, {                                                                                         \
    "post_transform", AttributeKind::kString                                                                                                        \
  }

constexpr AttributeDef kRegressorAttributes[] = {OMNI_TREE_NODES,
                                                 {"aggregate_function", AttributeKind::kString},
                                                 {"n_targets", AttributeKind::kInt},
                                                 {"target_ids", AttributeKind::kInts},
                                                 {"target_nodeids", AttributeKind::kInts},
                                                 {"target_treeids", AttributeKind::kInts},
                                                 {"target_weights", AttributeKind::kFloats},
                                                 {"target_weights_as_tensor", AttributeKind::kTensor}};
constexpr AttributeDef kClassifierAttributes[] = {OMNI_TREE_NODES,
                                                  {"class_ids", AttributeKind::kInts},
                                                  {"class_nodeids", AttributeKind::kInts},
                                                  {"class_treeids", AttributeKind::kInts},
                                                  {"class_weights", AttributeKind::kFloats},
                                                  {"class_weights_as_tensor", AttributeKind::kTensor},
                                                  {"classlabels_int64s", AttributeKind::kInts},
                                                  {"classlabels_strings", AttributeKind::kStrings}};
#undef OMNI_TREE_NODES

constexpr OpVersion k5[] = {{5}};
constexpr OpVersion k5_3_1[] = {{5}, {3}, {1}};

// A list that may be floats or a tensor, as a tensor of rank 1; undefined where it is neither.
Tensor numbers(const Parts& p, const std::string& name) {
  if (const Tensor* t = p.attributes.get_tensor(name + "_as_tensor")) {
    p.require(is_float(t->dtype()), name + "_as_tensor is not of floats");
    return t->reshaped(Shape{t->count()});
  }
  const std::vector<float> list = p.attributes.get_floats(name);
  return Tensor::of<float>(Shape{static_cast<int64_t>(list.size())}, list);
}

int64_t mode_of(const std::string& name) {
  constexpr const char* kNames[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<int64_t>(i);
  }
  throw Error(ErrorCode::kInvalidData, "the mode " + quoted(name) + " is not known");
}

using Place = std::pair<int64_t, int64_t>;  // tree and node

// The nodes of the two older operators: inner ones and leaves in one list, named by tree and node.
struct OldTrees {
  std::vector<int64_t> trees, ids, features, yes, no, missing;
  std::vector<std::string> modes;
  Tensor splits;
  std::map<Place, int64_t> inner, leaves;  // their numbers

  explicit OldTrees(const Parts& p);
  int64_t number(const Parts& p, Place at) const;
};

OldTrees::OldTrees(const Parts& p)
    : trees(p.attributes.get_ints("nodes_treeids")),
      ids(p.attributes.get_ints("nodes_nodeids")),
      features(p.attributes.get_ints("nodes_featureids")),
      yes(p.attributes.get_ints("nodes_truenodeids")),
      no(p.attributes.get_ints("nodes_falsenodeids")),
      missing(p.attributes.get_ints("nodes_missing_value_tracks_true")),
      splits(numbers(p, "nodes_values")) {
  if (const AttributeValue* v = p.attributes.find("nodes_modes")) {
    if (const auto* list = std::get_if<std::vector<std::string>>(v)) modes = *list;
  }
  const size_t count = trees.size();
  p.require(count > 0 && ids.size() == count && features.size() == count && yes.size() == count && no.size() == count && modes.size() == count &&
                splits.count() == static_cast<int64_t>(count) && (missing.empty() || missing.size() == count),
            "the lists of nodes differ in length");
  for (size_t i = 0; i < count; ++i) {
    std::map<Place, int64_t>& kind = modes[i] == "LEAF" ? leaves : inner;
    const Place at{trees[i], ids[i]};
    p.require(!inner.contains(at) && !leaves.contains(at), "two nodes of one name");
    kind.emplace(at, 0);
  }
  int64_t next = 0;
  for (size_t i = 0; i < count; ++i) {
    if (modes[i] != "LEAF") inner[{trees[i], ids[i]}] = next++;
  }
  next = 0;
  for (auto& [at, index] : leaves) index = next++;
}

int64_t OldTrees::number(const Parts& p, Place at) const {
  if (const auto found = inner.find(at); found != inner.end()) return found->second;
  const auto found = leaves.find(at);
  p.require(found != leaves.end(), "a branch leads to a node that is missing");
  return -1 - found->second;
}

// A tree begins where no branch leads; where there is no such node, with its first.
std::vector<int64_t> roots_of(const Parts& p, const OldTrees& t) {
  std::map<Place, bool> reached;
  for (size_t i = 0; i < t.trees.size(); ++i) {
    if (t.modes[i] == "LEAF") continue;
    reached[{t.trees[i], t.yes[i]}] = reached[{t.trees[i], t.no[i]}] = true;
  }
  std::vector<int64_t> roots;
  std::map<int64_t, bool> begun;
  for (size_t i = 0; i < t.trees.size(); ++i) {
    if (reached.contains({t.trees[i], t.ids[i]})) continue;
    p.require(!begun[t.trees[i]], "a tree has two roots");
    begun[t.trees[i]] = true;
    roots.push_back(t.number(p, {t.trees[i], t.ids[i]}));
  }
  p.require(!roots.empty(), "no tree has a root");
  return roots;
}

struct Weights {
  std::vector<int64_t> trees, nodes, targets;
  Tensor values;
};

Weights weights_of(const Parts& p, const std::string& prefix) {
  Weights w{p.attributes.get_ints(prefix + "_treeids"), p.attributes.get_ints(prefix + "_nodeids"), p.attributes.get_ints(prefix + "_ids"),
            numbers(p, prefix + "_weights")};
  const size_t count = w.trees.size();
  p.require(w.nodes.size() == count && w.targets.size() == count && w.values.count() == static_cast<int64_t>(count),
            "the lists of weights differ in length");
  return w;
}

// Features that TreeSum takes as they are; others as f32.
ValueId features_of(const Parts& p) {
  const int rank = p.rank(p.in(0));
  const DType type = p.dtype(p.in(0));
  p.require(rank == 1 || rank == 2, "the features are of rank 1 or 2");
  p.require(is_float(type) || is_integer(type), "the features are no numbers");
  const ValueId x = rank == 2 ? p.in(0) : p.unsqueeze(p.in(0), {0});
  return type == DType::kF64 || type == DType::kI64 || type == DType::kI32 ? x : p.as(x, DType::kF32);
}

ValueId old_sum(const Parts& p, const Weights& w, int64_t targets, int64_t aggregate) {
  const OldTrees t(p);
  std::vector<int64_t> features, modes, yes, no, missing;
  std::vector<double> splits;
  const std::vector<double> values = to_double(t.splits);
  for (size_t i = 0; i < t.trees.size(); ++i) {
    if (t.modes[i] == "LEAF") continue;
    features.push_back(t.features[i]);
    modes.push_back(mode_of(t.modes[i]));
    yes.push_back(t.number(p, {t.trees[i], t.yes[i]}));
    no.push_back(t.number(p, {t.trees[i], t.no[i]}));
    missing.push_back(t.missing.empty() ? 0 : t.missing[i]);
    splits.push_back(values[i]);
  }
  std::vector<std::vector<size_t>> by_leaf(t.leaves.size());
  for (size_t i = 0; i < w.trees.size(); ++i) {
    const auto leaf = t.leaves.find({w.trees[i], w.nodes[i]});
    p.require(leaf != t.leaves.end(), "a weight belongs to a node that is no leaf");
    by_leaf[static_cast<size_t>(leaf->second)].push_back(i);
  }
  std::vector<int64_t> starts = {0}, targets_of;
  std::vector<double> weights;
  const std::vector<double> given = to_double(w.values);
  for (const std::vector<size_t>& leaf : by_leaf) {
    for (const size_t i : leaf) {
      targets_of.push_back(w.targets[i]);
      weights.push_back(given[i]);
    }
    starts.push_back(static_cast<int64_t>(weights.size()));
  }
  const Shape nodes{static_cast<int64_t>(splits.size())}, leaves{static_cast<int64_t>(weights.size())};
  return p.make(kTreeSum, {features_of(p)},
                {{"aggregate", aggregate},
                 {"features", features},
                 {"modes", modes},
                 {"if_true", yes},
                 {"if_false", no},
                 {"missing", missing},
                 {"splits", from_double(t.splits.dtype(), nodes, splits)},
                 {"roots", roots_of(p, t)},
                 {"leaf_starts", starts},
                 {"targets", targets},
                 {"targets_of", targets_of},
                 {"weights", from_double(w.values.dtype(), leaves, weights)}});
}

// Scores plus the base values: none, one for all, or one a target.
ValueId with_base(const Parts& p, ValueId scores, const Tensor& base, int64_t targets) {
  if (base.count() == 0) return scores;
  p.require(base.count() == 1 || base.count() == targets, "base_values has neither one number nor one a target");
  return p.add(scores, p.as(p.g.add_constant("base_values", base), DType::kF32));
}

std::vector<ValueId> expand_regressor(Graph& g, const Node& n) {
  const Parts p(g, n);
  const int64_t targets = p.integer("n_targets", 1);
  const std::string_view name = p.attributes.get_string("aggregate_function", "SUM");
  const int64_t aggregate = name == "AVERAGE" ? 0 : name == "SUM" ? 1 : name == "MIN" ? 2 : name == "MAX" ? 3 : -1;
  p.require(aggregate >= 0, "aggregate_function is not SUM, AVERAGE, MIN or MAX");
  const ValueId y = with_base(p, old_sum(p, weights_of(p, "target"), targets, aggregate), numbers(p, "base_values"), targets);
  return {post_transform(p, y, p.attributes.get_string("post_transform", "NONE"))};
}

// Two classes, as ONNX Runtime has them. Where the leaves score the first alone, its score is taken for the second's: it wins above 0, or above 1/2
// where no weight is negative, and the other has what remains. Else the second class wins where its own score is above 0 (or 1/2 as before, if the
// first has none); with two base values its score is that of the first plus its base value, and the first has the opposite.
std::vector<ValueId> two_classes(const Parts& p, const Weights& w, const ClassLabels& labels, std::string_view transform) {
  const bool first = std::any_of(w.targets.begin(), w.targets.end(), [](int64_t t) { return t == 0; });
  const bool second = std::any_of(w.targets.begin(), w.targets.end(), [](int64_t t) { return t == 1; });
  const std::vector<double> values = to_double(w.values), base = to_double(numbers(p, "base_values"));
  const bool positive = first != second && std::all_of(values.begin(), values.end(), [](double v) { return v >= 0; });
  p.require(base.size() <= 2, "base_values has more than two numbers");
  const ValueId sums = old_sum(p, w, 2, 1);
  ValueId s0 = p.slice(sums, 1, 0, 1), s1 = p.slice(sums, 1, 1, 2);
  if (base.size() == 1) s0 = p.add(s0, number(p.g, s0, base[0]));
  if (base.size() == 2 && second) {
    s1 = p.add(s0, number(p.g, s0, base[1]));
    s0 = p.make(kNeg, {s1});
  }
  const ValueId wins = second ? s1 : s0;
  const ValueId index = p.as(p.make(kGreater, {p.squeeze(wins, {1}), number(p.g, wins, positive ? 0.5 : 0)}), DType::kI64);
  const ValueId label = label_of(p, index, labels);
  if (second || base.size() == 2) return {label, post_transform(p, p.concat({s0, s1}, 1), transform)};
  if (transform == "PROBIT") return {label, post_transform(p, s0, transform)};
  if (positive) return {label, p.concat({p.sub(number(p.g, s0, 1), s0), s0}, 1)};
  const ValueId both = p.concat({p.make(kNeg, {s0}), s0}, 1);
  return {label, transform == "LOGISTIC" ? post_transform(p, both, transform) : both};
}

std::vector<ValueId> expand_classifier(Graph& g, const Node& n) {
  const Parts p(g, n);
  const ClassLabels labels = class_labels(p, "classlabels_int64s", "classlabels_strings");
  const std::string_view transform = p.attributes.get_string("post_transform", "NONE");
  const Weights w = weights_of(p, "class");
  p.require(!w.targets.empty(), "no leaf has a weight");
  if (labels.count() == 2) return two_classes(p, w, labels, transform);
  const ValueId scores = with_base(p, old_sum(p, w, labels.count(), 1), numbers(p, "base_values"), labels.count());
  const ValueId index = p.make(kArgMax, {scores}, {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}});
  return {label_of(p, index, labels), post_transform(p, scores, transform)};
}

std::vector<ValueId> expand_ensemble(Graph& g, const Node& n) {
  const Parts p(g, n);
  const auto ints = [&](const char* name) { return p.attributes.get_ints(name); };
  std::vector<int64_t> yes = ints("nodes_truenodeids"), no = ints("nodes_falsenodeids");
  const std::vector<int64_t> yes_leaf = ints("nodes_trueleafs"), no_leaf = ints("nodes_falseleafs");
  p.require(yes.size() == yes_leaf.size() && no.size() == no_leaf.size() && yes.size() == no.size(), "the lists of nodes differ in length");
  for (size_t i = 0; i < yes.size(); ++i) {
    p.require(yes[i] >= 0 && no[i] >= 0, "a branch leads to a negative node");
    if (yes_leaf[i] != 0) yes[i] = -1 - yes[i];
    if (no_leaf[i] != 0) no[i] = -1 - no[i];
  }
  const Tensor *modes = p.attributes.get_tensor("nodes_modes"), *splits = p.attributes.get_tensor("nodes_splits"),
               *weights = p.attributes.get_tensor("leaf_weights"), *members = p.attributes.get_tensor("membership_values");
  p.require(modes != nullptr && modes->dtype() == DType::kU8 && splits != nullptr && weights != nullptr,
            "nodes_modes, nodes_splits or leaf_weights is no such tensor");
  const std::vector<int64_t> targets_of = ints("leaf_targetids");
  std::vector<int64_t> starts(targets_of.size() + 1);
  for (size_t i = 0; i < starts.size(); ++i) starts[i] = static_cast<int64_t>(i);
  Attributes a = {{"aggregate", p.integer("aggregate_function", 1)},
                  {"features", ints("nodes_featureids")},
                  {"modes", to_int64(*modes)},
                  {"if_true", yes},
                  {"if_false", no},
                  {"splits", *splits},
                  {"roots", ints("tree_roots")},
                  {"leaf_starts", starts},
                  {"targets", p.integer("n_targets", 1)},
                  {"targets_of", targets_of},
                  {"weights", *weights}};
  if (p.attributes.has("nodes_missing_value_tracks_true")) a.set("missing", ints("nodes_missing_value_tracks_true"));
  if (members != nullptr) a.set("members", *members);
  constexpr const char* kTransforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  const int64_t transform = p.integer("post_transform", 0);
  p.require(transform >= 0 && transform < 5, "post_transform is not known");
  const ValueId y = post_transform(p, p.make(kTreeSum, {features_of(p)}, std::move(a)), kTransforms[transform]);
  return {p.dtype(p.in(0)) == DType::kF64 || weights->dtype() == DType::kF64 ? p.as(y, p.dtype(p.in(0)) == DType::kF64 ? DType::kF64 : DType::kF32)
                                                                             : y};
}

}  // namespace

constinit const OpDef kMlTreeEnsemble = composite<expand_ensemble>("ai.onnx.ml", "TreeEnsemble", kX, kY, kEnsembleAttributes, k5);
constinit const OpDef kMlTreeEnsembleRegressor = composite<expand_regressor>("ai.onnx.ml", "TreeEnsembleRegressor", kX, kY, kRegressorAttributes, k5_3_1);
constinit const OpDef kMlTreeEnsembleClassifier = composite<expand_classifier>("ai.onnx.ml", "TreeEnsembleClassifier", kX, kYZ, kClassifierAttributes, k5_3_1);

}  // namespace omni::ops
