// Chart.js (MIT licence, Debian's libjs-chart.js), embedded when the command is built.
#pragma once

#include <string_view>

namespace omni::cli {

std::string_view chart_js();

}  // namespace omni::cli
