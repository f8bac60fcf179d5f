// One case of one operator, checked many ways. Every operator's test is rows of these:
//
//   TEST(Softmax, Cases) {
//     check({.name = "rows", .op = &kSoftmax, .inputs = {Tensor::of<float>(Shape{1, 2}, {0, 0})}, .expected = {{0.5, 0.5}}});
//     check({.name = "axis 1 of 4", .op = &kSoftmax, .inputs = {wave(Shape{2, 5, 3, 4})}, .attributes = {{"axis", int64_t{1}}},
//            .reference = [](const Inputs& in) { return Outputs{…in double…}; }, .gradient = &kSoftmaxGradient});
//   }
//
// check() builds a graph of the one node and verifies
//   - inference: with constant shapes and with a symbol for every dimension of the float inputs, what was inferred is what came out;
//   - values: of every output against `expected` or `reference` (doubles in row-major order), for every instruction set of this machine;
//   - 1, 2 and 5 threads, and inputs that are not aligned, give the same bytes;
//   - layout: where the operator takes any layout (LayoutRule::kAny) and a float input has rank >= 3, channels-last gives the same numbers;
//     where it wants channels-last (kChannelsLast), it is bound that way, values converted on both sides;
//   - text: print, parse, print gives the same text;
//   - gradient: with `gradient` (declare it: `extern const GradDef kSoftmaxGradient;`), its rule against central differences for every element of the
//     float inputs (at most 48 of each, evenly spaced), whose loss is a fixed random sum of the float outputs.
// A case without `expected` and `reference` skips the values.
//
// Float inputs become graph inputs, others constants; `constants` names further inputs that are constants (weights to be packed, scales).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/grad_def.h"
#include "ops/op_list.h"

namespace omni::ops {

using Inputs = std::vector<std::optional<Tensor>>;
using Outputs = std::vector<std::vector<double>>;

struct OpCase {
  std::string name;
  const OpDef* op = nullptr;
  Inputs inputs = {};  // std::nullopt: an absent optional input
  Attributes attributes = {};
  int outputs = 1;
  Outputs expected = {};
  std::function<Outputs(const Inputs&)> reference = nullptr;
  std::vector<Shape> shapes = {};       // of the outputs, when the case wants them checked
  std::vector<int> constants = {};
  double tolerance = 2e-6;              // |got - expected| <= tolerance * max(1, |expected|)
  double relative_tolerance = 0;        // and, where set, also <= this times |expected|
  const GradDef* gradient = nullptr;
  std::vector<int> differentiate = {};  // inputs that must have a gradient; default: all float ones
  double gradient_tolerance = 2e-3;     // times max(1, |difference|)
  double step = 1.0 / 128;
};

void check(const OpCase& c);

// Distinct, smooth, reproducible numbers in [-scale, scale] + offset; no two neighbours are equal and none is 0.
Tensor wave(Shape shape, double scale = 1, double offset = 0, DType dtype = DType::kF32);
Tensor ints(std::initializer_list<int64_t> values);            // i64 of rank 1
Tensor scalar_f32(float v);

// Runs every node of a graph through ops::evaluate. `known` gives the graph's inputs; every value that was computed is returned with them.
std::map<ValueId, Tensor> run_graph(const Graph& graph, std::map<ValueId, Tensor> known, ThreadPool& pool, Isa isa);

// Expects that adding the node throws an Error whose text contains `message`.
void expect_refused(const OpDef& op, const Inputs& inputs, Attributes attributes, std::string_view message);

}  // namespace omni::ops
