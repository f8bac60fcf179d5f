// A data set matched with a model: which field feeds which input, and what is the target.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "formats/dataset/dataset.h"
#include "graph/graph.h"
#include "runtime/loop/batches.h"

namespace omni::train {

using namespace graph;

struct SampleData {
  std::shared_ptr<const runtime::SampleSource> source;
  std::map<std::string, std::string, std::less<>> fields;  // the model's input → the field that feeds it, for every input
  std::string target;   // the field of the targets; "" if there is none
  int64_t classes = 0;  // of labels, as far as known

  const runtime::SampleField* target_field() const;
};

// What a model's input takes: -1 for a dimension that may vary.
struct InputShape {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;
};
std::vector<InputShape> input_shapes(const Graph& model);

// One input of the model and one field of the set belong together whatever their names, more than one by name. Samples get the input's shape without
// its first dimension where that has as many elements ([1,28,28] for 784). Throws Error (kInvalidArgument) where they do not fit.
SampleData match_data(const std::vector<InputShape>& inputs, std::shared_ptr<const formats::Dataset> dataset);
SampleData match_data(const Graph& model, std::shared_ptr<const formats::Dataset> dataset);

// The samples of `whole` at `indices`, in that order. `whole` stays shared.
class SubsetSource : public runtime::SampleSource {
 public:
  SubsetSource(std::shared_ptr<const runtime::SampleSource> whole, std::vector<int64_t> indices) : whole_(std::move(whole)), indices_(std::move(indices)) {}
  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  std::span<const runtime::SampleField> fields() const override { return whole_->fields(); }
  void read(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool) const override;

 private:
  std::shared_ptr<const runtime::SampleSource> whole_;
  std::vector<int64_t> indices_;
};

// Samples that training sees, and those that it does not: chosen by the seed, each part in the order of the whole.
// The samples of these numbers, one tensor a field with a sample along its first axis.
std::vector<Tensor> read_samples(const runtime::SampleSource& source, std::span<const int64_t> indices);

struct HeldOut {
  std::shared_ptr<const runtime::SampleSource> rest, held;
};
// `share` of all samples is held out. Throws Error (kInvalidArgument) where that leaves nothing on one side.
HeldOut hold_out(std::shared_ptr<const runtime::SampleSource> whole, double share, uint64_t seed);

}  // namespace omni::train
