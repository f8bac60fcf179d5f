#include "runtime/state_set.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/error.h"

namespace omni::runtime {
namespace {

Tensor floats(std::initializer_list<float> values) { return Tensor::of<float>({static_cast<int64_t>(values.size())}, values); }

void commit(StateSet& set, int slot, float value) {
  auto* next = static_cast<float*>(set.spare(slot));
  for (int64_t i = 0; i < set.value(slot).count(); ++i) next[i] = value;
  set.swap(slot);
  set.bump();
}

TEST(StateSet, InitialBytesAreSharedUntilTheFirstCommit) {
  const Tensor initial = floats({1, 2});
  StateSet set;
  const int w = set.add("w", initial);
  EXPECT_EQ(set.value(w).data(), initial.data());
  commit(set, w, 5);
  EXPECT_TRUE(set.get("w").equal(floats({5, 5})));
  EXPECT_TRUE(initial.equal(floats({1, 2})));
  EXPECT_EQ(set.version(), 1u);
}

TEST(StateSet, TwoBuffersTakeTurns) {
  StateSet set;
  const int w = set.add("w", floats({1}));
  commit(set, w, 2);
  const void* first = set.value(w).data();
  commit(set, w, 3);
  const void* second = set.value(w).data();
  commit(set, w, 4);
  EXPECT_EQ(set.value(w).data(), first);
  commit(set, w, 5);
  EXPECT_EQ(set.value(w).data(), second);
}

TEST(StateSet, AValueGivenOutKeepsItsBytes) {
  StateSet set;
  const int w = set.add("w", floats({1}));
  commit(set, w, 2);
  const Tensor held = set.get("w");
  commit(set, w, 3);
  commit(set, w, 4);
  EXPECT_TRUE(held.equal(floats({2})));
  EXPECT_TRUE(set.get("w").equal(floats({4})));
}

TEST(StateSet, CopiesShareAndPart) {
  StateSet a;
  const int w = a.add("w", floats({1}));
  commit(a, w, 2);
  StateSet b = a;
  EXPECT_EQ(a.value(w).data(), b.value(w).data());
  commit(b, w, 7);
  commit(a, w, 8);
  commit(b, w, 9);
  commit(a, w, 10);
  EXPECT_TRUE(a.get("w").equal(floats({10})));
  EXPECT_TRUE(b.get("w").equal(floats({9})));
}

TEST(StateSet, SetChecksTheType) {
  StateSet set;
  set.add("weight", floats({1, 2}));
  set.set("weight", floats({3, 4}));
  EXPECT_TRUE(set.get("weight").equal(floats({3, 4})));
  try {
    set.set("weight", floats({1}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "state \"weight\": expected f32[2], found f32[1]");
  }
  try {
    (void)set.get("wieght");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "there is no state \"wieght\"; did you mean weight?");
  }
  EXPECT_THROW(set.add("weight", floats({1})), Error);
}

TEST(StateSet, LoadIsAllOrNothing) {
  StateSet set;
  set.add("a", floats({1}));
  set.add("b", floats({2}));
  const std::vector<NamedTensor> wrong = {{"a", floats({5})}, {"b", floats({6, 7})}};
  EXPECT_THROW(set.load(wrong), Error);
  EXPECT_TRUE(set.get("a").equal(floats({1})));
  const std::vector<NamedTensor> partial = {{"a", floats({5})}};
  EXPECT_THROW(set.load(partial), Error);
  set.load(partial, false);
  EXPECT_TRUE(set.get("a").equal(floats({5})));
  StateSet other;
  other.add("b", floats({0}));
  other.add("a", floats({0}));
  other.load(set.save());
  EXPECT_TRUE(other.get("b").equal(floats({2})));
}

TEST(StateSet, SubtractAndAddDelta) {
  StateSet before;
  before.add("w", floats({1, 2}));
  before.add("n", Tensor::scalar<int64_t>((int64_t{1} << 60) + 1));
  before.add("flag", Tensor(DType::kBool, Shape{}));
  StateSet after = before;
  after.set("w", floats({1.5f, -2}));
  after.set("n", Tensor::scalar<int64_t>((int64_t{1} << 60) + 4));
  const std::vector<NamedTensor> delta = after.subtract(before);
  ASSERT_EQ(delta.size(), 2u);
  EXPECT_EQ(delta[0].name, "n");
  EXPECT_EQ(delta[0].tensor.values<int64_t>()[0], 3);
  EXPECT_TRUE(delta[1].tensor.equal(floats({0.5f, -4})));
  before.add_delta(delta);
  EXPECT_TRUE(before.get("w").equal(after.get("w")));
  EXPECT_TRUE(before.get("n").equal(after.get("n")));
}

TEST(StateSet, AttachAndBake) {
  Graph graph;
  graph.add_state("w", floats({1, 2}), Role::kParameter);
  StateSet set;
  set.attach(graph);
  set.set("w", floats({3, 4}));
  set.attach(graph);
  EXPECT_TRUE(set.get("w").equal(floats({3, 4})));
  bake(graph, set);
  EXPECT_TRUE(graph.is_constant(graph.find("w")));
  EXPECT_TRUE(graph.value(graph.find("w")).data.equal(floats({3, 4})));
  EXPECT_EQ(graph.value(graph.find("w")).role, Role::kParameter);
  Graph other;
  other.add_state("w", floats({1}), Role::kParameter);
  EXPECT_THROW(set.attach(other), Error);
}

}  // namespace
}  // namespace omni::runtime
