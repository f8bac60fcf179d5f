// How long a planned network takes on a device, with an interval.
//
// With a probe's kernels in the profile: a roofline (operations over the peak, bytes over the bandwidth of where they come from, the cost of a node)
// says how times grow with size, and the ratio of measured to roofline, taken from the nearest samples of the same kind of kernel, says how far kernels
// of that shape are from it. Weights come from the cache that holds what a whole run reads and writes, else from main memory. Each sample is also
// predicted from the others; how far that is off is what the interval is made of. Without them: the roofline with the share of the peak that the
// profile's figures, or else those of its kind, suggest; such predictions are off by up to 2.5 times.
#pragma once

#include <string>
#include <vector>

#include "device/profile.h"
#include "device/workload.h"

namespace omni::device {

struct OperatorTime {
  std::string op;
  int64_t nodes = 0;
  double seconds = 0;
};

struct LatencyPrediction {
  double mean = 0, p50 = 0, p95 = 0, p99 = 0;  // seconds
  double low = 0, high = 0;                    // 90 % interval of the mean
  double joules = 0;                           // of a run; 0 where the profile does not tell
  bool probed = false;                         // from kernels measured on the device
  int threads = 1;
  std::vector<OperatorTime> operators;  // what p50 is made of, the longest first
};

// `threads` 0: all cores.
LatencyPrediction predict_latency(const Workload& work, const Profile& profile, int threads = 0);

// Of a profile with kernels: the standard deviation of log(predicted / measured) of samples that are predicted from the others, with that number of
// threads.
double fit_deviation(const Profile& profile, int threads);

}  // namespace omni::device
