// The part of ONNX Runtime's C API that we call, declared by ourselves: a table of functions in an order that its versions only add to.
// Source: onnxruntime_c_api.h (MIT licence); version 1 of the table has all of these, so every released library serves.
#pragma once

#include <cstddef>
#include <cstdint>

namespace omni::backends {

struct OrtStatus;
struct OrtEnv;
struct OrtSessionOptions;
struct OrtSession;
struct OrtAllocator;
struct OrtTypeInfo;
struct OrtTensorInfo;
struct OrtMemoryInfo;
struct OrtValue;
struct OrtRunOptions;

// What OrtGetApiBase(), the library's one exported function, gives.
struct OrtApiBase {
  const void* const* (*get_api)(uint32_t version);
  const char* (*version_string)();
};
inline constexpr uint32_t kOrtApiVersion = 1;

// Position in the table, and the type of the function there. Functions that can fail return a status, nullptr for success.
template <size_t Index, class Signature>
struct OrtFunction {
  static constexpr size_t index = Index;
  using type = Signature*;
};

namespace ort {

using GetErrorMessage = OrtFunction<2, const char*(const OrtStatus*)>;
using CreateEnv = OrtFunction<3, OrtStatus*(int level, const char* name, OrtEnv**)>;
using CreateSession = OrtFunction<7, OrtStatus*(const OrtEnv*, const char* path, const OrtSessionOptions*, OrtSession**)>;
using CreateSessionFromArray = OrtFunction<8, OrtStatus*(const OrtEnv*, const void* data, size_t size, const OrtSessionOptions*, OrtSession**)>;
using Run = OrtFunction<9, OrtStatus*(OrtSession*, const OrtRunOptions*, const char* const* input_names, const OrtValue* const* inputs,
                                      size_t input_count, const char* const* output_names, size_t output_count, OrtValue** outputs)>;
using CreateSessionOptions = OrtFunction<10, OrtStatus*(OrtSessionOptions**)>;
using SetOptimizationLevel = OrtFunction<23, OrtStatus*(OrtSessionOptions*, int)>;
using SetIntraOpThreads = OrtFunction<24, OrtStatus*(OrtSessionOptions*, int)>;
using SetInterOpThreads = OrtFunction<25, OrtStatus*(OrtSessionOptions*, int)>;
using InputCount = OrtFunction<30, OrtStatus*(const OrtSession*, size_t*)>;
using OutputCount = OrtFunction<31, OrtStatus*(const OrtSession*, size_t*)>;
using InputType = OrtFunction<33, OrtStatus*(const OrtSession*, size_t, OrtTypeInfo**)>;
using OutputType = OrtFunction<34, OrtStatus*(const OrtSession*, size_t, OrtTypeInfo**)>;
using InputName = OrtFunction<36, OrtStatus*(const OrtSession*, size_t, OrtAllocator*, char**)>;
using OutputName = OrtFunction<37, OrtStatus*(const OrtSession*, size_t, OrtAllocator*, char**)>;
using CreateTensor =
    OrtFunction<49, OrtStatus*(const OrtMemoryInfo*, void* data, size_t bytes, const int64_t* dims, size_t rank, int type, OrtValue**)>;
using TensorData = OrtFunction<51, OrtStatus*(OrtValue*, void**)>;
using CastToTensorInfo = OrtFunction<55, OrtStatus*(const OrtTypeInfo*, const OrtTensorInfo**)>;
using ElementType = OrtFunction<60, OrtStatus*(const OrtTensorInfo*, int*)>;
using DimensionCount = OrtFunction<61, OrtStatus*(const OrtTensorInfo*, size_t*)>;
using Dimensions = OrtFunction<62, OrtStatus*(const OrtTensorInfo*, int64_t*, size_t)>;
using SymbolicDimensions = OrtFunction<63, OrtStatus*(const OrtTensorInfo*, const char**, size_t)>;
using TensorInfo = OrtFunction<65, OrtStatus*(const OrtValue*, OrtTensorInfo**)>;
using CreateCpuMemoryInfo = OrtFunction<69, OrtStatus*(int allocator, int memory, OrtMemoryInfo**)>;
using AllocatorFree = OrtFunction<76, OrtStatus*(OrtAllocator*, void*)>;
using DefaultAllocator = OrtFunction<78, OrtStatus*(OrtAllocator**)>;
using ReleaseEnv = OrtFunction<92, void(OrtEnv*)>;
using ReleaseStatus = OrtFunction<93, void(OrtStatus*)>;
using ReleaseMemoryInfo = OrtFunction<94, void(OrtMemoryInfo*)>;
using ReleaseSession = OrtFunction<95, void(OrtSession*)>;
using ReleaseValue = OrtFunction<96, void(OrtValue*)>;
using ReleaseTypeInfo = OrtFunction<98, void(OrtTypeInfo*)>;
using ReleaseTensorInfo = OrtFunction<99, void(OrtTensorInfo*)>;
using ReleaseSessionOptions = OrtFunction<100, void(OrtSessionOptions*)>;

inline constexpr int kLogErrors = 3;          // ORT_LOGGING_LEVEL_ERROR
inline constexpr int kAllOptimizations = 99;  // ORT_ENABLE_ALL
inline constexpr int kArenaAllocator = 1, kDefaultMemory = 0;

}  // namespace ort

}  // namespace omni::backends
