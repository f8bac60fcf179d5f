#include "train/grad_list.h"

namespace omni::train {

namespace {

constexpr const graph::GradDef* kAll[] = {
    nullptr,
#define OMNI_GRAD(id) &ops::id,
#include "train/grad_list.inc"
#undef OMNI_GRAD
};

}  // namespace

const graph::GradDef* find_gradient(const graph::OpDef& op) {
  for (const graph::GradDef* each : kAll) {
    if (each != nullptr && each->op == &op) return each;
  }
  return nullptr;
}

}  // namespace omni::train
