// TfIdfVectorizer (ai.onnx): how often each n-gram of a pool occurs in a row, with up to max_skip_count elements left out between its members.
#include <algorithm>
#include <map>

#include "core/error.h"
#include "ops/strings/text.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {
    {"max_gram_length", AttributeKind::kInt, true}, {"max_skip_count", AttributeKind::kInt, true}, {"min_gram_length", AttributeKind::kInt, true},
    {"mode", AttributeKind::kString, true},         {"ngram_counts", AttributeKind::kInts, true},  {"ngram_indexes", AttributeKind::kInts, true},
    {"pool_int64s", AttributeKind::kInts},          {"pool_strings", AttributeKind::kStrings},     {"weights", AttributeKind::kFloats}};
constexpr OpVersion kVersions[] = {{9}};
constexpr int64_t kMostOutputs = int64_t{1} << 28;

std::vector<std::string> strings_of(const Attributes& a, const char* name) {
  const AttributeValue* value = a.find(name);
  const auto* list = value != nullptr ? std::get_if<std::vector<std::string>>(value) : nullptr;
  return list != nullptr ? *list : std::vector<std::string>();
}

// Of the n-grams' places in a row of the output; negative where the attribute makes no sense.
int64_t output_width(const Attributes& a) {
  int64_t width = 0;
  for (const int64_t i : a.get_ints("ngram_indexes")) {
    if (i < 0 || i >= kMostOutputs) return -1;
    width = std::max(width, i + 1);
  }
  return width;
}

// The pool's elements of n-grams of each length: [starts[n - 1], starts[n]).
void check(const InferContext& c) {
  const Attributes& a = c.attributes;
  const int64_t low = a.get_int("min_gram_length", 0), high = a.get_int("max_gram_length", 0);
  if (low < 1 || high < low) c.fail("the n-grams' lengths must be at least 1, the longest no shorter than the shortest");
  if (a.get_int("max_skip_count", 0) < 0) c.fail("a negative max_skip_count");
  const std::string_view mode = a.get_string("mode", "");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF") c.fail("the mode " + quoted(mode) + " is not known");
  if (output_width(a) < 0) c.fail("an n-gram index outside of what an output can be");
  const bool strings = c.input(0).dtype == DType::kString;
  const std::vector<int64_t> starts = a.get_ints("ngram_counts");
  const auto size = static_cast<int64_t>(strings ? strings_of(a, "pool_strings").size() : a.get_ints("pool_int64s").size());
  int64_t grams = 0;
  for (size_t n = 0; n < starts.size(); ++n) {
    const int64_t begin = starts[n], end = n + 1 < starts.size() ? starts[n + 1] : size, length = static_cast<int64_t>(n) + 1;
    if (begin < 0 || end < begin || end > size || (end - begin) % length != 0) c.fail("ngram_counts does not divide the pool");
    grams += (end - begin) / length;
  }
  if (static_cast<size_t>(grams) != a.get_ints("ngram_indexes").size()) c.fail("as many ngram_indexes are needed as the pool has n-grams");
  if (const size_t weights = a.get_floats("weights").size(); weights != 0 && weights != static_cast<size_t>(grams)) {
    c.fail("as many weights are needed as the pool has n-grams");
  }
}

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (x.dtype != DType::kString && x.dtype != DType::kI64 && x.dtype != DType::kI32) c.fail("its input must be strings, i32 or i64");
  check(c);
  if (!x.ranked) return c.set(0, Type::unranked(DType::kF32));
  if (x.rank() < 1 || x.rank() > 2) c.fail("its input must be a row or rows");
  std::vector<Dim> dims = x.dims;
  dims.back() = output_width(c.attributes);
  c.set(0, Type(DType::kF32, std::move(dims)));
}

struct Params {
  std::map<std::string, int64_t, std::less<>> words;  // the pool's strings, numbered; numbers stand for themselves
  std::map<std::vector<int64_t>, size_t> grams;       // n-gram → which of the pool
  std::vector<int64_t> indexes;
  std::vector<float> weights;
  int64_t low, high, skips, width;
  bool counts, weighted;  // TF and TFIDF count; IDF and TFIDF weigh
};

