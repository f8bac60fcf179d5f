#include "graph/dim.h"

#include <algorithm>
#include <cctype>

#include "core/error.h"

namespace omni::graph {

namespace {

[[noreturn]] void overflow() { throw Error(ErrorCode::kInvalidData, "a dimension larger than 2^63"); }

int64_t checked_add(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_add_overflow(a, b, &r)) overflow();
  return r;
}

int64_t checked_mul(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_mul_overflow(a, b, &r)) overflow();
  return r;
}

int64_t floor_quotient(int64_t a, int64_t b) {
  if (b == 0) throw Error(ErrorCode::kInvalidData, "a dimension divided by zero");
  if (b == -1) return checked_mul(a, -1);
  const int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

}  // namespace

DimTable::Poly DimTable::poly(Dim d) const {
  if (!d.is_constant()) return polys_[d.expr - 1];
  if (d.value == 0) return {};
  return {Term{d.value, {}}};
}

Dim DimTable::intern(Poly p) {
  if (p.empty()) return 0;
  if (p.size() == 1 && p[0].atoms.empty()) return p[0].factor;
  std::string key;
  for (const Term& t : p) {
    key += std::to_string(t.factor);
    for (const uint32_t a : t.atoms) key += '*' + std::to_string(a);
    key += '+';
  }
  const auto [it, fresh] = poly_ids_.try_emplace(key, static_cast<uint32_t>(polys_.size() + 1));
  if (fresh) polys_.push_back(std::move(p));
  Dim d;
  d.expr = it->second;
  return d;
}

Dim DimTable::atom(Atom a) {
  std::string key = std::to_string(static_cast<int>(a.kind)) + a.name;
  if (a.kind != AtomKind::kSymbol) {
    for (const Dim d : {a.a, a.b}) key += '|' + std::to_string(d.expr) + ':' + std::to_string(d.value);
  }
  const auto [it, fresh] = atom_ids_.try_emplace(key, static_cast<uint32_t>(atoms_.size()));
  if (fresh) atoms_.push_back(std::move(a));
  return intern({Term{1, {it->second}}});
}

Dim DimTable::symbol(std::string_view name) { return atom({AtomKind::kSymbol, std::string(name), 0, 0}); }

Dim DimTable::fresh() {
  for (;;) {
    std::string name = "_" + std::to_string(++fresh_);
    if (!atom_ids_.contains("0" + name)) return symbol(name);
  }
}

DimTable::Poly DimTable::sum(const Poly& a, const Poly& b, int64_t factor) {
  Poly out;
  size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (j == b.size() || (i < a.size() && a[i].atoms < b[j].atoms)) {
      out.push_back(a[i++]);
    } else if (i == a.size() || b[j].atoms < a[i].atoms) {
      out.push_back({checked_mul(b[j].factor, factor), b[j].atoms});
      ++j;
    } else {
      const int64_t f = checked_add(a[i].factor, checked_mul(b[j].factor, factor));
      if (f != 0) out.push_back({f, a[i].atoms});
      ++i, ++j;
    }
  }
  return out;
}

Dim DimTable::add(Dim a, Dim b) {
  if (a.is_constant() && b.is_constant()) return checked_add(a.value, b.value);
  return intern(sum(poly(a), poly(b), 1));
}

Dim DimTable::sub(Dim a, Dim b) {
  if (a == b) return 0;
  if (a.is_constant() && b.is_constant()) return checked_add(a.value, checked_mul(b.value, -1));
  return intern(sum(poly(a), poly(b), -1));
}

Dim DimTable::mul(Dim a, Dim b) {
  if (a.is_constant() && b.is_constant()) return checked_mul(a.value, b.value);
  const Poly pa = poly(a), pb = poly(b);
  Poly out;
  for (const Term& x : pa) {
    for (const Term& y : pb) {
      Term t{checked_mul(x.factor, y.factor), x.atoms};
      t.atoms.insert(t.atoms.end(), y.atoms.begin(), y.atoms.end());
      std::sort(t.atoms.begin(), t.atoms.end());
      out = sum(out, {t}, 1);
    }
  }
  if (out.size() > 64) throw Error(ErrorCode::kUnsupported, "a symbolic dimension of more than 64 terms");
  return intern(std::move(out));
}

std::optional<DimTable::Poly> DimTable::divide_exactly(const Poly& a, const Term& by) const {
  Poly out;
  for (const Term& t : a) {
    if (by.factor == 0 || t.factor % by.factor != 0) return std::nullopt;
    if (!std::includes(t.atoms.begin(), t.atoms.end(), by.atoms.begin(), by.atoms.end())) return std::nullopt;
    Term q{t.factor / by.factor, {}};
    std::set_difference(t.atoms.begin(), t.atoms.end(), by.atoms.begin(), by.atoms.end(), std::back_inserter(q.atoms));
    out.push_back(std::move(q));
  }
  std::sort(out.begin(), out.end(), [](const Term& x, const Term& y) { return x.atoms < y.atoms; });
  return out;
}

