// ONNX Runtime as an Engine: its shared library is opened when it is asked for, nothing of it is needed to build.
#pragma once

#include <memory>
#include <string>

#include "runtime/engine.h"

namespace omni::backends {

using namespace core;

struct OnnxRuntimeOptions {
  std::string library;  // path of libonnxruntime.so; "": OMNI_ONNXRUNTIME, else the system's search path
  int threads = 1;      // within an operator; operators run one after the other
};

// An ONNX model: a file (which may have external data), or where there is none its bytes.
struct OnnxModel {
  std::string path, bytes;
};

// Inputs and kept outputs are handed over without copies. One thread at a time.
// Throws Error: kMachine (no such library, one we cannot speak to), kUnsupported (ONNX Runtime refuses the model: its words are quoted).
std::unique_ptr<runtime::Engine> make_onnxruntime_engine(const OnnxModel& model, const OnnxRuntimeOptions& options);

}  // namespace omni::backends
