// Concrete sizes and values for a model's inputs.
#include <algorithm>

#include "api/access.h"
#include "core/rng.h"

namespace omni::api {

namespace {

// The symbols that the sizes of an input bind, so that another input with the same symbol gets the same size.
void bind_symbols(const graph::Graph& graph, const graph::Value& input, const std::vector<int64_t>& sizes,
                  std::map<std::string, int64_t, std::less<>>& bound) {
  if (static_cast<int>(sizes.size()) != input.type.rank()) {
    throw Error(ErrorCode::kInvalidArgument, "expected " + std::to_string(input.type.rank()) + " sizes, got " + std::to_string(sizes.size()),
                "input " + core::quoted(input.name));
  }
  for (int i = 0; i < input.type.rank(); ++i) {
    const graph::Dim dim = input.type.dim(i);
    const int64_t size = sizes[static_cast<size_t>(i)];
    if (dim.is_constant() && dim.value != size) {
      throw Error(ErrorCode::kInvalidArgument, "its size " + std::to_string(i) + " is " + std::to_string(dim.value) + ", not " + std::to_string(size),
                  "input " + core::quoted(input.name));
    }
    if (const std::string_view symbol = graph.dims().symbol_name(dim); !symbol.empty()) bound.emplace(symbol, size);
  }
}

}  // namespace

std::map<std::string, int64_t, std::less<>> symbol_sizes(const graph::Graph& graph, const InputShapes& shapes) {
  std::map<std::string, int64_t, std::less<>> bound;
  std::vector<std::string> names;
  for (const graph::ValueId id : graph.inputs()) {
    const graph::Value& input = graph.value(id);
    names.push_back(input.name);
    if (const auto given = shapes.find(input.name); given != shapes.end() && input.type.ranked) bind_symbols(graph, input, given->second, bound);
  }
  for (const auto& [name, sizes] : shapes) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    throw Error(ErrorCode::kInvalidArgument, "no input is named " + core::quoted(name), "shape", core::did_you_mean(name, names));
  }
  return bound;
}

std::vector<core::Shape> input_shapes(const graph::Graph& graph, const InputShapes& shapes) {
  const auto bound = symbol_sizes(graph, shapes);
  std::vector<core::Shape> result;
  for (const graph::ValueId id : graph.inputs()) {
    const graph::Value& input = graph.value(id);
    if (const auto given = shapes.find(input.name); given != shapes.end()) {
      result.push_back(core::Shape(given->second));
      continue;
    }
    std::vector<int64_t> sizes;
    for (const graph::Dim dim : input.type.dims) {
      const std::string_view symbol = graph.dims().symbol_name(dim);
      const auto known = bound.find(symbol);
      sizes.push_back(dim.is_constant() ? dim.value : known != bound.end() ? known->second : 1);
    }
    result.push_back(core::Shape(sizes));
  }
  return result;
}

std::vector<core::Tensor> noise_inputs(const graph::Graph& graph, std::span<const core::Shape> shapes, uint64_t seed, const InputValues& given) {
  // 512 MB of doubles on the way; what a broken file claims must not bring the machine down.
  constexpr int64_t kMaxElements = int64_t{1} << 26;
  std::vector<core::Tensor> tensors;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const graph::Value& input = graph.value(graph.inputs()[i]);
    if (const auto value = given.find(input.name); value != given.end()) {
      tensors.push_back(Access::tensor(value->second));
      if (tensors.back().dtype() == input.type.dtype) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  "expected " + std::string(core::dtype_name(input.type.dtype)) + ", got " + std::string(core::dtype_name(tensors.back().dtype())),
                  "input " + core::quoted(input.name));
    }
    if (input.type.kind != graph::TypeKind::kTensor || input.type.dtype == core::DType::kString) {
      throw Error(ErrorCode::kUnsupported, "there is no noise for " + graph::type_text(input.type, graph.dims()), "input " + core::quoted(input.name),
                  "give data");
    }
    if (shapes[i].count() > kMaxElements) {
      throw Error(ErrorCode::kUnsupported, "noise of shape " + shapes[i].text() + " would be over " + std::to_string(kMaxElements) + " elements",
                  "input " + core::quoted(input.name), "give data, or a smaller shape");
    }
    const core::RandomStream random(seed, input.name);
    std::vector<double> values(static_cast<size_t>(shapes[i].count()));
    for (uint64_t k = 0; k < values.size(); ++k) {
      values[k] = core::is_float(input.type.dtype) ? static_cast<double>(random.normal(k)) : static_cast<double>(random.bits(k) & 1);
    }
    tensors.push_back(core::from_double(input.type.dtype, shapes[i], values));
  }
  return tensors;
}

}  // namespace omni::api
