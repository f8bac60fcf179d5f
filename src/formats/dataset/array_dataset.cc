#include "formats/dataset/array_dataset.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace omni::formats {

namespace {

Shape without_first(const Shape& shape) { return Shape(shape.dims().subspan(1)); }

// [N, 1] is what many tools write for N labels.
Shape target_shape(const Shape& shape) { return shape.rank() == 2 && shape[1] == 1 ? Shape{shape[0]} : shape; }

}  // namespace

Tensor make_targets(const Tensor& given, TargetKind kind, int64_t& classes, const std::string& where) {
  classes = 0;
  const Shape shape = target_shape(given.shape());
  if (given.dtype() == DType::kString || given.dtype() == DType::kBool) {
    throw Error(ErrorCode::kUnsupported, "targets of type " + std::string(dtype_name(given.dtype())), where, "save class numbers");
  }
  // Several bytes a sample are more likely values (a picture, a row of flags) than a class at each of its positions.
  const bool wide = given.dtype() == DType::kI32 || given.dtype() == DType::kI64;
  const bool labels = kind == TargetKind::kLabel || (kind == TargetKind::kAuto && is_integer(given.dtype()) && (shape.rank() == 1 || wide));
  if (!labels) return from_double(DType::kF32, shape, to_double(given));
  if (!is_integer(given.dtype())) {
    throw Error(ErrorCode::kInvalidData, "class labels of type " + std::string(dtype_name(given.dtype())), where, "save them as integers");
  }
  Tensor out(DType::kI64, shape);
  const std::vector<int64_t> values = to_int64(given);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= (int64_t{1} << 31)) {
      throw Error(ErrorCode::kInvalidData, "label " + std::to_string(values[i]) + " of sample " + std::to_string(i), where, "class labels count from 0");
    }
    out.mutable_values<int64_t>()[i] = values[i];
    classes = std::max(classes, values[i] + 1);
  }
  return out;
}

ArrayDataset::ArrayDataset(std::string form, std::vector<std::pair<std::string, Tensor>> inputs, std::string target_name, const Tensor& target,
                           TargetKind kind, std::vector<std::string> class_names, const std::string& where) {
  form_ = std::move(form);
  class_names_ = std::move(class_names);
  for (auto& [name, tensor] : inputs) {
    if (tensor.shape().rank() == 0) throw Error(ErrorCode::kInvalidData, "array " + quoted(name) + " is a scalar, not one row a sample", where);
    if (tensor.dtype() == DType::kString) throw Error(ErrorCode::kUnsupported, "array " + quoted(name) + " holds strings", where);
    fields_.push_back({name, tensor.dtype(), without_first(tensor.shape()), false});
    arrays_.push_back(std::move(tensor));
  }
  if (arrays_.empty()) throw Error(ErrorCode::kInvalidData, "there are no arrays", where);
  size_ = arrays_[0].shape()[0];
  if (!target_name.empty()) {
    if (target.shape().rank() == 0) throw Error(ErrorCode::kInvalidData, "target " + quoted(target_name) + " is a scalar, not one a sample", where);
    Tensor targets = make_targets(target, kind, classes_, where + ", " + quoted(target_name));
    classes_ = std::max(classes_, static_cast<int64_t>(class_names_.size()));
    fields_.push_back({std::move(target_name), targets.dtype(), without_first(targets.shape()), true});
    arrays_.push_back(std::move(targets));
  }
  for (size_t i = 0; i < arrays_.size(); ++i) {
    if (arrays_[i].shape()[0] == size_) continue;
    throw Error(ErrorCode::kInvalidData,
                std::to_string(arrays_[i].shape()[0]) + " rows of " + quoted(fields_[i].name) + ", but " + std::to_string(size_) + " of " + quoted(fields_[0].name),
                where, "save one row a sample in every array");
  }
}

void ArrayDataset::read_checked(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool*) const {
  for (size_t f = 0; f < arrays_.size(); ++f) {
    const size_t row = packed_bytes(fields_[f].dtype, static_cast<size_t>(fields_[f].shape.count()));
    if (row == 0) continue;
    const std::byte* from = static_cast<const std::byte*>(arrays_[f].data());
    std::byte* to = static_cast<std::byte*>(out[f].data);
    for (const int64_t index : indices) {
      std::memcpy(to, from + static_cast<size_t>(index) * row, row);
      to += row;
    }
  }
}

}  // namespace omni::formats
