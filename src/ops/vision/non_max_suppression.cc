// NonMaxSuppression (ai.onnx): boxes by falling score, each kept unless it covers a kept one of its class too much: i64 [n, 3] of batch, class, box;
// n is known only after it ran.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {
    {"boxes"}, {"scores"}, {"max_output_boxes_per_class", kOptional}, {"iou_threshold", kOptional}, {"score_threshold", kOptional}};
constexpr Formal kOutputs[] = {{"selected_indices"}};
constexpr AttributeDef kAttributes[] = {{"center_point_box", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{11}, {10}};

void infer(InferContext& c) {
  const Type &boxes = c.input(0), &scores = c.input(1);
  for (const int i : {0, 1, 3, 4}) {
    if (c.has_input(i) && c.input(i).dtype != DType::kF32) c.fail("boxes, scores and thresholds are f32");
  }
  if (c.has_input(2) && c.input(2).dtype != DType::kI64) c.fail("max_output_boxes_per_class is i64");
  if (boxes.ranked && (boxes.rank() != 3 || (boxes.dim(2).is_constant() && boxes.dim(2).value != 4))) c.fail("boxes are [batch, boxes, 4]");
  if (scores.ranked && scores.rank() != 3) c.fail("scores are [batch, classes, boxes]");
  c.set(0, Type(DType::kI64, std::vector<Dim>{c.dims.fresh(), 3}));
}

struct Box {
  float y0, x0, y1, x1;

  float area() const { return (y1 - y0) * (x1 - x0); }
};

Box box_at(const float* p, bool centred) {
  if (centred) return {p[1] - p[3] / 2, p[0] - p[2] / 2, p[1] + p[3] / 2, p[0] + p[2] / 2};
  return {std::min(p[0], p[2]), std::min(p[1], p[3]), std::max(p[0], p[2]), std::max(p[1], p[3])};
}

// Intersection over union above the threshold; boxes without area cover nothing.
bool covers(const Box& a, const Box& b, float threshold) {
  const float height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0), width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0);
  if (!(height > 0) || !(width > 0)) return false;
  const float shared = height * width, together = a.area() + b.area() - shared;
  if (a.area() <= 0 || b.area() <= 0 || together <= 0) return false;
  return shared / together > threshold;
}

template <class T>
T number_of(std::span<const Tensor> inputs, size_t i, T fallback) {
  return i < inputs.size() && inputs[i].count() > 0 ? inputs[i].values<T>()[0] : fallback;
}

std::vector<Tensor> produce(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot& status) {
  const Shape &b = inputs[0].shape(), &s = inputs[1].shape();
  if (b.rank() != 3 || s.rank() != 3 || b[2] != 4 || b[0] != s[0] || b[1] != s[2]) {
    status.fail(0, "boxes and scores do not fit");
    return {};
  }
  const auto given = [&](size_t i) { return i < n.inputs.size() && n.has_input(static_cast<int>(i)); };
  const int64_t limit = given(2) ? number_of<int64_t>(inputs, 2, 0) : 0;
  const float iou = given(3) ? number_of<float>(inputs, 3, 0) : 0;
  const bool has_least = given(4) && inputs[4].count() > 0;
  const float least = has_least ? inputs[4].values<float>()[0] : 0;
  const bool centred = n.attributes.get_int("center_point_box", 0) != 0;
  std::vector<int64_t> found, order;
  std::vector<Box> kept;
  for (int64_t batch = 0; batch < s[0]; ++batch) {
    const float* const boxes = inputs[0].values<float>().data() + batch * b[1] * 4;
    for (int64_t c = 0; c < s[1] && limit > 0; ++c) {
      const float* const scores = inputs[1].values<float>().data() + (batch * s[1] + c) * s[2];
      order.clear();
      kept.clear();
      for (int64_t i = 0; i < s[2]; ++i) {
        if (!std::isnan(scores[i]) && (!has_least || scores[i] > least)) order.push_back(i);
      }
      std::stable_sort(order.begin(), order.end(), [&](int64_t u, int64_t v) { return scores[u] > scores[v]; });
      for (const int64_t i : order) {
        if (static_cast<int64_t>(kept.size()) >= limit) break;
        const Box box = box_at(boxes + i * 4, centred);
        if (std::any_of(kept.begin(), kept.end(), [&](const Box& k) { return covers(box, k, iou); })) continue;
        kept.push_back(box);
        found.insert(found.end(), {batch, c, i});
      }
    }
  }
  std::vector<Tensor> out;
  out.push_back(Tensor::of<int64_t>(Shape{static_cast<int64_t>(found.size() / 3), 3}, std::span<const int64_t>(found)));
  return out;
}

}  // namespace

constinit const OpDef kNonMaxSuppression = {.name = "NonMaxSuppression",
                                            .inputs = kInputs,
                                            .outputs = kOutputs,
                                            .attributes = kAttributes,
                                            .versions = kVersions,
                                            .traits = kDataDependent,
                                            .infer = infer,
                                            .produce = produce};

}  // namespace omni::ops
