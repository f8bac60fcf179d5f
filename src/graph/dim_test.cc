#include "graph/dim.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace omni::graph {
namespace {

TEST(Dim, EqualExpressionsAreOneDim) {
  DimTable t;
  const Dim n = t.symbol("N"), m = t.symbol("M");
  EXPECT_EQ(t.add(t.mul(n, 4), 4), t.mul(4, t.add(1, n)));
  EXPECT_EQ(t.sub(t.add(n, m), n), m);
  EXPECT_EQ(t.mul(n, m), t.mul(m, n));
  EXPECT_EQ(t.floor_div(t.mul(t.mul(n, 64), m), t.mul(m, 16)), t.mul(n, 4));
  EXPECT_EQ(t.floor_div(t.add(t.mul(n, 4), 3), 2), t.add(t.mul(n, 2), 1));
  EXPECT_EQ(t.max(n, t.add(n, 1)), t.add(n, 1));
  EXPECT_EQ(t.sub(n, n), Dim(0));
  EXPECT_EQ(t.max(n, t.max(m, n)), t.max(n, m));
  EXPECT_EQ(t.max(t.max(m, n), m), t.max(n, m));
}

TEST(Dim, TextReadsBack) {
  DimTable t;
  const Dim n = t.symbol("N"), h = t.symbol("a dim'x");
  const Dim conv = t.add(t.floor_div(t.add(h, -3), 2), 1);
  for (const Dim d : {n, conv, t.mul(conv, conv), t.max(n, conv), t.floor_div(n, t.add(conv, 1)), Dim(-7), t.sub(0, n), t.sub(3, t.mul(n, 2))}) {
    EXPECT_EQ(t.parse(t.text(d)), d) << t.text(d);
  }
  EXPECT_EQ(t.text(t.add(t.mul(n, 4), 1)), "4*N+1");
}

TEST(Dim, EvaluatesUnderBindings) {
  DimTable t;
  const Dim h = t.symbol("H");
  const Dim out = t.add(t.floor_div(t.add(h, -3), 2), 1);
  EXPECT_EQ(t.evaluate(out, {{"H", 10}}), 4);
  EXPECT_EQ(t.evaluate(out, {{"W", 10}}), std::nullopt);
  EXPECT_EQ(t.evaluate(t.ceil_div(h, 4), {{"H", 9}}), 3);
}

TEST(Dim, OverflowAndBadTextAreErrors) {
  DimTable t;
  EXPECT_THROW(t.mul(int64_t{1} << 62, 4), Error);
  EXPECT_THROW(t.floor_div(t.symbol("N"), 0), Error);
  for (const char* text : {"", "N+", "(N", "4**2", "max(N)", "'x", "99999999999999999999", "1x"}) EXPECT_THROW(t.parse(text), Error) << text;
}

TEST(Dim, ImportKeepsTheExpression) {
  DimTable a, b;
  b.symbol("other");
  const Dim d = a.max(a.floor_div(a.symbol("H"), 3), a.symbol("N"));
  EXPECT_EQ(b.text(b.import(d, a)), a.text(d));
}

}  // namespace
}  // namespace omni::graph
