// How far a long call is, on stderr: a bar with the time left on a terminal, plain lines elsewhere. Silent for the first two seconds.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "output.h"

namespace omni::cli {

class ProgressBar {
 public:
  ProgressBar(Terminal& terminal, std::string label, ProgressStyle style);
  void update(double fraction, std::string_view text);
  // Wipes the bar; later updates draw it again.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(double fraction, std::string_view text, double elapsed);

  Terminal& terminal_;
  std::string label_;
  ProgressStyle style_;
  Clock::time_point start_ = Clock::now();
  double last_drawn_ = -1;  // seconds since the start
  bool visible_ = false;
};

}  // namespace omni::cli
