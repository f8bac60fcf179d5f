#include "backends/onnxruntime/onnxruntime_engine.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#include "backends/onnxruntime/api_table.h"
#include "core/error.h"

namespace omni::backends {

namespace {

struct TypePair {
  int onnx;
  DType dtype;
};
// ONNXTensorElementDataType, which are TensorProto.DataType's numbers.
constexpr TypePair kTypes[] = {{1, DType::kF32},  {2, DType::kU8},   {3, DType::kI8},   {4, DType::kU16},  {5, DType::kI16},
                               {6, DType::kI32},  {7, DType::kI64},  {9, DType::kBool}, {10, DType::kF16}, {11, DType::kF64},
                               {12, DType::kU32}, {13, DType::kU64}, {16, DType::kBF16}};

int onnx_type(DType dtype, std::string_view where) {
  for (const TypePair& pair : kTypes) {
    if (pair.dtype == dtype) return pair.onnx;
  }
  throw Error(ErrorCode::kUnsupported, "ONNX Runtime takes no " + std::string(dtype_name(dtype)) + " from us", std::string(where));
}

DType dtype_of_onnx(int type, std::string_view where) {
  for (const TypePair& pair : kTypes) {
    if (pair.onnx == type) return pair.dtype;
  }
  throw Error(ErrorCode::kUnsupported, "ONNX Runtime gives an element type " + std::to_string(type) + " that we do not read", std::string(where));
}

class Library {
 public:
  explicit Library(const std::string& path) {
    const char* variable = std::getenv("OMNI_ONNXRUNTIME");
    const std::string name = !path.empty() ? path : variable != nullptr ? variable : "libonnxruntime.so";
    handle_.reset(dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL));
    if (!handle_) {
      const char* reason = dlerror();
      throw Error(ErrorCode::kMachine, "cannot open ONNX Runtime (" + std::string(reason != nullptr ? reason : "no reason given") + ")", name,
                  "install it (the PyPI wheel onnxruntime has it in onnxruntime/capi) and name the file with --onnxruntime");
    }
    const auto get_base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(handle_.get(), "OrtGetApiBase"));
    if (get_base == nullptr) throw Error(ErrorCode::kMachine, "is not ONNX Runtime: it has no OrtGetApiBase", name);
    const OrtApiBase* base = get_base();
    version_ = base->version_string();
    table_ = base->get_api(kOrtApiVersion);
    if (table_ == nullptr || !version_.starts_with("1.")) {
      throw Error(ErrorCode::kMachine, "ONNX Runtime " + core::quoted(version_) + " does not offer version 1 of its interface", name,
                  "use a release 1.x");
    }
  }

  template <class F, class... Arguments>
  auto call(Arguments... arguments) const {
    const auto function = reinterpret_cast<typename F::type>(const_cast<void*>(table_[F::index]));
    if constexpr (std::is_same_v<decltype(function(arguments...)), OrtStatus*>) {
      OrtStatus* status = function(arguments...);
      if (status != nullptr) fail(status);
    } else {
      return function(arguments...);
    }
  }
  const std::string& version() const { return version_; }

 private:
  struct Close {
    void operator()(void* handle) const { dlclose(handle); }
  };

  [[noreturn]] void fail(OrtStatus* status) const {
    const std::string message = call<ort::GetErrorMessage>(static_cast<const OrtStatus*>(status));
    call<ort::ReleaseStatus>(status);
    throw Error(ErrorCode::kUnsupported, "ONNX Runtime says " + core::quoted(message), "onnxruntime " + version_);
  }

  std::unique_ptr<void, Close> handle_;
  const void* const* table_ = nullptr;
  std::string version_;
};

