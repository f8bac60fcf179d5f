// A session allocates nothing in the second and later runs of a fixed shape: every operator new of this program is counted.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "ops/op_list.h"
#include "runtime/session.h"
#include "runtime/test_ops_test.h"

namespace {

std::atomic<int64_t> allocations{0};

void* counted(size_t bytes, size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  if (void* p = alignment > alignof(std::max_align_t) ? std::aligned_alloc(alignment, rounded) : std::malloc(bytes == 0 ? 1 : bytes)) return p;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t n) { return counted(n, 1); }
void* operator new[](size_t n) { return counted(n, 1); }
void* operator new(size_t n, std::align_val_t a) { return counted(n, static_cast<size_t>(a)); }
void* operator new[](size_t n, std::align_val_t a) { return counted(n, static_cast<size_t>(a)); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { std::free(p); }

namespace omni::runtime {
namespace {

constexpr char kInfer[] = R"(graph infer(%x:f32[N,3]) -> (%z, %x) {
  const %w = f32[3,3]splat(0.5)
  const %one = f32[1]{1.0}
  %a = test.MatMul(%x, %w)
  %b = test.Add(%a, %one)
  %s = test.ShapeOf(%b)
  %c = test.Reshape(%b, %s)
  %z = test.MatMul(%c, %w)
})";

constexpr char kTrain[] = R"(graph train(%g:f32[8], %i:i64[1]) -> (%seen) {
  state %w = f32[8]splat(1.0) kind=parameter
  state %v = f32[8]splat(0.0) kind=moment of=%w
  %ok = test.Positive(%g)
  %v1 = test.Add(%v, %g)
  %w1 = test.Add(%w, %v1)
  %seen = test.Take(%w1, %i)
  commit %w <- %w1 if %ok
  commit %v <- %v1 if %ok
})";

int64_t allocations_of_runs(Session& session, std::span<const std::vector<Tensor>> inputs, int rounds) {
  std::vector<TensorView> outputs(session.output_count());
  const auto round = [&] {
    bool ok = true;
    for (const std::vector<Tensor>& in : inputs) {
      for (TensorView& v : outputs) v.data = nullptr;
      ok = session.run(in, outputs).ok() && ok;
    }
    return ok;
  };
  EXPECT_TRUE(round());
  EXPECT_TRUE(round());  // states: the second copy is made at the second commit
  const int64_t before = allocations.load();
  for (int i = 0; i < rounds; ++i) EXPECT_TRUE(round());
  return allocations.load() - before;
}

TEST(Allocation, TheCounterCounts) {
  const int64_t before = allocations.load();
  std::vector<int>* made = new std::vector<int>(100);
  EXPECT_GE(allocations.load() - before, 2);
  delete made;
}

TEST(Allocation, NoneInRunsOfShapesSeenBefore) {
  for (const int threads : {1, 2}) {
    for (const bool profile : {false, true}) {
      Session session(parse(kInfer, test::lookup), {.threads = threads, .profile = profile});
      const std::vector<std::vector<Tensor>> inputs = {{test::ramp({1, 3})}, {test::ramp({7, 3})}, {test::ramp({300, 3})}};
      EXPECT_EQ(allocations_of_runs(session, inputs, 10), 0);
    }
  }
}

TEST(Allocation, NoneInTrainingSteps) {
  Session session(parse(kTrain, test::lookup));
  const std::vector<std::vector<Tensor>> inputs = {{test::floats({8}, {1, 1, 1, 1, 1, 1, 1, 1}), Tensor::of<int64_t>({1}, {3})}};
  EXPECT_EQ(allocations_of_runs(session, inputs, 10), 0);
}

constexpr char kConvolutions[] = R"(graph net(%x:f32[N,1,12,12]) -> (%y) {
  const %w = f32[8,1,3,3]splat(0.25)
  const %v = f32[16,8,3,3]splat(0.125)
  const %m = f32[64,10]splat(0.5)
  %a = Conv(%x, %w) pads=[1,1,1,1]
  %b = Relu(%a)
  %c = MaxPool(%b) kernel_shape=[2,2] strides=[2,2]
  %d = Conv(%c, %v)
  %e = MaxPool(%d) kernel_shape=[2,2] strides=[2,2]
  %f = Flatten(%e)
  %g = Gemm(%f, %m)
  %y = Softmax(%g)
})";

TEST(Allocation, NoneInConvolutionNetworksOnAnyInstructionSet) {
  for (const Isa isa : available_isas()) {
    Session session(parse(kConvolutions, ops::find_op), {.isa = isa, .threads = 2});
    const std::vector<std::vector<Tensor>> inputs = {{test::ramp({1, 1, 12, 12})}, {test::ramp({5, 1, 12, 12})}};
    EXPECT_EQ(allocations_of_runs(session, inputs, 5), 0) << isa_name(isa);
  }
}

}  // namespace
}  // namespace omni::runtime