Dim DimTable::floor_div(Dim a, Dim b) {
  if (a.is_constant() && b.is_constant()) return floor_quotient(a.value, b.value);
  if (b == Dim(0)) floor_quotient(1, 0);
  if (b == Dim(1)) return a;
  if (a == Dim(0)) return 0;
  if (a == b) return 1;
  const Poly pa = poly(a), pb = poly(b);
  if (pb.size() == 1) {
    if (auto q = divide_exactly(pa, pb[0])) return intern(std::move(*q));
    // floor((b*q + r) / b) = q + floor(r / b) for a positive constant b: one way to write each quotient.
    if (b.is_constant() && b.value > 1) {
      Poly whole, rest;
      for (const Term& t : pa) {
        const int64_t q = t.atoms.empty() ? floor_quotient(t.factor, b.value) : t.factor % b.value == 0 ? t.factor / b.value : 0;
        if (q != 0) whole.push_back({q, t.atoms});
        const int64_t r = t.factor - q * b.value;
        if (r != 0) rest.push_back({r, t.atoms});
      }
      if (!whole.empty()) {
        const Dim remainder = intern(std::move(rest));
        return add(intern(std::move(whole)), remainder.is_constant() ? Dim(floor_quotient(remainder.value, b.value)) : atom({AtomKind::kFloorDiv, "", remainder, b}));
      }
    }
  }
  return atom({AtomKind::kFloorDiv, "", a, b});
}

Dim DimTable::max(Dim a, Dim b) {
  if (a == b) return a;
  const Dim difference = sub(a, b);
  if (difference.is_constant()) return difference.value >= 0 ? a : b;
  // max(a, max(a, c)) is max(a, c).
  const auto holds = [this](Dim whole, Dim part) {
    if (whole.is_constant() || polys_[whole.expr - 1].size() != 1) return false;
    const Term& t = polys_[whole.expr - 1][0];
    if (t.factor != 1 || t.atoms.size() != 1 || atoms_[t.atoms[0]].kind != AtomKind::kMax) return false;
    return atoms_[t.atoms[0]].a == part || atoms_[t.atoms[0]].b == part;
  };
  if (holds(a, b)) return a;
  if (holds(b, a)) return b;
  if (std::pair(b.expr, b.value) < std::pair(a.expr, a.value)) std::swap(a, b);
  return atom({AtomKind::kMax, "", a, b});
}

Dim DimTable::product(std::span<const Dim> dims) {
  Dim p = 1;
  for (const Dim d : dims) p = mul(p, d);
  return p;
}

std::string_view DimTable::symbol_name(Dim d) const {
  if (d.is_constant()) return {};
  const Poly& p = polys_[d.expr - 1];
  if (p.size() != 1 || p[0].factor != 1 || p[0].atoms.size() != 1) return {};
  const Atom& a = atoms_[p[0].atoms[0]];
  return a.kind == AtomKind::kSymbol ? std::string_view(a.name) : std::string_view();
}

std::optional<int64_t> DimTable::evaluate(Dim d, const std::map<std::string, int64_t, std::less<>>& bindings) const {
  if (d.is_constant()) return d.value;
  int64_t total = 0;
  for (const Term& t : polys_[d.expr - 1]) {
    int64_t product = t.factor;
    for (const uint32_t id : t.atoms) {
      const Atom& a = atoms_[id];
      if (a.kind == AtomKind::kSymbol) {
        const auto found = bindings.find(a.name);
        if (found == bindings.end()) return std::nullopt;
        product = checked_mul(product, found->second);
        continue;
      }
      const auto x = evaluate(a.a, bindings), y = evaluate(a.b, bindings);
      if (!x || !y) return std::nullopt;
      product = checked_mul(product, a.kind == AtomKind::kMax ? std::max(*x, *y) : floor_quotient(*x, *y));
    }
    total = checked_add(total, product);
  }
  return total;
}

Dim DimTable::import(Dim d, const DimTable& from) {
  if (d.is_constant() || &from == this) return d;
  Dim total = 0;
  for (const Term& t : from.polys_[d.expr - 1]) {
    Dim product = t.factor;
    for (const uint32_t id : t.atoms) {
      const Atom& a = from.atoms_[id];
      Dim factor;
      if (a.kind == AtomKind::kSymbol) {
        factor = symbol(a.name);
      } else {
        const Dim x = import(a.a, from), y = import(a.b, from);
        factor = a.kind == AtomKind::kMax ? max(x, y) : floor_div(x, y);
      }
      product = mul(product, factor);
    }
    total = add(total, product);
  }
  return total;
}

