// Samples of a data set as the inputs of a model, batch by batch.
#pragma once

#include <vector>

#include "api/access.h"

namespace omni::api {

class BatchFeed {
 public:
  // Throws Error (kInvalidArgument) where model and data do not fit. The batch is the model's where that is fixed.
  BatchFeed(const graph::Graph& graph, std::shared_ptr<const formats::Dataset> data, int64_t batch);

  int64_t batch() const { return batch_; }
  // Samples [first, first + count) in the order of the graph's inputs; a batch that is not full repeats its last sample.
  std::vector<core::Tensor> inputs(int64_t first, int64_t count, core::ThreadPool* pool) const;

 private:
  train::SampleData data_;
  std::vector<size_t> field_of_;
  int64_t batch_;
};

}  // namespace omni::api
