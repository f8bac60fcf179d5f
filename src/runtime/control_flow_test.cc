// Bodies, sequences, optionals and strings at run time: values, and what wrong numbers do.
#include <gtest/gtest.h>

#include "ops/op_list.h"
#include "runtime/session.h"

namespace omni::runtime {
namespace {

Tensor floats(Shape shape, std::initializer_list<float> values) { return Tensor::of<float>(shape, values); }
Tensor scalar(int64_t v) { return Tensor::scalar(v); }
Tensor truth(bool v) { return Tensor::of<bool>(Shape{}, {v}); }

Session session_of(const char* text) { return Session(parse(text, ops::find_op), {.threads = 2}); }

std::string failure_of(Session& session, const std::vector<Tensor>& inputs) {
  std::vector<TensorView> views(session.output_count());
  const Result result = session.run(inputs, views);
  return result.ok() ? "ok" : result.message();
}

constexpr char kIf[] = R"(graph g(%c:bool[], %x:f32[N]) -> (%z) {
  %d = Add(%x, %x)
  %y = If(%c, %d, %x, %d) body 1 graph then(%d:f32[N]) -> (%a) {
    const %k = f32[]{10.0}
    %a = Add(%d, %k)
  } body 2 graph otherwise(%x:f32[N], %d:f32[N]) -> (%a) {
    %a = Concat(%x, %d) axis=0
  }
  %z = Neg(%y)
})";

TEST(ControlFlow, IfTakesABranchOfAnotherShape) {
  Session s = session_of(kIf);
  for (int round = 0; round < 3; ++round) {
    const std::vector<Tensor> yes = s.run(std::vector<Tensor>{truth(true), floats({2}, {1, 2})}),
                              no = s.run(std::vector<Tensor>{truth(false), floats({2}, {1, 2})});
    EXPECT_TRUE(yes[0].equal(floats({2}, {-12, -14})));
    EXPECT_TRUE(no[0].equal(floats({4}, {-1, -2, -2, -4})));
  }
  const uint64_t planned = s.plans_made();
  s.run(std::vector<Tensor>{truth(true), floats({2}, {3, 4})});
  EXPECT_EQ(s.plans_made(), planned);
}

TEST(ControlFlow, AConditionOfTwoElementsIsAFailureNotACrash) {
  Session s = session_of(R"(graph g(%c:bool[2]) -> (%y) {
    %y = If(%c) body 0 graph a() -> (%k) { const %k = f32[]{1.0} } body 0 graph b() -> (%k) { const %k = f32[]{2.0} }
  })");
  EXPECT_NE(failure_of(s, {Tensor::of<bool>(Shape{2}, {true, false})}).find("one element"), std::string::npos);
}

// The carried value grows; the scanned one is its sum.
constexpr char kLoop[] = R"(graph g(%m:i64[], %c:bool[], %x:f32[N]) -> (%last, %sums) {
  %last, %sums = Loop(%m, %c, %x, %x) body 1 graph body(%i:i64[], %go:bool[], %v:f32[K], %x:f32[N]) -> (%more, %next, %sum) {
    const %limit = f32[]{100.0}
    %next = Concat(%v, %x) axis=0
    %sum = ReduceSum(%next) keepdims=0
    %more = Less(%sum, %limit)
  }
})";

TEST(ControlFlow, LoopCarriesGrowingValuesAndStacks) {
  Session s = session_of(kLoop);
  const std::vector<Tensor> three = s.run(std::vector<Tensor>{scalar(3), truth(true), floats({1}, {2})});
  EXPECT_TRUE(three[0].equal(floats({4}, {2, 2, 2, 2})));
  EXPECT_TRUE(three[1].equal(floats({3}, {4, 6, 8})));
  const std::vector<Tensor> until = s.run(std::vector<Tensor>{scalar(1000), truth(true), floats({1}, {30})});
  EXPECT_TRUE(until[1].equal(floats({3}, {60, 90, 120})));
}

TEST(ControlFlow, LoopOfNoIterations) {
  Session s = session_of(kLoop);
  for (const auto& [trips, go] : {std::pair{scalar(0), truth(true)}, {scalar(-5), truth(true)}, {scalar(7), truth(false)}}) {
    const std::vector<Tensor> out = s.run(std::vector<Tensor>{trips, go, floats({2}, {1, 2})});
    EXPECT_TRUE(out[0].equal(floats({2}, {1, 2})));
    EXPECT_EQ(out[1].shape(), (Shape{0}));
  }
}

