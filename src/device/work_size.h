// How much a kernel does: what its time is predicted from.
#pragma once

#include "runtime/profiler.h"

namespace omni::device {

struct WorkSize {
  double operations = 0, bytes = 0;
  double elements = 0;  // of the first output
};

WorkSize work_size(const runtime::StepProfile& step);

}  // namespace omni::device
