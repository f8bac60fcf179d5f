// CSV (RFC 4180): rows of numbers, one column of which may be the target.
//
// Commas; fields may be quoted; LF or CRLF; a UTF-8 mark at the start and empty lines are skipped. A first line with anything but numbers outside
// the target column is a header. Targets are class labels (integers >= 0, or words, which are numbered in alphabetical order) or f32 values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "formats/dataset/dataset.h"

namespace omni::formats {

struct CsvTable {
  std::vector<std::string> columns;      // of the features; "column 1", … without a header
  std::string target_name;               // empty: no target
  Tensor features;                       // f32 [rows, columns]
  Tensor target;                         // i64 or f32 [rows]
  std::vector<std::string> class_names;  // where labels were words
};

// `label`: the target column's name or number (from 1), "" for the last one, "none" for none. Throws Error (kInvalidData, kInvalidArgument) with
// line and column.
CsvTable parse_csv(std::string_view text, std::string_view label, TargetKind kind, const std::string& where);

}  // namespace omni::formats
