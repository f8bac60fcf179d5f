// What the classifiers and regressors of ai.onnx.ml do with their scores.
#pragma once

#include "ops/contrib/expansion.h"

namespace omni::ops {

// The named transform of scores [N, E]: NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO, PROBIT.
ValueId post_transform(const Parts& p, ValueId scores, std::string_view name);

// The names of the classes: integers or strings, in the attributes of these names. Throws unless exactly one of them is there.
struct ClassLabels {
  std::vector<int64_t> integers;
  std::vector<std::string> strings;

  int64_t count() const { return static_cast<int64_t>(integers.empty() ? strings.size() : integers.size()); }
};
ClassLabels class_labels(const Parts& p, std::string_view integers, std::string_view strings);

// The label of each index: i64 or strings [N].
ValueId label_of(const Parts& p, ValueId index, const ClassLabels& labels);

// A list of floats as a constant f32 of that shape, which must be as many.
ValueId floats(const Parts& p, const std::vector<float>& values, std::vector<int64_t> shape);

// Features [N, C], or [C] for one row, as f32 or f64 [N, C].
ValueId rows_of(const Parts& p, ValueId x, bool keep_f64 = false);

}  // namespace omni::ops
