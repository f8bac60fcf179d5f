// How much a kernel does and of what kind it is: what its time is predicted from.
//
// The kind says which code runs, as far as it changes the speed: a depthwise convolution and a dense one are both Conv. Operators that run the same
// code for the same work share a kind: Gemm, MatMul and their fused forms.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "runtime/profiler.h"

namespace omni::device {

using namespace graph;

struct KernelWork {
  std::string kind;      // "product", "windows", "depthwise", else the operator's name
  bool integer = false;  // 8-bit arithmetic
  double operations = 0, bytes = 0;
  double elements = 0;  // of the first output
  double columns = 0;   // of the first output: channels of a convolution, else the last size
  double weights = 0;   // bytes of constants that it reads
  double passing = 0;   // bytes of all constants of the run and of its largest step: what passes through the caches before weights are read again
  bool operator==(const KernelWork&) const = default;
};

// The numbers by name, as profiles store them.
inline constexpr std::pair<std::string_view, double KernelWork::*> kWorkKeys[] = {
    {"operations", &KernelWork::operations}, {"bytes", &KernelWork::bytes},     {"elements", &KernelWork::elements},
    {"columns", &KernelWork::columns},       {"weights", &KernelWork::weights}, {"passing", &KernelWork::passing}};

// `graph`: the one that the session runs which the steps are of.
std::vector<KernelWork> kernel_works(const std::vector<runtime::StepProfile>& steps, const Graph& graph);

}  // namespace omni::device
