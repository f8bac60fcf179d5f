// From a histogram to the range that is quantized, and from a range to scale and zero point.
#pragma once

#include <cstdint>
#include <string_view>

#include "compress/quantize/histogram.h"

namespace omni::compress {

enum class Observer : uint8_t { kMinMax, kPercentile, kEntropy, kMse, kAuto };

std::string_view observer_name(Observer observer);

struct Range {
  double lo = 0, hi = 0;
};

// The range an observer picks. kPercentile leaves out (100 - percentile) % of the values, half at each end; kEntropy minimizes the Kullback-Leibler
// divergence of the 8-bit distribution (the calibration of TensorRT: Migacz, GTC 2017) among the ranges whose expected squared error is not above that of the
// extremes (it does not see how far off clipped values are); kMse the expected squared error of clipping and rounding. kAuto is a choice by a network's
// outputs (static_choice.h), and kMse for a tensor alone.
Range observe(const Histogram& histogram, Observer observer, double percentile = 99.99);

struct QuantParams {
  float scale = 1;
  int32_t zero_point = 0;
};

// u8, asymmetric: 0 is always representable exactly (padding, ReLU). A range of width 0 gets scale 1.
QuantParams to_u8(Range range);

// Expected squared error of quantizing the histogram's values to 8 bits over that range, and the signal-to-noise ratio in dB.
double squared_error(const Histogram& histogram, Range range);
double signal_to_noise_db(const Histogram& histogram, Range range);

}  // namespace omni::compress
