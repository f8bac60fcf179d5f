// ONNX models from memory. What imports is verified, printed and written again; only Errors may come out, and none that says a bug is ours.
#include <cstdlib>
#include <span>

#include "core/error.h"
#include "formats/onnx/export.h"
#include "formats/onnx/import.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  (void)omni::formats::is_onnx(bytes);
  try {
    const omni::graph::Graph graph = omni::formats::import_onnx(bytes);
    verify(graph);
    (void)print(graph);
    (void)omni::formats::export_onnx(graph);
  } catch (const omni::Error& error) {
    if (error.code() == omni::ErrorCode::kInternal) std::abort();
  }
  return 0;
}
