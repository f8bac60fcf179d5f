// What a candidate is a function of: recipe, model, data, seed, version, instruction set. Its key names it in journals and in searches.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "train/sample_data.h"

namespace omni::compress {

using namespace graph;

struct IdentityPart {
  std::string name;   // as a message says it: "recipe"
  std::string value;  // its text, or a hash
};

// A hash of size, fields and up to 256 samples spread over the whole. Throws what reading samples throws.
std::string data_identity(const train::SampleData& data);
// A hash of structure, names and every byte of the weights, whatever file they came from.
std::string model_identity(const Graph& graph);
std::string identity_key(std::span<const IdentityPart> parts);

}  // namespace omni::compress