std::string DimTable::atom_text(uint32_t id) const {
  const Atom& a = atoms_[id];
  if (a.kind == AtomKind::kMax) {
    const std::string first = text(a.a), second = text(a.b);
    return "max(" + std::min(first, second) + "," + std::max(first, second) + ")";
  }
  const auto wrapped = [&](Dim d) { return d.is_constant() || !symbol_name(d).empty() ? text(d) : "(" + text(d) + ")"; };
  if (a.kind == AtomKind::kFloorDiv) return "(" + wrapped(a.a) + "//" + wrapped(a.b) + ")";
  const bool plain = !a.name.empty() && a.name != "max" && (std::isalpha(static_cast<unsigned char>(a.name[0])) || a.name[0] == '_') &&
                     std::all_of(a.name.begin(), a.name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.'; });
  if (plain) return a.name;
  std::string out = "'";
  for (const char c : a.name) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string DimTable::text(Dim d) const {
  if (d.is_constant()) return std::to_string(d.value);
  // In the order of the text, not of the ids, which depend on what was met first: a text that is read again prints the same. Constants last.
  std::vector<std::pair<std::string, int64_t>> terms;
  int64_t constant = 0;
  for (const Term& t : polys_[d.expr - 1]) {
    if (t.atoms.empty()) {
      constant = t.factor;
      continue;
    }
    std::vector<std::string> names;
    for (const uint32_t a : t.atoms) names.push_back(atom_text(a));
    std::sort(names.begin(), names.end());
    std::string product;
    for (const std::string& name : names) product += (product.empty() ? "" : "*") + name;
    terms.emplace_back(std::move(product), t.factor);
  }
  std::sort(terms.begin(), terms.end());
  std::string out;
  for (const auto& [product, factor] : terms) {
    if (!out.empty() && factor > 0) out += '+';
    out += factor == 1 ? product : factor == -1 ? '-' + product : std::to_string(factor) + '*' + product;
  }
  if (constant != 0) out += (constant > 0 ? "+" : "") + std::to_string(constant);
  return out;
}

// Recursive descent over: sum := product (('+'|'-') product)*; product := quotient ('*' quotient)*; quotient := unit ('//' unit)*.
class DimParser {
 public:
  DimParser(DimTable& table, std::string_view text) : table_(table), text_(text) {}

  Dim parse() {
    const Dim d = sum();
    if (at_ != text_.size()) fail();
    return d;
  }

 private:
  [[noreturn]] void fail() const { throw Error(ErrorCode::kInvalidData, "not a dimension: " + quoted(text_)); }
  bool take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  Dim sum() {
    if (++depth_ > 64) fail();
    const bool negative = take("-");
    Dim d = product();
    if (negative) d = table_.sub(0, d);
    for (;;) {
      if (take("+")) {
        d = table_.add(d, product());
      } else if (take("-")) {
        d = table_.sub(d, product());
      } else {
        --depth_;
        return d;
      }
    }
  }
  Dim product() {
    Dim d = quotient();
    while (take("*")) d = table_.mul(d, quotient());
    return d;
  }
  Dim quotient() {
    Dim d = unit();
    while (take("//")) d = table_.floor_div(d, unit());
    return d;
  }
  Dim unit() {
    if (take("(")) {
      const Dim d = sum();
      if (!take(")")) fail();
      return d;
    }
    if (take("max(")) {
      const Dim a = sum();
      if (!take(",")) fail();
      const Dim b = sum();
      if (!take(")")) fail();
      return table_.max(a, b);
    }
    if (take("'")) {
      std::string name;
      while (at_ < text_.size() && text_[at_] != '\'') {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        name += text_[at_++];
      }
      if (!take("'")) fail();
      return table_.symbol(name);
    }
    const size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_' || text_[at_] == '.')) ++at_;
    const std::string word(text_.substr(start, at_ - start));
    if (word.empty()) fail();
    if (!std::isdigit(static_cast<unsigned char>(word[0]))) return table_.symbol(word);
    int64_t v = 0;
    for (const char c : word) {
      if (!std::isdigit(static_cast<unsigned char>(c))) fail();
      v = checked_add(checked_mul(v, 10), c - '0');
    }
    return v;
  }

  DimTable& table_;
  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

Dim DimTable::parse(std::string_view text) { return DimParser(*this, text).parse(); }

}  // namespace omni::graph