// Owns an object of the library's.
template <class T, class Release>
class Handle {
 public:
  explicit Handle(const Library& library) : library_(&library) {}
  Handle(Handle&& other) noexcept : library_(other.library_), pointer_(std::exchange(other.pointer_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(pointer_, other.pointer_);
    return *this;
  }
  ~Handle() { reset(); }
  T* get() const { return pointer_; }
  T** slot() {
    reset();
    return &pointer_;
  }
  void reset() {
    if (pointer_ != nullptr) library_->call<Release>(pointer_);
    pointer_ = nullptr;
  }

 private:
  const Library* library_;
  T* pointer_ = nullptr;
};

using Value = Handle<OrtValue, ort::ReleaseValue>;

class OnnxRuntimeEngine : public runtime::Engine {
 public:
  OnnxRuntimeEngine(const OnnxModel& model, const OnnxRuntimeOptions& options)
      : library_(options.library),
        env_(library_),
        session_options_(library_),
        session_(library_),
        memory_(library_),
        name_("onnxruntime " + library_.version()) {
    library_.call<ort::CreateEnv>(ort::kLogErrors, "omni", env_.slot());
    library_.call<ort::CreateSessionOptions>(session_options_.slot());
    library_.call<ort::SetOptimizationLevel>(session_options_.get(), ort::kAllOptimizations);
    library_.call<ort::SetIntraOpThreads>(session_options_.get(), options.threads);
    library_.call<ort::SetInterOpThreads>(session_options_.get(), 1);
    create_session(model);
    library_.call<ort::CreateCpuMemoryInfo>(ort::kArenaAllocator, ort::kDefaultMemory, memory_.slot());
    read_ports<ort::InputCount, ort::InputName, ort::InputType>(inputs_);
    read_ports<ort::OutputCount, ort::OutputName, ort::OutputType>(outputs_);
    for (const runtime::EnginePort& port : inputs_) input_names_.push_back(port.name.c_str());
    for (const runtime::EnginePort& port : outputs_) output_names_.push_back(port.name.c_str());
    output_pointers_.assign(outputs_.size(), nullptr);
  }

  ~OnnxRuntimeEngine() override { drop_outputs(); }

  std::string_view name() const override { return name_; }
  const std::vector<runtime::EnginePort>& inputs() const override { return inputs_; }
  const std::vector<runtime::EnginePort>& outputs() const override { return outputs_; }

  std::vector<Tensor> run(std::span<const Tensor> inputs) override {
    if (inputs.size() != inputs_.size()) {
      throw Error(ErrorCode::kInvalidArgument, "expected " + std::to_string(inputs_.size()) + " inputs, got " + std::to_string(inputs.size()), name_);
    }
    if (!same_as_last(inputs)) bind(inputs);
    if (!reusable_) drop_outputs();
    execute();
    if (results_.empty()) {
      for (OrtValue* value : output_pointers_) results_.push_back(view_of(value));
    }
    for (size_t i = 0; i < results_.size(); ++i) reusable_ &= results_[i].shape().rank() == static_cast<int>(outputs_[i].dims.size());
    return results_;
  }

 private:
  void create_session(const OnnxModel& model) {
    const OrtEnv* env = env_.get();
    const OrtSessionOptions* options = session_options_.get();
    if (model.path.empty()) {
      library_.call<ort::CreateSessionFromArray>(env, static_cast<const void*>(model.bytes.data()), model.bytes.size(), options, session_.slot());
    } else {
      library_.call<ort::CreateSession>(env, model.path.c_str(), options, session_.slot());
    }
  }

  bool same_as_last(std::span<const Tensor> inputs) const {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (bound_.size() != inputs.size() || bound_[i].data() != inputs[i].data() || bound_[i].dtype() != inputs[i].dtype() ||
          !(bound_[i].shape() == inputs[i].shape()))
        return false;
    }
    return !inputs.empty();
  }