Params make_params(const Attributes& a, bool strings) {
  Params p;
  std::vector<int64_t> pool = a.get_ints("pool_int64s");
  if (strings) {
    pool.clear();
    for (const std::string& word : strings_of(a, "pool_strings"))
      pool.push_back(p.words.try_emplace(word, static_cast<int64_t>(p.words.size())).first->second);
  }
  const std::vector<int64_t> starts = a.get_ints("ngram_counts");
  size_t gram = 0;
  for (size_t n = 0; n < starts.size(); ++n) {
    const int64_t end = n + 1 < starts.size() ? starts[n + 1] : static_cast<int64_t>(pool.size()), length = static_cast<int64_t>(n) + 1;
    for (int64_t at = starts[n]; at < end; at += length) p.grams.emplace(std::vector<int64_t>(pool.begin() + at, pool.begin() + at + length), gram++);
  }
  p.indexes = a.get_ints("ngram_indexes");
  p.weights = a.get_floats("weights");
  p.low = a.get_int("min_gram_length", 1);
  p.high = std::min<int64_t>(a.get_int("max_gram_length", 1), static_cast<int64_t>(starts.size()));
  p.skips = a.get_int("max_skip_count", 0);
  p.width = output_width(a);
  const std::string_view mode = a.get_string("mode", "TF");
  p.counts = mode != "IDF";
  p.weighted = mode != "TF";
  return p;
}

void count_row(const Params& p, std::span<const int64_t> row, std::vector<int64_t>& found) {
  const auto size = static_cast<int64_t>(row.size());
  std::vector<int64_t> gram;
  for (int64_t n = p.low; n <= p.high; ++n) {
    // A larger step would not fit into the row; single elements have nothing between them.
    const int64_t most = n == 1 ? 0 : std::min(p.skips, size);
    for (int64_t step = 1; step <= most + 1; ++step) {
      for (int64_t start = 0; start + (n - 1) * step < size; ++start) {
        gram.clear();
        for (int64_t k = 0; k < n; ++k) gram.push_back(row[static_cast<size_t>(start + k * step)]);
        if (const auto at = p.grams.find(gram); at != p.grams.end()) ++found[at->second];
      }
    }
  }
}

std::vector<Tensor> produce(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot&) {
  const Tensor& x = inputs[0];
  const bool strings = x.dtype() == DType::kString;
  const Params p = make_params(n.attributes, strings);
  std::vector<int64_t> values;
  if (strings) {
    for (int64_t i = 0; i < x.count(); ++i) {
      const auto word = p.words.find(x.string_at(i));
      values.push_back(word == p.words.end() ? -1 : word->second);
    }
  } else {
    values = to_int64(x);
  }
  const int64_t rows = x.shape().count(0, x.shape().rank() - 1), length = x.shape()[-1];
  Shape shape = x.shape();
  shape.set(-1, p.width);
  Tensor out(DType::kF32, shape);
  std::vector<int64_t> found(p.indexes.size());
  for (int64_t r = 0; r < rows; ++r) {
    std::fill(found.begin(), found.end(), 0);
    count_row(p, std::span(values).subspan(static_cast<size_t>(r * length), static_cast<size_t>(length)), found);
    for (size_t g = 0; g < found.size(); ++g) {
      const float count = p.counts ? static_cast<float>(found[g]) : found[g] > 0 ? 1.0f : 0.0f;
      const float weight = p.weighted && !p.weights.empty() ? p.weights[g] : 1.0f;
      if (count > 0) out.mutable_values<float>()[static_cast<size_t>(r * p.width + p.indexes[g])] = count * weight;
    }
  }
  return {out};
}

}  // namespace

constinit const OpDef kTfIdfVectorizer = {.name = "TfIdfVectorizer",
                                          .inputs = kInputs,
                                          .outputs = kOutputs,
                                          .attributes = kAttributes,
                                          .versions = kVersions,
                                          .traits = kDataDependent,
                                          .infer = infer,
                                          .produce = produce};

}  // namespace omni::ops
