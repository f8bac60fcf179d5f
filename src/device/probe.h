// This machine, measured: peaks, bandwidths, kernels of every kind at several sizes, types and numbers of threads, and how much runs differ.
//
// Kernels are timed as sessions run them, in small networks (probe_networks.h) that take turns, so that a busy moment does not fall on one kernel
// alone.
#pragma once

#include "core/progress.h"
#include "device/profile.h"

namespace omni::device {

struct ProbeOptions {
  double seconds = 17;  // the whole; each network is visited once at least
  Isa isa = detect_isa();
  Progress progress = {};
};

// A profile of the name "this". Throws Error (kInterrupted).
Profile probe_host(const ProbeOptions& options = {});

}  // namespace omni::device
