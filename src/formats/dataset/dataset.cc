#include "formats/dataset/dataset.h"

#include <algorithm>

#include "core/error.h"

namespace omni::formats {

namespace {

Shape batch_shape(int64_t n, const Shape& sample) {
  std::vector<int64_t> dims = {n};
  dims.insert(dims.end(), sample.begin(), sample.end());
  return Shape(dims);
}

std::string type_of(DType dtype, const Shape& shape) { return std::string(dtype_name(dtype)) + shape.text(); }

}  // namespace

std::optional<size_t> Dataset::target() const {
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].target) return i;
  }
  return std::nullopt;
}

std::string Dataset::description() const {
  std::string text = form_ + ", " + std::to_string(size_) + (size_ == 1 ? " sample: " : " samples: ");
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (i > 0) text += ", ";
    text += fields_[i].name + " " + type_of(fields_[i].dtype, fields_[i].shape);
    if (fields_[i].target && classes_ > 0) text += " (" + std::to_string(classes_) + " classes)";
  }
  return text;
}

void Dataset::read(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool) const {
  if (out.size() != fields_.size()) {
    throw Error(ErrorCode::kInvalidArgument, std::to_string(out.size()) + " tensors for " + std::to_string(fields_.size()) + " fields of a data set");
  }
  for (size_t i = 0; i < out.size(); ++i) {
    const Shape expected = batch_shape(static_cast<int64_t>(indices.size()), fields_[i].shape);
    if (out[i].dtype != fields_[i].dtype || out[i].shape != expected) {
      throw Error(ErrorCode::kInvalidArgument, "expected " + type_of(fields_[i].dtype, expected) + ", found " + type_of(out[i].dtype, out[i].shape),
                  "field " + quoted(fields_[i].name));
    }
  }
  for (const int64_t index : indices) {
    if (index < 0 || index >= size_) {
      throw Error(ErrorCode::kInvalidArgument, "there is no sample " + std::to_string(index) + " (there are " + std::to_string(size_) + ")");
    }
  }
  read_checked(indices, out, pool);
}

std::vector<Tensor> Dataset::read(std::span<const int64_t> indices, ThreadPool* pool) const {
  std::vector<Tensor> tensors;
  std::vector<TensorView> views;
  for (const Field& field : fields_) tensors.emplace_back(field.dtype, batch_shape(static_cast<int64_t>(indices.size()), field.shape));
  for (Tensor& tensor : tensors) views.push_back(tensor.mutable_view());
  read(indices, views, pool);
  return tensors;
}

class Subset : public Dataset {
 public:
  Subset(std::shared_ptr<const Dataset> whole, int64_t first, int64_t last) : whole_(std::move(whole)), first_(first) {
    form_ = whole_->form_;
    size_ = last - first;
    fields_ = whole_->fields_;
    classes_ = whole_->classes_;
    class_names_ = whole_->class_names_;
    pictures_ = whole_->pictures_;
  }

 private:
  void read_checked(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool) const override {
    std::vector<int64_t> shifted(indices.begin(), indices.end());
    for (int64_t& index : shifted) index += first_;
    whole_->read_checked(shifted, out, pool);
  }

  std::shared_ptr<const Dataset> whole_;
  int64_t first_;
};

std::shared_ptr<const Dataset> subset(std::shared_ptr<const Dataset> whole, int64_t first, int64_t last) {
  if (first < 0 || last < first || last > whole->size()) {
    throw Error(ErrorCode::kInvalidArgument, "there are no samples " + std::to_string(first) + ":" + std::to_string(last) + " (there are " +
                                                 std::to_string(whole->size()) + ")");
  }
  return std::make_shared<Subset>(std::move(whole), first, last);
}

}  // namespace omni::formats
