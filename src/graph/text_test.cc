#include <gtest/gtest.h>

#include "core/error.h"
#include "graph/graph.h"
#include "graph/test_ops_test.h"

namespace omni::graph {
namespace {

constexpr char kText[] = R"(graph "my graph"(%x:f32[N,3,(H//2)], %"in put":f32[N,1,1]@channels_last, %s:seq(f32[*])) -> (%out, %b) {
  state %m = f32[3]{0.0,0.5,-1e-07} kind=moment of=%w
  const %w = f32[3]{1.5,inf,nan(7fc00001)} kind=parameter
  const %h = f16[2]{0.33325195,-2.0}
  const %i = i64[0]{}
  const %q = i4[3]{-8,7,0}
  const %t = str[2]{"a\"b","\x01"}
  const %z = f32[10,10]splat(0.5)
  %a:f32[N,3,(H//2)], _ = test.domain.Mix(%x, _, %"in put") alpha=0.1 axis=-2 e=[] f=f[] g=[1.0,2.5] i=[1,2] s=s[] t=["u","v"] v=u8[2]{1,255} as "node/1"
  %out:f32[N,3,(H//2)]@channels_last = Choose(%a, %x) body 1 graph then(%c:f32[N,3,(H//2)]) -> (%r) {
    %r:f32[N,3,(H//2)] = test.domain.Mix(%c)
  } body 0 graph else() -> (%k) {
    const %k = f32[1]{3.0}
  }
  %b:f32[3] = test.domain.Mix(%m, %w)
  commit %m <- %b if %out
}
)";

TEST(Text, ParsesAndPrintsTheSame) {
  const Graph graph = parse(kText, test::lookup);
  verify(graph);
  EXPECT_EQ(print(graph), kText);
  EXPECT_EQ(print(graph.clone()), kText);
}

TEST(Text, TypesMayBeLeftOut) {
  const Graph graph = parse("graph g(%x:f32[4]) -> (%y) { %y = test.domain.Mix(%x) }", test::lookup);
  EXPECT_EQ(type_text(graph.type(graph.outputs()[0]), graph.dims()), "f32[4]");
}

TEST(Text, EveryPrefixIsAnErrorNotACrash) {
  const std::string_view text(kText, sizeof kText - 2);
  for (size_t n = 0; n < text.size(); ++n) EXPECT_THROW(parse(text.substr(0, n), test::lookup), Error) << n;
}

TEST(Text, ErrorsSayWhere) {
  try {
    parse("graph g(%x:f32[4]) -> (%y) {\n  %y = Nothing(%x)\n}", test::lookup);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "graph text, line 2, column 8: no operator \"Nothing\"");
  }
}

TEST(Text, RefusesWhatWouldTakeTooMuchMemory) {
  for (const char* text : {"graph g() -> () { const %x = f32[1000000,1000000]{1.0} }", "graph g() -> () { const %x = f32[1000000,1000000]splat(0.0) }",
                           "graph g() -> () { const %x = f32[1,1,1,1,1,1,1,1,1]{1.0} }", "graph g() -> () { const %x = f32[-1]{} }"}) {
    EXPECT_THROW(parse(text, test::lookup), Error) << text;
  }
}

}  // namespace
}  // namespace omni::graph
