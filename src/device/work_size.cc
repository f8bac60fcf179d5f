#include "device/work_size.h"

#include <charconv>

namespace omni::device {

// StepProfile::shapes is "f32[1,20,24,24]".
WorkSize work_size(const runtime::StepProfile& step) {
  WorkSize size{static_cast<double>(step.operations), static_cast<double>(step.bytes), 1};
  const std::string& text = step.shapes;
  const size_t open = text.find('[');
  if (open == std::string::npos) return size;
  for (const char* at = text.data() + open + 1; at < text.data() + text.size();) {
    int64_t dim = 1;
    const auto [end, error] = std::from_chars(at, text.data() + text.size(), dim);
    if (error != std::errc{}) break;
    size.elements *= static_cast<double>(dim);
    at = end + 1;
  }
  return size;
}

}  // namespace omni::device
