#include "api/batch_feed.h"

#include <algorithm>

namespace omni::api {

BatchFeed::BatchFeed(const graph::Graph& graph, std::shared_ptr<const formats::Dataset> data, int64_t batch)
    : data_(train::match_data(graph, std::move(data))), batch_(batch) {
  if (batch < 1) throw Error(ErrorCode::kInvalidArgument, "expected 1 or more", "batch");
  for (const graph::ValueId id : graph.inputs()) {
    const graph::Value& input = graph.value(id);
    const std::string& field = data_.fields.at(input.name);
    const auto fields = data_.source->fields();
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const runtime::SampleField& f) { return f.name == field; });
    field_of_.push_back(static_cast<size_t>(found - fields.begin()));
    if (input.type.ranked && input.type.rank() > 0 && input.type.dim(0).is_constant()) batch_ = std::max<int64_t>(input.type.dim(0).value, 1);
  }
}

std::vector<core::Tensor> BatchFeed::inputs(int64_t first, int64_t count, core::ThreadPool* pool) const {
  std::vector<int64_t> indices(static_cast<size_t>(batch_));
  for (int64_t i = 0; i < batch_; ++i) indices[static_cast<size_t>(i)] = first + std::min(i, count - 1);
  std::vector<core::Tensor> tensors;
  std::vector<core::TensorView> views;
  for (const runtime::SampleField& field : data_.source->fields()) {
    std::vector<int64_t> dims = {batch_};
    dims.insert(dims.end(), field.shape.begin(), field.shape.end());
    tensors.emplace_back(field.dtype, core::Shape(dims));
  }
  for (core::Tensor& tensor : tensors) views.push_back(tensor.mutable_view());
  data_.source->read(indices, views, pool);
  std::vector<core::Tensor> inputs;
  for (const size_t field : field_of_) inputs.push_back(tensors[field]);
  return inputs;
}

}  // namespace omni::api
