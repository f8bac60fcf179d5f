#include <numeric>

#include "api/access.h"

namespace omni {

Dataset Dataset::open(std::string_view name, const DatasetOptions& options) {
  formats::DatasetOptions inner;
  inner.preprocess = api::to_core(options.preprocess);
  inner.label = options.label;
  inner.target = options.values ? formats::TargetKind::kValue : formats::TargetKind::kAuto;
  inner.default_part = options.default_part;
  return Access::data(formats::open_dataset(name, inner));
}

int64_t Dataset::size() const { return impl_->data->size(); }
std::string Dataset::description() const { return impl_->data->description(); }
int64_t Dataset::classes() const { return impl_->data->classes(); }
std::vector<std::string> Dataset::class_names() const { return impl_->data->class_names(); }

std::vector<Tensor> Dataset::read(int64_t first, int64_t count) const {
  if (first < 0 || count < 0 || first > size() || count > size() - first) {
    throw Error(ErrorCode::kInvalidArgument,
                "samples " + std::to_string(first) + " to " + std::to_string(first) + " + " + std::to_string(count) + " are not within " +
                    std::to_string(size()),
                "Dataset::read");
  }
  std::vector<int64_t> indices(static_cast<size_t>(count));
  std::iota(indices.begin(), indices.end(), first);
  std::vector<Tensor> tensors;
  for (core::Tensor& tensor : impl_->data->read(indices)) tensors.push_back(Access::tensor(std::move(tensor)));
  return tensors;
}

Dataset Dataset::part(int64_t first, int64_t last) const { return Access::data(formats::subset(impl_->data, first, last)); }

}  // namespace omni
