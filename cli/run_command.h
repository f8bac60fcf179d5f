// One command from its words to its exit code, in this process: what main(), the tests and the fuzz targets call.
#pragma once

#include <span>
#include <string>

#include "output.h"

namespace omni::cli {

// `words` without the program's name. Never throws. 0 done, 1 done and the answer is no, 2 wrong use or bad input, 3 the machine lacks something
// (or a bug of ours, which says so), 130 interrupted.
int run_command(std::span<const std::string> words, Terminal& terminal);

}  // namespace omni::cli
