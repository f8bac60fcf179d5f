// Einsum (ai.onnx): sums of products of any operands, as an equation says: "bij,bjk->bik". A composite: diagonals by strided slices, sums over
// letters of one operand, then two operands at a time by MatMul with what is summed innermost.
//
// Letters are kept as their characters; the dimensions of "..." are 1, 2, … from the last one on, so that operands of different ranks agree.
#include <algorithm>
#include <functional>

#include "ops/composer.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"Inputs", kVariadic}};
constexpr Formal kOutputs[] = {{"Output"}};
constexpr AttributeDef kAttributes[] = {{"equation", AttributeKind::kString, true}};
constexpr OpVersion kVersions[] = {{28}, {12}};

using Labels = std::vector<int>;

struct Equation {
  std::vector<Labels> operands;
  Labels output;
};

// The letters of one term; `dots` dimensions stand for "...". Nothing when it is malformed.
std::optional<Labels> read_term(std::string_view text, int dots) {
  Labels labels;
  bool seen = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && text.substr(i, 3) == "..." && !seen) {
      for (int d = dots; d >= 1; --d) labels.push_back(d);
      seen = true;
      i += 2;
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      labels.push_back(c);
    } else {
      return std::nullopt;
    }
  }
  return labels;
}

int letters_in(std::string_view term) {
  return static_cast<int>(std::count_if(term.begin(), term.end(), [](char c) { return c != '.'; }));
}

std::optional<Equation> read_equation(std::string_view text, std::span<const int> ranks) {
  std::string plain;
  for (const char c : text) {
    if (c != ' ') plain += c;
  }
  const size_t arrow = plain.find("->");
  const std::string left = plain.substr(0, arrow);
  std::vector<std::string> terms(1);
  for (const char c : left) {
    if (c == ',')
      terms.emplace_back();
    else
      terms.back() += c;
  }
  if (terms.size() != ranks.size()) return std::nullopt;
  Equation e;
  int most = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    const bool dotted = terms[i].find('.') != std::string::npos;
    const int dots = ranks[i] - letters_in(terms[i]);
    if (dots < 0 || (!dotted && dots != 0)) return std::nullopt;
    const std::optional<Labels> labels = read_term(terms[i], dots);
    if (!labels) return std::nullopt;
    most = std::max(most, dots);
    e.operands.push_back(*labels);
  }
  if (arrow != std::string::npos) {
    const std::string right = plain.substr(arrow + 2);
    const std::optional<Labels> output = read_term(right, most);
    if (!output) return std::nullopt;
    e.output = *output;
    for (const int label : e.output) {
      const bool known =
          std::any_of(e.operands.begin(), e.operands.end(), [&](const Labels& l) { return std::count(l.begin(), l.end(), label) != 0; });
      if (!known || std::count(e.output.begin(), e.output.end(), label) != 1) return std::nullopt;
    }
    return e;
  }
  // Without an arrow: "..." first, then the letters that occur once, in their order.
  for (int d = most; d >= 1; --d) e.output.push_back(d);
  for (int c = 'A'; c <= 'z'; ++c) {
    int64_t times = 0;
    for (const Labels& l : e.operands) times += std::count(l.begin(), l.end(), c);
    if (times == 1) e.output.push_back(c);
  }
  return e;
}

bool has(const Labels& labels, int label) { return std::find(labels.begin(), labels.end(), label) != labels.end(); }

