// Weights that share values: a table of few values a layer, and for each weight its number in the table (Han et al. 2016, arXiv 1510.00149).
//
// While the network trains, w is Gather(Concat(0, values), numbers), whose gradient at a value is the sum over the weights that share it, as Han's. Zeros stay
// zeros. Afterwards the weights are dense again, with few distinct values, which is what coded packages store (formats/package/coded_tensor.h).
#pragma once

#include <string>
#include <vector>

#include "compress/codebook/cluster.h"
#include "graph/pass.h"
#include "train/training_edit.h"

namespace omni::compress {

using namespace graph;

struct CodebookOptions {
  int64_t bits = 5, convolution_bits = 8;  // a table has 2^bits values, zero among them
  ClusterInit init = ClusterInit::kLinear;
  uint64_t seed = 1;
  std::vector<std::string> keep = {};  // patterns of weights that stay as they are
};

struct Codebook {
  std::string name;
  std::vector<float> values;  // without zero
  Tensor numbers;             // i32, of the weight's shape: 0 for zero, else 1 + the value's
};

// Of every f32 weight of rank 2 and above, with a note for each that is left.
std::vector<Codebook> make_codebooks(const Graph& graph, const CodebookOptions& options, PassContext& context);
// Each weight becomes the value that stands for it.
void apply_codebooks(Graph& graph, const std::vector<Codebook>& codebooks);

// Trains the values instead of the weights.
train::TrainingEdit codebook_training(const std::vector<Codebook>& codebooks);
// Of a trained graph whose states are constants again: the weights are dense once more.
void finish_codebooks(Graph& graph, const std::vector<Codebook>& codebooks);

}  // namespace omni::compress