TEST(ControlFlow, LoopsThatCarryTheirWeights) {
  const char* text = R"(graph g(%n:i64[], %x:f32[1,2], %w:f32[2,2]) -> (%y, %all, %v) {
    %y, %u, %all = Loop(%n, _, %x, %w) body 0 graph body(%i:i64[], %c:bool[], %a:f32[1,2], %b:f32[2,2]) -> (%c, %p, %b, %p) {
      %p = MatMul(%a, %b)
    }
    %v = Add(%u, %u)
  })";
  const std::vector<Tensor> inputs = {scalar(3), floats({1, 2}, {1, 2}), floats({2, 2}, {1, 1, 0, 2})};
  Session with = session_of(text), without = Session(parse(text, ops::find_op), {.threads = 2, .disabled_passes = {"hoist_invariants"}});
  const std::vector<Tensor> a = with.run(inputs), b = without.run(inputs);
  EXPECT_TRUE(a[0].equal(floats({1, 2}, {1, 23})));
  EXPECT_TRUE(a[2].equal(floats({2, 2}, {2, 2, 0, 4})));
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(a[i].equal(b[i])) << i;
}

TEST(ControlFlow, LoopsThatNeverEndAreRefused) {
  Session s = session_of(R"(graph g(%x:f32[]) -> (%y) {
    const %go = bool[]{1}
    %y = Loop(_, %go, %x) body 0 graph body(%i:i64[], %c:bool[], %v:f32[]) -> (%same, %next) {
      %same = Identity(%c)
      %next = Add(%v, %v)
    }
  })");
  EXPECT_NE(failure_of(s, {Tensor::scalar(1.0f)}).find("never changes"), std::string::npos);
}

TEST(ControlFlow, ManyShapesDoNotKeepManyPlans) {
  Session s = session_of(kLoop);
  for (int64_t n = 1; n < 200; ++n) {
    Tensor x(DType::kF32, Shape{n});
    EXPECT_EQ(s.run(std::vector<Tensor>{scalar(2), truth(true), x})[0].count(), 3 * n);
  }
}

TEST(ControlFlow, ScanBothWaysAlongAnotherAxis) {
  Session s = session_of(R"(graph g(%h:f32[2], %x:f32[2,3]) -> (%final, %all) {
    %final, %all = Scan(%h, %x) num_scan_inputs=1 scan_input_axes=[1] scan_input_directions=[1] scan_output_axes=[1] scan_output_directions=[1]
      body 0 graph body(%s:f32[2], %e:f32[2]) -> (%next, %out) {
        %next = Add(%s, %e)
        %out = Identity(%next)
      }
  })");
  const std::vector<Tensor> out = s.run(std::vector<Tensor>{floats({2}, {0, 10}), floats({2, 3}, {1, 2, 3, 4, 5, 6})});
  EXPECT_TRUE(out[0].equal(floats({2}, {6, 25})));
  EXPECT_TRUE(out[1].equal(floats({2, 3}, {6, 5, 3, 25, 21, 16})));
}

TEST(ControlFlow, ScansOfDifferentLengthsAndOfNothing) {
  Session s = session_of(R"(graph g(%x:f32[N], %y:f32[M]) -> (%all) {
    %all = Scan(%x, %y) num_scan_inputs=2 body 0 graph body(%a:f32[], %b:f32[]) -> (%out) { %out = Add(%a, %b) }
  })");
  EXPECT_EQ(s.run(std::vector<Tensor>{floats({0}, {}), floats({0}, {})})[0].shape(), (Shape{0}));
  EXPECT_NE(failure_of(s, {floats({2}, {1, 2}), floats({3}, {1, 2, 3})}).find("different lengths"), std::string::npos);
}

TEST(Sequences, OutliveTheRunsThatMadeThem) {
  Session s = session_of(R"(graph g(%x:f32[N], %at:i64[]) -> (%list, %n, %one) {
    %a = Add(%x, %x)
    %list.a = SequenceConstruct(%x, %a)
    %b = Neg(%a)
    %list = SequenceInsert(%list.a, %b, %at)
    %n = SequenceLength(%list)
    %one = SequenceAt(%list, %at)
  })");
  const std::vector<Tensor> first = s.run(std::vector<Tensor>{floats({2}, {1, 2}), scalar(1)}),
                            second = s.run(std::vector<Tensor>{floats({1}, {7}), scalar(-1)});
  ASSERT_EQ(first[0].elements().size(), 3u);
  EXPECT_TRUE(first[0].elements()[0].equal(floats({2}, {1, 2})));
  EXPECT_TRUE(first[0].elements()[1].equal(floats({2}, {-2, -4})));
  EXPECT_TRUE(first[0].elements()[2].equal(floats({2}, {2, 4})));
  EXPECT_TRUE(first[1].equal(scalar(3)));
  EXPECT_TRUE(first[2].equal(floats({2}, {-2, -4})));
  EXPECT_TRUE(second[0].elements()[1].equal(floats({1}, {-14})));
}

