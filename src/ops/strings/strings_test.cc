// Strings: conversions, normalizing, splitting, n-grams, and kernels that only move elements.
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "ops/op_case_test.h"
#include "ops/strings/text.h"

namespace omni::ops {
namespace {

Tensor strings(Shape shape, std::vector<std::string> values) { return Tensor::strings(shape, values); }

// The outputs of a graph in its text form for these inputs.
std::vector<Tensor> results_of(const char* text, const std::vector<Tensor>& inputs) {
  const Graph graph = parse(text, find_op);
  std::map<ValueId, Tensor> known;
  for (size_t i = 0; i < inputs.size(); ++i) known.emplace(graph.inputs()[i], inputs[i]);
  ThreadPool pool(1);
  const auto values = run_graph(graph, known, pool, Isa::kScalar);
  std::vector<Tensor> out;
  for (const ValueId id : graph.outputs()) out.push_back(values.at(id));
  return out;
}

TEST(Strings, FromNumbersWithTheFewestDigitsThatReadBack) {
  const Tensor x = Tensor::of<float>(
      Shape{13}, {0.1f, 1.0f / 3, 1e-7f, 1e10f, 123456789.0f, NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1.0f, 1234567.5f, 3.4028235e38f});
  EXPECT_TRUE(results_of("graph g(%x:f32[13]) -> (%y) { %y = Cast(%x) to=8 }", {x})[0].equal(
      strings({13}, {"0.1", "0.33333334", "1e-07", "1e+10", "1.2345679e+08", "NaN", "INF", "-INF", "0", "-0", "1", "1234567.5", "3.4028235e+38"})));
  const Tensor n = Tensor::of<int64_t>(Shape{3}, {INT64_MIN, 0, INT64_MAX});
  EXPECT_TRUE(results_of("graph g(%x:i64[3]) -> (%y) { %y = Cast(%x) to=8 }", {n})[0].equal(
      strings({3}, {"-9223372036854775808", "0", "9223372036854775807"})));
}

TEST(Strings, ToNumbersAsCReadsThem) {
  const Tensor x = strings({10}, {"1.5", " 2 ", "inf", "-INF", "NaN", "1e5", "0x10", "+3", "-Infinity", "1.5x"});
  const std::vector<double> y = to_double(results_of("graph g(%x:str[10]) -> (%y) { %y = Cast(%x) to=1 }", {x})[0]);
  const double expected[] = {1.5, 2, INFINITY, -INFINITY, NAN, 1e5, 16, 3, -INFINITY, 1.5};
  for (size_t i = 0; i < y.size(); ++i) {
    EXPECT_TRUE(y[i] == expected[i] || (std::isnan(y[i]) && std::isnan(expected[i]))) << i << " is " << y[i];
  }
  EXPECT_TRUE(results_of("graph g(%x:str[3]) -> (%y) { %y = Cast(%x) to=7 }", {strings({3}, {"-12", " +7", "0xff"})})[0].equal(ints({-12, 7, 255})));
  for (const char* wrong : {"abc", "", "--1", "+"}) {
    EXPECT_THROW(results_of("graph g(%x:str[1]) -> (%y) { %y = Cast(%x) to=1 }", {strings({1}, {wrong})}), Error) << wrong;
  }
}

TEST(Strings, MoveThroughKernelsThatOnlyMove) {
  const std::vector<Tensor> out = results_of(R"(graph g(%a:str[2,2], %b:str[1,2], %i:i64[2]) -> (%all, %picked, %same, %turned, %chosen) {
    %all = Concat(%a, %b) axis=0
    %picked = Gather(%all, %i) axis=0
    %same = Equal(%a, %b)
    %turned = Transpose(%a)
    %chosen = Where(%same, %a, %b)
  })",
                                             {strings({2, 2}, {"x", "", "longer", "x"}), strings({1, 2}, {"x", "y"}), ints({2, 0})});
  EXPECT_TRUE(out[0].equal(strings({3, 2}, {"x", "", "longer", "x", "x", "y"})));
  EXPECT_TRUE(out[1].equal(strings({2, 2}, {"x", "y", "x", ""})));
  EXPECT_TRUE(out[2].equal(Tensor::of<bool>(Shape{2, 2}, {true, false, false, false})));
  EXPECT_TRUE(out[3].equal(strings({2, 2}, {"x", "longer", "", "x"})));
  EXPECT_TRUE(out[4].equal(strings({2, 2}, {"x", "y", "x", "y"})));
}

