// Operators that exist for the tests of this room only, which may not know ops/.
#pragma once

#include "graph/graph.h"

namespace omni::graph::test {

inline void infer_broadcast(InferContext& c) {
  std::vector<Dim> dims = c.input(0).dims;
  for (int i = 1; i < c.input_count(); ++i) dims = c.broadcast(dims, c.input(i).dims);
  for (int i = 0; i < c.output_count(); ++i) c.set(i, Type(c.input(0).dtype, dims));
}

inline constexpr Formal kIn[] = {{"x"}, {"y", kOptional}, {"z", kOptional}};
inline constexpr Formal kOut[] = {{"out"}, {"second", kOptional}};
inline constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}};
inline constexpr OpDef kMix = {.name = "Mix", .domain = "test.domain", .inputs = kIn, .outputs = kOut, .attributes = kAttributes, .infer = infer_broadcast};

inline constexpr Formal kMany[] = {{"in", kVariadic}};
inline constexpr std::string_view kOneBody[] = {"body"};
inline constexpr std::string_view kTwoBodies[] = {"first", "second"};
inline constexpr OpDef kBranch = {.name = "Branch", .inputs = kMany, .outputs = kOut, .bodies = kOneBody, .traits = kControlFlow, .infer = infer_broadcast};
inline constexpr OpDef kChoose = {.name = "Choose", .inputs = kMany, .outputs = kOut, .bodies = kTwoBodies, .traits = kControlFlow, .infer = infer_broadcast};
inline constexpr OpDef kLog = {.name = "Log", .inputs = kMany, .outputs = kOut, .traits = kSideEffect, .infer = infer_broadcast};

inline const OpDef* lookup(std::string_view domain, std::string_view name) {
  for (const OpDef* op : {&kMix, &kBranch, &kChoose, &kLog}) {
    if (op->domain == domain && op->name == name) return op;
  }
  return nullptr;
}

}  // namespace omni::graph::test