TEST(Sequences, PositionsOutsideAreFailures) {
  Session s = session_of(R"(graph g(%list:seq(f32[N]), %at:i64[]) -> (%one) { %one = SequenceAt(%list, %at) })");
  const Tensor list = Tensor::sequence(DType::kF32, {floats({1}, {3}), floats({2}, {4, 5})});
  EXPECT_TRUE(s.run(std::vector<Tensor>{list, scalar(-1)})[0].equal(floats({2}, {4, 5})));
  for (const int64_t at : {int64_t{2}, int64_t{-3}, INT64_MAX, INT64_MIN}) EXPECT_THROW(s.run(std::vector<Tensor>{list, scalar(at)}), Error);
  EXPECT_THROW(s.run(std::vector<Tensor>{floats({1}, {1}), scalar(0)}), Error);  // no sequence
  EXPECT_THROW(s.run(std::vector<Tensor>{list, Tensor::of<int64_t>(Shape{2}, {0, 1})}), Error);
}

TEST(Sequences, SplitAndConcatenate) {
  Session s = session_of(R"(graph g(%x:f32[N,2], %sizes:i64[K]) -> (%back, %stacked) {
    %pieces = SplitToSequence(%x, %sizes) axis=0
    %back = ConcatFromSequence(%pieces) axis=1
    %rows = SplitToSequence(%x) axis=0 keepdims=0
    %stacked = ConcatFromSequence(%rows) axis=1 new_axis=1
  })");
  const Tensor x = floats({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const std::vector<Tensor> out = s.run(std::vector<Tensor>{x, Tensor::of<int64_t>(Shape{2}, {2, 2})});
  EXPECT_TRUE(out[0].equal(floats({2, 4}, {1, 2, 5, 6, 3, 4, 7, 8})));
  EXPECT_TRUE(out[1].equal(floats({2, 4}, {1, 3, 5, 7, 2, 4, 6, 8})));
  EXPECT_NE(failure_of(s, {x, Tensor::of<int64_t>(Shape{2}, {3, 2})}).find("add up"), std::string::npos);
  EXPECT_NE(failure_of(s, {x, Tensor::of<int64_t>(Shape{2}, {-1, 5})}).find("add up"), std::string::npos);
  EXPECT_NE(failure_of(s, {x, Tensor::of<int64_t>(Shape{2}, {1, 3})}).find("shapes"), std::string::npos);
}

TEST(Optionals, HoldAValueOrNothing) {
  Session s = session_of(R"(graph g(%o:opt(f32[N])) -> (%has, %same) {
    %has = OptionalHasElement(%o)
    %same = Identity(%o)
  })");
  const std::vector<Tensor> full = s.run(std::vector<Tensor>{floats({1}, {2})}), empty = s.run(std::vector<Tensor>{Tensor::nothing(DType::kF32)});
  EXPECT_TRUE(full[0].equal(truth(true)));
  EXPECT_TRUE(full[1].equal(floats({1}, {2})));
  EXPECT_TRUE(empty[0].equal(truth(false)));
  EXPECT_TRUE(empty[1].is_nothing());
  Session get = session_of("graph g(%o:opt(f32[N])) -> (%v) { %v = OptionalGetElement(%o) }");
  EXPECT_NE(failure_of(get, {Tensor::nothing(DType::kF32)}).find("holds nothing"), std::string::npos);
}

TEST(ControlFlow, ConstantsAroundABodyAreConstantsInside) {
  Session s = session_of(R"(graph g(%m:i64[], %x:f32[2,2]) -> (%y) {
    const %w = f32[2,2]{0.0,1.0,1.0,0.0}
    %y = Loop(%m, _, %x, %w) body 1 graph body(%i:i64[], %go:bool[], %v:f32[2,2], %w:f32[2,2]) -> (%go.on, %next) {
      %go.on = Identity(%go)
      %next = MatMul(%v, %w)
    }
  })");
  EXPECT_TRUE(s.run(std::vector<Tensor>{scalar(3), floats({2, 2}, {1, 2, 3, 4})})[0].equal(floats({2, 2}, {2, 1, 4, 3})));
  const Node& loop = *s.graph().producer(s.graph().outputs()[0]);
  EXPECT_EQ(loop.captures[0], 0);
}

}  // namespace
}  // namespace omni::runtime