TEST(Strings, Normalized) {
  const Tensor x = strings({4}, {"monday", "Tuesday", "\u00c4rger", "\u043c\u0438\u0440"});
  EXPECT_TRUE(
      results_of(R"(graph g(%x:str[4]) -> (%y) { %y = StringNormalizer(%x) case_change_action="UPPER" is_case_sensitive=1 stopwords=["monday"] })",
                 {x})[0]
          .equal(strings({3}, {"TUESDAY", "\u00c4RGER", "\u041c\u0418\u0420"})));
  EXPECT_TRUE(
      results_of(R"(graph g(%x:str[4]) -> (%y) { %y = StringNormalizer(%x) case_change_action="LOWER" stopwords=["TUESDAY", "MONDAY", "äRGER"] })",
                 {x})[0]
          .equal(strings({1}, {"\u043c\u0438\u0440"})));
  EXPECT_TRUE(
      results_of(R"(graph g(%x:str[1,1]) -> (%y) { %y = StringNormalizer(%x) is_case_sensitive=1 stopwords=["a"] })", {strings({1, 1}, {"a"})})[0]
          .equal(strings({1, 1}, {""})));
}

TEST(Strings, ConcatenatedAndSplit) {
  EXPECT_TRUE(
      results_of("graph g(%a:str[2,1], %b:str[2]) -> (%y) { %y = StringConcat(%a, %b) }", {strings({2, 1}, {"a", "b"}), strings({2}, {"1", ""})})[0]
          .equal(strings({2, 2}, {"a1", "a", "b1", "b"})));
  const std::vector<Tensor> spaces =
      results_of("graph g(%x:str[3]) -> (%y, %n) { %y, %n = StringSplit(%x) }", {strings({3}, {" hello  world ", "", "one"})});
  EXPECT_TRUE(spaces[0].equal(strings({3, 2}, {"hello", "world", "", "", "one", ""})));
  EXPECT_TRUE(spaces[1].equal(ints({2, 0, 1})));
  const std::vector<Tensor> commas =
      results_of(R"(graph g(%x:str[2]) -> (%y, %n) { %y, %n = StringSplit(%x) delimiter="," maxsplit=1 })", {strings({2}, {"a,b,c", ",z"})});
  EXPECT_TRUE(commas[0].equal(strings({2, 2}, {"a", "b,c", "", "z"})));
}

constexpr char kTfIdf[] = R"(graph g(%x:str[N,6]) -> (%y) {
  %y = TfIdfVectorizer(%x) max_gram_length=2 max_skip_count=1 min_gram_length=1 mode="TFIDF" ngram_counts=[0,2] ngram_indexes=[0,1,2,3]
    pool_strings=["a","b","a","b","b","a"] weights=[1.0,2.0,3.0,4.0]
})";

TEST(Strings, NGramsWithWeights) {
  // a: 2, b: 2; "a b" at steps 1 and 2, "b a" likewise.
  const Tensor x = strings({1, 6}, {"a", "b", "z", "a", "z", "b"});
  EXPECT_TRUE(results_of(kTfIdf, {x})[0].equal(Tensor::of<float>(Shape{1, 4}, {2, 4, 6, 4})));
}

TEST(Strings, WrongAttributesAreRefused) {
  const Tensor x = ints({1, 2});
  const auto attributes = [](int64_t low, int64_t high, std::vector<int64_t> counts, std::vector<int64_t> indexes) {
    return Attributes{{"min_gram_length", low},
                      {"max_gram_length", high},
                      {"max_skip_count", int64_t{0}},
                      {"mode", std::string("TF")},
                      {"ngram_counts", std::move(counts)},
                      {"ngram_indexes", std::move(indexes)},
                      {"pool_int64s", std::vector<int64_t>{1, 2, 3}}};
  };
  expect_refused(kTfIdfVectorizer, {x}, attributes(0, 1, {0}, {0, 1, 2}), "lengths");
  expect_refused(kTfIdfVectorizer, {x}, attributes(1, 1, {5}, {0, 1, 2}), "divide");
  expect_refused(kTfIdfVectorizer, {x}, attributes(1, 2, {0, 2}, {0, 1, 2}), "divide");
  expect_refused(kTfIdfVectorizer, {x}, attributes(1, 1, {0}, {0, 1}), "ngram_indexes");
  expect_refused(kTfIdfVectorizer, {x}, attributes(1, 1, {0}, {0, -1, 2}), "index");
  expect_refused(kStringConcat, {x, x}, {}, "strings");
  expect_refused(kStringNormalizer, {strings({1}, {"a"})}, {{"case_change_action", std::string("TITLE")}}, "TITLE");
}

}  // namespace
}  // namespace omni::ops