void infer(InferContext& c) {
  std::vector<int> ranks;
  for (int i = 0; i < c.input_count(); ++i) {
    if (c.input(i).dtype != c.input(0).dtype) c.fail("the inputs have different element types");
    if (!c.input(i).ranked) c.fail("the rank of input " + std::to_string(i) + " is not known");
    ranks.push_back(c.input(i).rank());
  }
  const std::string_view text = c.attributes.get_string("equation", "");
  const std::optional<Equation> e = read_equation(text, ranks);
  if (!e) c.fail("the equation " + quoted(text) + " does not fit the inputs");
  std::vector<Dim> dims;
  const auto size = [&](int label) {
    std::optional<Dim> found;
    for (size_t i = 0; i < e->operands.size(); ++i) {
      for (size_t d = 0; d < e->operands[i].size(); ++d) {
        if (e->operands[i][d] != label) continue;
        const Dim dim = c.input(static_cast<int>(i)).dim(static_cast<int>(d));
        if (!found || *found == Dim(1) || (!found->is_constant() && dim.is_constant() && dim != Dim(1))) {
          found = dim;
        } else if (dim.is_constant() && found->is_constant() && dim != *found && dim != Dim(1)) {
          c.fail("the sizes of a dimension of " + quoted(text) + " differ: " + std::to_string(found->value) + " and " + std::to_string(dim.value));
        }
      }
    }
    return *found;
  };
  for (const Labels& labels : e->operands) {
    for (const int label : labels) size(label);
  }
  for (const int label : e->output) dims.push_back(size(label));
  c.set(0, Type(c.input(0).dtype, std::move(dims)));
}

struct Term {
  ValueId value;
  Labels labels;
};

struct Expansion {
  Composer b;

  Term permuted(const Term& t, const Labels& order) const {
    if (t.labels == order) return t;
    std::vector<int64_t> perm;
    for (const int label : order) perm.push_back(std::find(t.labels.begin(), t.labels.end(), label) - t.labels.begin());
    return {b.transpose(t.value, perm), order};
  }

  // A letter that occurs twice: those two dimensions last, as one, every (n + 1)-th element of it.
  Term diagonal(Term t) const {
    for (size_t i = 0; i < t.labels.size(); ++i) {
      for (size_t j = i + 1; j < t.labels.size(); ++j) {
        if (t.labels[i] != t.labels[j]) continue;
        std::vector<int64_t> perm, shape;
        Labels labels;
        for (size_t d = 0; d < t.labels.size(); ++d) {
          if (d == i || d == j) continue;
          perm.push_back(static_cast<int64_t>(d));
          labels.push_back(t.labels[d]);
          shape.push_back(0);
        }
        perm.push_back(static_cast<int64_t>(i));
        perm.push_back(static_cast<int64_t>(j));
        labels.push_back(t.labels[i]);
        shape.push_back(-1);
        const ValueId size = b.size(t.value, static_cast<int64_t>(i));
        const ValueId flat = b.reshape(b.transpose(t.value, perm), shape);
        const ValueId step = b.add(size, b.ints({1}));
        return diagonal({b.g.add1(kSlice, {flat, b.ints({0}), b.ints({INT64_MAX}), b.ints({-1}), step}), labels});
      }
    }
    return t;
  }

  // Without the letters that nobody else has.
  Term summed(const Term& t, const std::function<bool(int)>& needed) const {
    std::vector<int64_t> axes;
    Labels labels;
    for (size_t d = 0; d < t.labels.size(); ++d) {
      if (needed(t.labels[d]))
        labels.push_back(t.labels[d]);
      else
        axes.push_back(static_cast<int64_t>(d));
    }
    return axes.empty() ? t : Term{b.reduce(kReduceSum, t.value, axes, false), labels};
  }

  ValueId sizes(const Term& t, const Labels& labels) const {
    std::vector<ValueId> parts;
    for (const int label : labels) parts.push_back(b.size(t.value, std::find(t.labels.begin(), t.labels.end(), label) - t.labels.begin()));
    return b.concat(std::move(parts), 0);
  }

  // Size one in front of the labels that it lacks.
  ValueId aligned(const Term& t, const Labels& batch, const Labels& rest) const {
    Labels order;
    std::vector<int64_t> missing;
    for (size_t i = 0; i < batch.size(); ++i) {
      if (has(t.labels, batch[i]))
        order.push_back(batch[i]);
      else
        missing.push_back(static_cast<int64_t>(i));
    }
    order.insert(order.end(), rest.begin(), rest.end());
    return b.unsqueeze(permuted(t, order).value, missing);
  }

