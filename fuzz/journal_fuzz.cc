// Lines of a recipe's journal. What is accepted is written and read back as the same.
#include <cstdlib>

#include "compress/recipe/journal.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace omni::compress;
  const auto record = parse_record({reinterpret_cast<const char*>(data), size});
  if (!record) return 0;
  const std::string line = record_line(*record);  // compared as text: not a number is not equal to itself
  const auto again = parse_record(line);
  if (!again || record_line(*again) != line) std::abort();
  return 0;
}
