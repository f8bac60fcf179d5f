// What the targets on ONNX models share: the verdict, and a mutator that keeps messages well-formed three times of four.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "fuzz/model_changes.h"
#include "fuzz/model_checks.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size) __attribute__((weak));

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  omni::onnx::ModelProto model;
  if (seed % 4 != 0 && model.ParseFromArray(data, static_cast<int>(size))) {
    omni::fuzz::Draw draw(seed);
    omni::fuzz::change(model, draw);
    const size_t bytes = model.ByteSizeLong();
    if (bytes <= max_size && model.SerializeToArray(data, static_cast<int>(bytes))) return bytes;
  }
  return LLVMFuzzerMutate != nullptr ? LLVMFuzzerMutate(data, size, max_size) : size;
}

namespace omni::fuzz {

inline int target(Outcome (*check)(std::span<const std::byte>), const uint8_t* data, size_t size) {
  const Outcome outcome = check({reinterpret_cast<const std::byte*>(data), size});
  if (!outcome.ours) return 0;
  std::fprintf(stderr, "an internal error: %s\n", outcome.error.c_str());
  std::abort();
}

}  // namespace omni::fuzz
