// The header of an NPY file: a Python dictionary with descr, fortran_order and shape.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace omni::formats {

struct NpyHeader {
  char order = '|';   // '<', '>', '|' or '='
  char kind = 0;      // 'f', 'i', 'u', 'b', 'S', 'U'
  size_t size = 0;    // what stands behind the kind: bytes, or characters for 'U'
  bool fortran = false;
  core::Shape shape;
};

// Throws Error: kInvalidData, or kUnsupported for a type that is no tensor's.
NpyHeader parse_npy_header(std::string_view text, const std::string& where);

}  // namespace omni::formats
