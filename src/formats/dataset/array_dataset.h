// A data set of whole arrays: sample i is row i of each.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "formats/dataset/dataset.h"

namespace omni::formats {

class ArrayDataset : public Dataset {
 public:
  // `inputs` have rank >= 1 and one first dimension. `target` undefined (Tensor of shape [0]) where `target_name` is empty; integers become labels
  // i64[rows] or are values, floats values f32, as `kind` says. Throws Error (kInvalidData) where rows or types do not fit.
  ArrayDataset(std::string form, std::vector<std::pair<std::string, Tensor>> inputs, std::string target_name, const Tensor& target, TargetKind kind,
               std::vector<std::string> class_names, const std::string& where);

 protected:
  void read_checked(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool) const override;

 private:
  std::vector<Tensor> arrays_;
};

// Targets as a Dataset has them: i64 class labels >= 0 from integers (kAuto, kLabel), else f32. `classes` becomes the highest label + 1.
Tensor make_targets(const Tensor& given, TargetKind kind, int64_t& classes, const std::string& where);

}  // namespace omni::formats