  // New inputs: new values around their bytes, and outputs that ONNX Runtime allocates.
  void bind(std::span<const Tensor> inputs) {
    input_values_.clear();
    input_pointers_.clear();
    bound_.assign(inputs.begin(), inputs.end());
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Tensor& tensor = inputs[i];
      Value value(library_);
      library_.call<ort::CreateTensor>(static_cast<const OrtMemoryInfo*>(memory_.get()), const_cast<void*>(tensor.data()), tensor.bytes(),
                                       tensor.shape().dims().data(), tensor.shape().dims().size(), onnx_type(tensor.dtype(), inputs_[i].name),
                                       value.slot());
      input_pointers_.push_back(value.get());
      input_values_.push_back(std::move(value));
    }
    drop_outputs();
  }

  void drop_outputs() {
    results_.clear();
    for (OrtValue*& value : output_pointers_) {
      if (value != nullptr) library_.call<ort::ReleaseValue>(value);
      value = nullptr;
    }
  }

  void execute() {
    library_.call<ort::Run>(session_.get(), static_cast<const OrtRunOptions*>(nullptr), input_names_.data(),
                            static_cast<const OrtValue* const*>(input_pointers_.data()), input_pointers_.size(), output_names_.data(),
                            output_names_.size(), output_pointers_.data());
  }

  Tensor view_of(OrtValue* value) const {
    Handle<OrtTensorInfo, ort::ReleaseTensorInfo> info(library_);
    library_.call<ort::TensorInfo>(static_cast<const OrtValue*>(value), info.slot());
    int type = 0;
    size_t rank = 0;
    library_.call<ort::ElementType>(static_cast<const OrtTensorInfo*>(info.get()), &type);
    library_.call<ort::DimensionCount>(static_cast<const OrtTensorInfo*>(info.get()), &rank);
    std::vector<int64_t> dims(rank);
    library_.call<ort::Dimensions>(static_cast<const OrtTensorInfo*>(info.get()), dims.data(), rank);
    void* data = nullptr;
    library_.call<ort::TensorData>(value, &data);
    return Tensor::view(dtype_of_onnx(type, name_), Shape(dims), data, nullptr);
  }

  template <class Count, class Name, class Type>
  void read_ports(std::vector<runtime::EnginePort>& ports) {
    size_t count = 0;
    OrtAllocator* allocator = nullptr;
    const OrtSession* session = session_.get();
    library_.call<Count>(session, &count);
    library_.call<ort::DefaultAllocator>(&allocator);
    for (size_t i = 0; i < count; ++i) {
      runtime::EnginePort port;
      char* text = nullptr;
      library_.call<Name>(session, i, allocator, &text);
      port.name = text;
      library_.call<ort::AllocatorFree>(allocator, static_cast<void*>(text));
      Handle<OrtTypeInfo, ort::ReleaseTypeInfo> type(library_);
      library_.call<Type>(session, i, type.slot());
      read_type(type.get(), port);
      ports.push_back(std::move(port));
    }
  }

  void read_type(const OrtTypeInfo* type, runtime::EnginePort& port) const {
    const OrtTensorInfo* info = nullptr;
    library_.call<ort::CastToTensorInfo>(type, &info);
    if (info == nullptr) throw Error(ErrorCode::kUnsupported, "is no tensor", name_ + ", " + core::quoted(port.name));
    int element = 0;
    size_t rank = 0;
    library_.call<ort::ElementType>(info, &element);
    library_.call<ort::DimensionCount>(info, &rank);
    port.dtype = dtype_of_onnx(element, port.name);
    port.dims.resize(rank);
    std::vector<const char*> names(rank);
    library_.call<ort::Dimensions>(info, port.dims.data(), rank);
    library_.call<ort::SymbolicDimensions>(info, names.data(), rank);
    for (const char* name : names) port.dim_names.emplace_back(name != nullptr ? name : "");
  }

  Library library_;
  Handle<OrtEnv, ort::ReleaseEnv> env_;
  Handle<OrtSessionOptions, ort::ReleaseSessionOptions> session_options_;
  Handle<OrtSession, ort::ReleaseSession> session_;
  Handle<OrtMemoryInfo, ort::ReleaseMemoryInfo> memory_;
  std::string name_;
  std::vector<runtime::EnginePort> inputs_, outputs_;
  std::vector<const char*> input_names_, output_names_;
  std::vector<Value> input_values_;
  std::vector<OrtValue*> input_pointers_;
  // The library's outputs, given back to it at the next run of the same inputs: it then writes into them.
  std::vector<OrtValue*> output_pointers_;
  bool reusable_ = true;  // it takes outputs back whose rank is what the model declares
  std::vector<Tensor> bound_, results_;
};

}  // namespace

std::unique_ptr<runtime::Engine> make_onnxruntime_engine(const OnnxModel& model, const OnnxRuntimeOptions& options) {
  return std::make_unique<OnnxRuntimeEngine>(model, options);
}

}  // namespace omni::backends
