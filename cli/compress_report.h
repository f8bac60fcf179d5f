// What `omni compress` answers: as text and JSON, and as a page.
#pragma once

#include <string>

#include "command.h"
#include "omni/omni.h"
#include "output.h"

namespace omni::cli {

struct CompressAnswer {
  std::string from, to;
  int64_t before = 0, after = 0;  // bytes of the files; after 0: none was written
  bool layers = false;            // list every layer
  bool steps = false;             // list every step
};

void print_answer(Output& output, const RecipeReport& report, const CompressAnswer& answer);

// report.html, report.json and manifest.json in the directory that --report names; replaces those that are there. Call it after print_answer, whose
// result is what report.json holds.
void save_report(const Arguments& arguments, Output& output, const RecipeReport& report, const CompressAnswer& answer);

}  // namespace omni::cli
