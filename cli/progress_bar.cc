#include "progress_bar.h"

#include <algorithm>
#include <cmath>

#include "quantity.h"

namespace omni::cli {

namespace {

constexpr double kSilence = 2.0;        // shorter work needs no bar
constexpr double kBarInterval = 0.1;    // seconds between two drawings
constexpr double kPlainInterval = 5.0;  // logs stay short

std::string time_left(double fraction, double elapsed) {
  if (fraction < 0.005) return {};
  const double left = elapsed * (1 - fraction) / fraction;
  return left < 1 ? "" : seconds_text(std::ceil(left)) + " left";
}

}  // namespace

ProgressBar::ProgressBar(Terminal& terminal, std::string label, ProgressStyle style) : terminal_(terminal), label_(std::move(label)), style_(style) {}

void ProgressBar::update(double fraction, std::string_view text) {
  if (style_ == ProgressStyle::kNone) return;
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  const double interval = style_ == ProgressStyle::kAuto ? kBarInterval : kPlainInterval;
  if (elapsed < kSilence || (last_drawn_ >= 0 && elapsed - last_drawn_ < interval)) return;
  last_drawn_ = elapsed;
  draw(std::clamp(fraction, 0.0, 1.0), text, elapsed);
}

void ProgressBar::draw(double fraction, std::string_view text, double elapsed) {
  const std::string percent = std::to_string(static_cast<int>(fraction * 100)) + "%";
  const std::string left = time_left(fraction, elapsed);
  std::string tail = percent;
  if (!text.empty()) tail += "  " + std::string(text);
  if (!left.empty()) tail += "  " + left;
  if (style_ == ProgressStyle::kPlain) {
    terminal_.err << label_ << ": " << tail << "\n" << std::flush;
    return;
  }
  constexpr int kCells = 24;
  const int full = static_cast<int>(fraction * kCells);
  std::string line = label_ + " [" + std::string(static_cast<size_t>(full), '#') + std::string(static_cast<size_t>(kCells - full), ' ') + "] " + tail;
  const auto width = static_cast<size_t>(std::max(20, terminal_.width - 1));
  if (line.size() > width) line.resize(width);
  terminal_.err << "\r\x1b[K" << line << std::flush;
  visible_ = true;
}

void ProgressBar::clear() {
  if (visible_) terminal_.err << "\r\x1b[K" << std::flush;
  visible_ = false;
}

}  // namespace omni::cli
