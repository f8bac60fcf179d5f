// Data and comparisons that the tests of training share.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "core/rng.h"
#include "runtime/session.h"
#include "train/sample_data.h"

namespace omni::train::test {

// n pictures [1,h,w] in 10 classes: the class's own pattern plus noise.
inline SampleData patterns(int64_t n, int64_t side, float noise, uint64_t seed = 1, const std::string& input = "input") {
  Tensor images(DType::kF32, {n, 1, side, side}), labels(DType::kI64, {n});
  const RandomStream pattern(7, "pattern"), noises(seed, "noise");
  for (int64_t i = 0; i < n; ++i) {
    const int64_t label = static_cast<int64_t>(RandomStream(seed, "label").below(static_cast<uint64_t>(i), 10));
    labels.mutable_values<int64_t>()[static_cast<size_t>(i)] = label;
    for (int64_t k = 0; k < side * side; ++k) {
      images.mutable_values<float>()[static_cast<size_t>(i * side * side + k)] =
          pattern.normal(static_cast<uint64_t>(label * side * side + k)) + noise * noises.normal(static_cast<uint64_t>(i * side * side + k));
    }
  }
  SampleData data;
  data.source = std::make_shared<runtime::TensorSource>(std::vector<std::string>{"images", "labels"}, std::vector<Tensor>{images, labels});
  data.fields = {{input, "images"}};
  data.target = "labels";
  data.classes = 10;
  return data;
}

inline runtime::SessionOptions one_thread() {
  runtime::SessionOptions options;
  options.threads = 1;
  return options;
}

// All constants by name, as bytes.
inline std::string weights_of(const Graph& graph) {
  std::string bytes;
  for (const ValueId id : graph.constants()) {
    const Value& v = graph.value(id);
    bytes += v.name + "\n";
    bytes.append(static_cast<const char*>(v.data.data()), v.data.bytes());
  }
  return bytes;
}

}  // namespace omni::train::test
