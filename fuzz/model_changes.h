// Well-formed ONNX messages that are wrong: other operators, attributes, shapes, types, connections. Random bytes hardly ever are that.
#pragma once

#include <cstdint>

#include "core/rng.h"
#include "proto/onnx.pb.h"

namespace omni::fuzz {

// Draws one number after the other.
class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed, "onnx mutation") {}
  // n > 0.
  uint64_t below(uint64_t n) { return random_.below(at_++, n); }
  template <class List>
  auto& of(List& list) {
    return *list.Mutable(static_cast<int>(below(static_cast<uint64_t>(list.size()))));
  }

 private:
  core::RandomStream random_;
  uint64_t at_ = 0;
};

// One to three edits.
void change(onnx::ModelProto& model, Draw& draw);

}  // namespace omni::fuzz
