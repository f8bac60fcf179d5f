// Dimensions and small integer contents of a graph: constants, or interned polynomials over symbols, floor divisions and maxima.
//
// Interning makes equality an integer comparison: two ways to write N*4+4 are one Dim. A table belongs to one graph and its bodies.
// Symbols stand for non-negative sizes; floor_div by an expression assumes it is positive.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace omni::graph {

using namespace core;

struct Dim {
  int64_t value = 0;  // the constant, when expr == 0
  uint32_t expr = 0;  // else an id of the table

  constexpr Dim() = default;
  constexpr Dim(int64_t v) : value(v) {}
  bool is_constant() const { return expr == 0; }
  bool operator==(const Dim&) const = default;
};

class DimTable {
 public:
  // The symbol of that name, made at first use.
  Dim symbol(std::string_view name);
  // A symbol nobody has yet: "_1", "_2", …
  Dim fresh();

  // Overflow throws Error (kInvalidData).
  Dim add(Dim a, Dim b);
  Dim sub(Dim a, Dim b);
  Dim mul(Dim a, Dim b);
  // Rounds towards minus infinity. Division by the constant 0 throws Error (kInvalidData).
  Dim floor_div(Dim a, Dim b);
  Dim ceil_div(Dim a, Dim b) { return sub(0, floor_div(sub(0, a), b)); }
  Dim max(Dim a, Dim b);
  Dim min(Dim a, Dim b) { return sub(0, max(sub(0, a), sub(0, b))); }
  Dim product(std::span<const Dim> dims);

  // "N", "4*N+1", "(H-1)//2+1", "max(A,B)".
  std::string text(Dim d) const;
  // Reads what text() prints; throws Error (kInvalidData).
  Dim parse(std::string_view text);
  // The name when `d` is a lone symbol, else empty.
  std::string_view symbol_name(Dim d) const;

  // The value under `bindings` (symbol name → size); nothing while a symbol is unbound.
  std::optional<int64_t> evaluate(Dim d, const std::map<std::string, int64_t, std::less<>>& bindings) const;
  // The same expression in another table, symbols kept by name.
  Dim import(Dim d, const DimTable& from);

 private:
  enum class AtomKind : uint8_t { kSymbol, kFloorDiv, kMax };
  struct Atom {
    AtomKind kind;
    std::string name;
    Dim a, b;
  };
  struct Term {
    int64_t factor;
    std::vector<uint32_t> atoms;  // sorted, repeated for powers
    bool operator==(const Term&) const = default;
  };
  using Poly = std::vector<Term>;  // sorted by atoms, no zero factors

  friend class DimParser;
  Poly poly(Dim d) const;
  Dim intern(Poly p);
  Dim atom(Atom a);
  static Poly sum(const Poly& a, const Poly& b, int64_t factor);
  std::optional<Poly> divide_exactly(const Poly& a, const Term& by) const;
  std::string atom_text(uint32_t id) const;

  std::vector<Atom> atoms_;
  std::vector<Poly> polys_;  // id - 1
  std::map<std::string, uint32_t, std::less<>> atom_ids_, poly_ids_;
  uint32_t fresh_ = 0;
};

}  // namespace omni::graph