  // Behind the first `lead` dimensions of v: `labels` as one dimension, `after` as another.
  ValueId merged(ValueId v, size_t lead, const Labels& labels, const Labels& after, const Term& from) const {
    std::vector<ValueId> shape;
    if (lead != 0) shape.push_back(b.ints(std::vector<int64_t>(lead, 0)));
    const auto product = [&](const Term& t, const Labels& list) {
      if (list.empty()) return b.ints({1});
      ValueId size = kNone;
      for (const int label : list) {
        const ValueId s = b.size(t.value, std::find(t.labels.begin(), t.labels.end(), label) - t.labels.begin());
        size = size == kNone ? s : b.mul(size, s);
      }
      return size;
    };
    shape.push_back(product(from, labels));
    shape.push_back(product(from, after));
    return b.reshape_to(v, b.concat(std::move(shape), 0));
  }

  // Letters in both and still needed stay in front (as do all of "..."), those in both and done are summed.
  Term product(const Term& x, const Term& y, const std::function<bool(int)>& needed) const {
    Labels batch, left, right, inner;
    for (const int label : x.labels) {
      if (label < 'A' || (has(y.labels, label) && needed(label)))
        batch.push_back(label);
      else
        (has(y.labels, label) ? inner : left).push_back(label);
    }
    for (const int label : y.labels) {
      if (label < 'A' && !has(batch, label)) batch.push_back(label);
      if (label >= 'A' && !has(x.labels, label)) right.push_back(label);
    }
    std::stable_sort(batch.begin(), batch.end(), [](int u, int v) { return (u < 'A') && (v < 'A') ? u > v : (u < 'A') && !(v < 'A'); });
    Labels x_rest = left, y_rest = inner, order = batch;
    x_rest.insert(x_rest.end(), inner.begin(), inner.end());
    y_rest.insert(y_rest.end(), right.begin(), right.end());
    const ValueId u = merged(aligned(x, batch, x_rest), batch.size(), left, inner, x);
    const ValueId v = merged(aligned(y, batch, y_rest), batch.size(), inner, right, y);
    std::vector<ValueId> shape;
    if (!batch.empty()) shape.push_back(b.ints(std::vector<int64_t>(batch.size(), 0)));
    if (!left.empty()) shape.push_back(sizes(x, left));
    if (!right.empty()) shape.push_back(sizes(y, right));
    order.insert(order.end(), left.begin(), left.end());
    order.insert(order.end(), right.begin(), right.end());
    const ValueId target = shape.empty() ? b.ints({}) : b.concat(std::move(shape), 0);
    return {b.reshape_to(b.matmul(u, v), target), order};
  }
};

std::vector<ValueId> expand(Graph& g, const Node& n) {
  const Expansion x{Composer(g)};
  std::vector<int> ranks;
  for (const ValueId id : n.inputs) ranks.push_back(g.type(id).rank());
  const Equation e = *read_equation(n.attributes.get_string("equation", ""), ranks);
  std::vector<Term> terms;
  for (size_t i = 0; i < e.operands.size(); ++i) terms.push_back(x.diagonal({n.inputs[i], e.operands[i]}));
  const auto needed_beyond = [&](size_t first, size_t last) {
    return [&, first, last](int label) {
      if (has(e.output, label)) return true;
      for (size_t i = 0; i < terms.size(); ++i) {
        if ((i < first || i > last) && has(terms[i].labels, label)) return true;
      }
      return false;
    };
  };
  Term result = x.summed(terms[0], needed_beyond(0, 0));
  for (size_t i = 1; i < terms.size(); ++i) {
    terms[i - 1].labels.clear();  // what is left of it is in the result
    const Labels so_far = result.labels;
    const Term next = x.summed(terms[i], [&](int label) { return has(so_far, label) || needed_beyond(i, i)(label); });
    result = x.product(result, next, needed_beyond(i, i));
    result = x.summed(result, needed_beyond(i, i));
  }
  return {x.permuted(result, e.output).value};
}

}  // namespace

constinit const OpDef kEinsum = {
    .name = "Einsum", .inputs = kInputs, .outputs = kOutputs, .attributes = kAttributes, .versions = kVersions, .infer = infer, .expand = expand};

}  // namespace omni::ops
