// OmniMind Edge: compress, run, train and measure neural networks. The public surface of libomni, with omni/error.h and
// omni/compress.h, which this file includes.
//
//     auto model   = omni::Graph::load("model.onnx");
//     auto session = omni::Session(model, {.threads = 2});
//     auto outputs = session.run({{"input", image}});                       // name → tensor
//     const omni::Tensor& scores = outputs["scores"];
//
// Types are values with a hidden implementation: copies are cheap and share what neither changes; a moved-from one may only be assigned or
// destroyed. Wrong use and bad files throw omni::Error; Session::run returns a Result. Nothing prints, nothing aborts, there is no global state.
// A session belongs to one thread at a time; everything const may be shared. Options are structs with defaults:
// {.threads = 2}. Versions are semantic: what is here stays until the major version changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "omni/error.h"

#pragma GCC visibility push(default)

namespace omni {

struct Access;  // how the library reaches the implementations; not for others

// "0.1.0".
std::string_view version();

// Called now and then by anything that can take long: fraction in [0, 1], text such as "epoch 2 of 5, loss 0.31". Returns false to stop, which
// makes the call throw Error (kInterrupted). An empty function never stops.
using Progress = std::function<bool(double fraction, std::string_view text)>;

// "did you mean a or b?" for names near `word`, "" when none is.
std::string did_you_mean(std::string_view word, std::span<const std::string> known);
// In double quotes, control characters and bytes outside ASCII escaped, at most 80 characters: safe to print.
std::string printable(std::string_view text);

// Of a file's bytes, in hexadecimal: what manifests hold.
std::string file_sha256(const std::string& path);
// Writes a file whole or not at all: beside itself, flushed to the disk, then renamed.
void write_file(const std::string& path, std::string_view text, bool overwrite = false);

// ---------------------------------------------------------------------------------------------------------------- tensors

enum class DType : uint8_t { kF32, kF16, kBF16, kF64, kI8, kU8, kI16, kU16, kI32, kU32, kI64, kU64, kBool, kI4, kU4, kString };

// "f32", "i64", "bool", "str" …
std::string_view dtype_name(DType type);

template <class T>
constexpr DType dtype_of() {
  static_assert(std::is_arithmetic_v<T>, "an element type of tensors");
  if constexpr (std::is_same_v<T, bool>) return DType::kBool;
  if constexpr (std::is_same_v<T, float>) return DType::kF32;
  if constexpr (std::is_same_v<T, double>) return DType::kF64;
  constexpr bool is_signed = std::is_signed_v<T>;
  if constexpr (sizeof(T) == 1) return is_signed ? DType::kI8 : DType::kU8;
  if constexpr (sizeof(T) == 2) return is_signed ? DType::kI16 : DType::kU16;
  if constexpr (sizeof(T) == 4) return is_signed ? DType::kI32 : DType::kU32;
  return is_signed ? DType::kI64 : DType::kU64;
}

// From a picture file to a network's input: resize the shorter side (antialiased bilinear), crop the centre, x = (byte * scale - mean) / std.
struct Preprocess {
  int64_t resize = 0, crop = 0;  // 0: not
  int64_t channels = 0;          // 1 (grey) or 3; 0: as the data has it, 3 for folders of pictures
  double scale = 1.0 / 255;
  std::vector<float> mean = {}, std = {};  // none, one for all, or one a channel
  bool channels_last = false;              // [height, width, channels] instead of [channels, height, width]

  // "resize=256 crop=224 mean=0.485,0.456,0.406 …": the form in a package's metadata under "preprocessing".
  std::string text() const;
  static Preprocess parse(std::string_view text);
  bool operator==(const Preprocess&) const = default;
};

// Row-major elements of one type. Copies share the bytes; mutable_values() makes them this tensor's own.
class Tensor {
 public:
  Tensor();                                            // f32, shape [0]
  Tensor(DType type, std::span<const int64_t> shape);  // zeros
  Tensor(DType type, std::initializer_list<int64_t> shape) : Tensor(type, std::span(shape.begin(), shape.size())) {}

  // A copy of `values`, whose number must be that of `shape`.
  template <class T>
  static Tensor of(std::initializer_list<int64_t> shape, std::span<const T> values) {
    return copy(dtype_of<T>(), std::span(shape.begin(), shape.size()), std::as_bytes(values));
  }
  template <class T>
  static Tensor of(std::initializer_list<int64_t> shape, std::initializer_list<T> values) {
    return of<T>(shape, std::span<const T>(values.begin(), values.size()));
  }
  // A copy of `bytes`, packed as `type` is stored.
  static Tensor copy(DType type, std::span<const int64_t> shape, std::span<const std::byte> bytes);
  // The caller's bytes, which must outlive every copy.
  static Tensor borrow(DType type, std::span<const int64_t> shape, std::span<const std::byte> bytes);

  // An .npy file.
  static Tensor load(const std::string& path);
  // A JPEG or PNG file as [1, channels, height, width] f32 (channels last if the options say so).
  static Tensor load_picture(const std::string& path, const Preprocess& preprocess = {});
  // Writes an .npy file, whole or not at all.
  void save(const std::string& path, bool overwrite = false) const;

  DType dtype() const;
  std::span<const int64_t> shape() const;
  int64_t count() const;
  std::span<const std::byte> bytes() const;
  // The elements; throws Error when T is not their type.
  template <class T>
  std::span<const T> values() const {
    require(dtype_of<T>());
    return {reinterpret_cast<const T*>(bytes().data()), static_cast<size_t>(count())};
  }
  template <class T>
  std::span<T> mutable_values() {
    require(dtype_of<T>());
    return {reinterpret_cast<T*>(mutable_bytes().data()), static_cast<size_t>(count())};
  }
  std::span<std::byte> mutable_bytes();
  // Elements of any type but strings, converted one by one.
  std::vector<double> to_doubles() const;
  // The same elements under another shape; one dimension may be -1.
  Tensor reshaped(std::span<const int64_t> shape) const;
  // "f32[1,10]".
  std::string type_text() const;

 private:
  friend struct Access;
  struct Impl;
  void require(DType type) const;
  std::shared_ptr<Impl> impl_;
};

// ----------------------------------------------------------------------------------------------------------------- graphs

struct ValueInfo {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // -1 where the size is not fixed
  std::string type;            // "f32[N,3,224,224]"
};

struct NodeInfo {
  std::string name, op;
  std::string type;        // of the first output
  int64_t operations = 0;  // a multiply-add is two
  int64_t bytes = 0;       // read and written
  int64_t parameters = 0;  // elements of its constant inputs
};

struct Summary {
  int64_t parameters = 0;  // elements of weights
  int64_t weight_bytes = 0;
  int64_t operations = 0, bytes = 0;         // of one run
  int64_t peak_memory_bytes = 0;             // activations of a run, as the plan lays them out
  std::map<std::string, int64_t> operators;  // name → nodes
  std::vector<NodeInfo> nodes;               // in the order they run
  std::vector<ValueInfo> inputs, outputs;    // with the sizes used
  std::string missing;                       // why operations and memory are not known, if so
};

// Sizes for dimensions that are not fixed: by input name. Inputs that are not named get 1 for each unknown dimension.
using InputShapes = std::map<std::string, std::vector<int64_t>, std::less<>>;

struct SaveOptions {
  bool overwrite = false;
  std::string format = {};  // "onnx" or "omni"; "": by the file's extension
  // A package's weights entropy-coded where that is smaller: lossless, decoded when it is loaded. For weights with few distinct values. The fact stays with
  // the graph as its metadata "coding", which is set to "" for a package whose weights are mapped.
  bool coded = false;
};

// What SaveOptions::coded makes of a weight.
struct CodedWeight {
  std::string name;
  int64_t elements = 0;
  int64_t bytes = 0;         // as they are
  int64_t coded_bytes = 0;   // or `bytes` where coding does not pay
  double entropy_bytes = 0;  // the distinct elements, and -log2 of each element's share; 0 where coding does not pay
  int64_t symbols = 0;       // distinct elements
};

struct LoadOptions {
  // The most memory of its own that the process may come to while it reads, so that it gets an Error (kMachine) or std::bad_alloc instead of being ended
  // by the system; 0: any.
  int64_t limit_bytes = 0;
};

class Graph {
 public:
  Graph();
  // .onnx and .omni, told apart by content.
  static Graph load(const std::string& path, const LoadOptions& options = {});
  // The text form, as text() prints it (tensors above 64 elements excepted).
  static Graph parse(std::string_view text);
  // Whole or not at all.
  void save(const std::string& path, const SaveOptions& options = {}) const;
  std::vector<CodedWeight> coded_weights() const;

  std::vector<ValueInfo> inputs() const;
  std::vector<ValueInfo> outputs() const;
  int64_t parameters() const;
  Summary summary(const InputShapes& shapes = {}) const;
  std::string text() const;
  // "onnx", "omni", or "" for one made here.
  std::string format() const;

  // Facts that travel with a package: "source_sha256", "recipe", "accuracy", "preprocessing", "labels", "tool" and whatever else one sets.
  std::map<std::string, std::string> metadata() const;
  void set_metadata(const std::string& key, const std::string& value);  // an empty value: not any more

 private:
  friend struct Access;
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

// Networks with seeded initial weights: lenet5, lenet-300-100, … (docs/networks.md).
std::vector<std::string> network_names();
Graph new_network(std::string_view name, uint64_t seed = 1);

// --------------------------------------------------------------------------------------------------------------- sessions

// What a session gives up so that it takes less memory; results stay the same bytes. predict_memory finds the least of it that fits into a budget
// (MemoryPrediction::measures); by default nothing is given up.
struct MemoryMeasures {
  bool order = false;          // nodes run in an order that keeps little alive
  int64_t unpacked_bytes = 0;  // about so many bytes of f32 weights are packed for the kernels in each run instead of once
  int64_t arena_bytes = 0;     // training: activations are computed again until all intermediate values take no more; 0: none
  std::map<std::string, std::vector<int64_t>, std::less<>> shapes = {};  // of the inputs, as InputShapes, that all this is chosen for; others run, too
};

struct SessionOptions {
  int threads = 0;       // 0: OMNI_THREADS, else one per physical core
  std::string isa = {};  // caps the instruction set: "scalar", "avx2", "avx512", "avx512vnni" …; "": OMNI_ISA, else the CPU's best
  bool profile = false;  // measure every node
  std::vector<std::string> disabled_passes = {};  // planning passes to leave out
  MemoryMeasures memory = {};
};

// The rewrites that a session makes before it plans, in their order.
std::vector<std::string> planning_passes();

struct PassResult {
  std::string name;
  bool changed = false;
  double seconds = 0;
  int64_t nodes_before = 0, nodes_after = 0;
};

struct Preparation {
  std::vector<PassResult> passes;  // those that ran
  std::vector<std::string> notes;  // why nodes stayed as they were: "… stays in float: …"
  Graph graph;                     // what runs
};

// What a session with these options makes of a model before it plans.
Preparation prepare(const Graph& graph, const SessionOptions& options = {});

// The instruction set that sessions with these options use.
std::string_view chosen_isa(const SessionOptions& options = {});
int chosen_threads(const SessionOptions& options = {});

// Outputs by name, or what went wrong.
class Result {
 public:
  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  // Throws the Error where the run failed, and kNotFound for an unknown name.
  const Tensor& operator[](std::string_view name) const;
  const std::map<std::string, Tensor, std::less<>>& outputs() const;
  const std::optional<Error>& error() const { return error_; }

 private:
  friend struct Access;
  std::map<std::string, Tensor, std::less<>> outputs_;
  std::optional<Error> error_;
};

struct NodeProfile {
  std::string name, op;
  int64_t calls = 0;
  double seconds = 0;                 // all calls together
  int64_t operations = 0, bytes = 0;  // of one call
  double share_of_peak = 0;           // operations per second over the most that the session's cores do on registers alone; 0: not known
};

class Session {
 public:
  explicit Session(const Graph& graph, const SessionOptions& options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const std::vector<ValueInfo>& inputs() const;
  const std::vector<ValueInfo>& outputs() const;

  // Name → tensor, every input exactly once. Plans when the shapes are new.
  Result run(const std::map<std::string, Tensor, std::less<>>& inputs);
  // In the graph's order, into tensors whose type and shape are those of the outputs (see prepare). Allocates nothing once the shapes are known.
  std::optional<Error> run(std::span<const Tensor> inputs, std::span<Tensor> outputs) noexcept;
  // Plans for these inputs; new tensors for the outputs.
  std::vector<Tensor> prepare(std::span<const Tensor> inputs);

  // With SessionOptions::profile: sums over all runs so far, in the order of the plan.
  std::vector<NodeProfile> profile() const;
  // The last run's nodes in the format of chrome://tracing and Perfetto.
  void save_trace(const std::string& path, bool overwrite = false) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A model run again and again, with outputs fed back into inputs: decoders with their cache of keys and values, audio with state, plain recurrence.
struct LoopOptions {
  int64_t steps = 0;  // 0: one for each chunk
  // Output → input. Empty: found by name ("present.0.key" → "past_key_values.0.key", "stateN" → "state", "h_out" → "h").
  std::vector<std::pair<std::string, std::string>> feeds = {};
  // The scores of the next token and the tokens so far; "": "logits" and "input_ids" (or the like) where the model has both. Without a cache among the
  // feeds a token is put behind the ones before it, with one it is the whole next input. "attention_mask" and "position_ids" grow along.
  std::string token_output = {}, token_input = {};
  int64_t top_k = 0;  // 0: the likeliest token; else drawn among so many, by their probabilities
  double temperature = 1;
  uint64_t seed = 1;
  int64_t end_token = -1;  // ends the loop when every entry of the batch has given it
  // An input that is cut along its last axis, a piece of `chunk` a step; the last one is filled up with zeros.
  std::string chunk_input = {};
  int64_t chunk = 0;
  Progress progress = {};
};

struct LoopResult {
  int64_t steps = 0;
  std::vector<std::pair<std::string, std::string>> feeds;  // those that were used
  std::vector<std::vector<int64_t>> tokens;                // chosen ones, by entry of the batch
  // Fed outputs as the last step gave them; others of all steps, one behind the other along a new first axis where their shapes agree, else the last.
  std::map<std::string, Tensor, std::less<>> outputs;
};

// Fed inputs that are not given start as zeros; sizes that nothing settles are 1, those of a cache's past 0. Throws Error.
LoopResult run_loop(const Graph& graph, const std::map<std::string, Tensor, std::less<>>& inputs, const LoopOptions& loop, const SessionOptions& options = {});

// ------------------------------------------------------------------------------------------------------------------- data

struct DatasetOptions {
  Preprocess preprocess = {};          // of pictures
  std::string label = {};              // CSV column or NPZ array that is the target; "" is the usual one, "none" is none
  bool values = false;                 // the target is a value, even where all are whole numbers
  std::string default_part = "train";  // of sets that have parts, where the name does not say
};

class Dataset {
 public:
  // `name` is what --data takes: a path whose form is found out (IDX directory or pair, NPY, NPZ, CSV, a folder of pictures per class), FORM:PATH,
  // or fashion-mnist; then @train or @test, then a range @0:1000.
  static Dataset open(std::string_view name, const DatasetOptions& options = {});

  int64_t size() const;
  // "IDX, 60000 samples: images f32[1,28,28], labels i64[] (10 classes)".
  std::string description() const;
  int64_t classes() const;  // 0 without labels
  std::vector<std::string> class_names() const;
  // Samples [first, first + count): one tensor an input, then the target if there is one.
  std::vector<Tensor> read(int64_t first, int64_t count) const;
  Dataset part(int64_t first, int64_t last) const;

 private:
  friend struct Access;
  struct Impl;
  explicit Dataset(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// ------------------------------------------------------------------------------------------------------ training, evaluation

// What to do with a checkpoint that is in the directory already.
enum class OnCheckpoint : uint8_t { kResume, kRestart, kRefuse };

struct EpochReport {
  int64_t epoch = 0;  // from 1
  double loss = 0;
  std::optional<double> accuracy, validation_loss, validation_accuracy;
  double learning_rate = 0;
  double seconds = 0;
};

struct TrainOptions {
  int64_t epochs = 5;
  int64_t batch = 64;
  std::string loss = "auto";      // "auto": cross-entropy for labels (on logits, before a final Softmax), mse for values
  std::string optimizer = "sgd";  // sgd, adam, adamw
  double learning_rate = 0;       // 0: 0.05 for sgd, 0.001 for adam and adamw
  double momentum = 0.9;          // sgd
  double weight_decay = 0;
  std::string schedule = "constant";                 // constant, step, cosine, one-cycle
  double warmup = 0;                                 // share of all steps in which the rate rises
  double clip_norm = 0;                              // of all gradients together; 0: not
  double validation_share = 0;                       // of the data, chosen by the seed, held out
  std::optional<Dataset> validation = {};            // instead of a share
  int64_t patience = 0;                              // stop after so many epochs without a better validation loss; 0: never
  std::vector<std::string> train = {}, freeze = {};  // globs over parameter names
  std::string directory = {};                        // of checkpoints, from which a stopped training goes on to the same bytes; "": none
  OnCheckpoint on_checkpoint = OnCheckpoint::kResume;
  double checkpoint_seconds = 30;  // at most that much work is lost
  double label_smoothing = 0;
  uint64_t seed = 1;
  int threads = 0;
  std::string isa = {};
  MemoryMeasures memory = {};  // any of them trains to the same bytes, so a stopped training may go on with others
  Progress progress = {};
  std::function<void(const EpochReport&)> epoch_done = {};
};

struct TrainReport {
  std::vector<EpochReport> epochs;
  int64_t steps = 0, best_epoch = 0;
  bool stopped_early = false, resumed = false;
  std::vector<std::string> trained, notes;  // parameters that changed; what one should know
};

class Trainer {
 public:
  explicit Trainer(const Graph& graph, const TrainOptions& options = {});
  // Trains and returns the network with its new parameters (the best epoch's where there is a validation set).
  Graph fit(const Dataset& data);
  const TrainReport& report() const { return report_; }

 private:
  Graph graph_;
  TrainOptions options_;
  TrainReport report_;
};

struct EvaluateOptions {
  int64_t batch = 64;
  int64_t top = 5;
  int threads = 0;
  std::string isa = {};
  MemoryMeasures memory = {};
  Progress progress = {};
};

struct Evaluation {
  int64_t samples = 0;
  std::optional<double> top1, topk;          // shares, with labels
  std::optional<double> loss;                // mean cross-entropy of the logits or probabilities, with labels
  std::optional<double> mean_squared_error;  // with values
  double top1_low = 0, top1_high = 0;        // 95 % interval
  double seconds = 0;
};

Evaluation evaluate(const Graph& graph, const Dataset& data, const EvaluateOptions& options = {});

// ---------------------------------------------------------------------------------------------------------------- devices

// One figure of a profile, with where it comes from and how sure it is.
struct DeviceFigure {
  std::string key, unit, meaning;  // "ram_mb", "MB", "main memory"; MB are 2^20 bytes
  std::string value;               // as the profile says it
  std::optional<double> number;    // where it is one
  std::string source;
  std::string confidence;  // "measured", "published" or "estimated"
};

struct DeviceProfile {
  std::string name, description;
  std::string origin;  // "shipped", or the file's path
  std::vector<DeviceFigure> figures;
};

// What the study's rule says: it compares the model's size with the device's limit, and asks for nothing else.
struct StudyAdvice {
  std::vector<std::string> recommendations;  // in the study's words
  bool feasible = false;                     // at most twice the limit before compression
  double model_size_mb = 0, limit_mb = 0;    // of 2^20 bytes
};

// What the system charges a process with beside its own pages: page tables, and pages of a file while it is read. Within half a MB of a cgroup's limit
// processes were ended.
inline constexpr int64_t kSystemMemory = 1 << 20;

struct PredictOptions {
  InputShapes shapes = {};
  int threads = 0;        // of the device; 0: all its cores
  bool training = false;  // instead of inference: a training step with these
  int64_t batch = 64;
  std::string loss = "auto";  // cross-entropy where the model can have it, else mse
  std::string optimizer = "sgd";
  double momentum = 0.9, weight_decay = 0, clip_norm = 0, label_smoothing = 0;  // as of TrainOptions
  std::vector<std::string> train = {}, freeze = {};
  int64_t validation_samples = 0;  // that are evaluated between epochs, which takes a session of its own
  std::string isa = {};
  // What the process may take, omni's code apart, with kSystemMemory for the system: measures are looked for until it fits. 0: any.
  int64_t memory_budget = 0;
  // The most memory of its own that the process may take meanwhile, so that it gets an Error (kMachine) instead of being ended by the system; 0: any.
  int64_t limit_bytes = 0;
};

struct MemorySaving {
  std::string text;            // "computes 14 of 60 activations again: 23 % more operations"
  int64_t saved_bytes = 0;     // 0 where that cannot be told
  double more_operations = 0;  // a share of those of a run
};

// What a process holds that loads a model and runs or trains it. Known before the run: the model is prepared and planned as for a run, and what that
// took is counted.
struct MemoryPrediction {
  int64_t weight_bytes = 0;    // of the model as it is loaded, in memory of the process
  int64_t mapped_bytes = 0;    // weights that are read in place from the file
  int64_t session_bytes = 0;   // rewritten and packed weights, plans
  int64_t arena_bytes = 0;     // intermediate values and scratch
  int64_t state_bytes = 0;     // training: parameters, moments and statistics, twice
  int64_t port_bytes = 0;      // inputs and outputs
  int64_t passing_bytes = 0;   // the most that loading and preparing hold for a while
  int64_t growth_bytes = 0;    // the most of all this at one time
  int64_t process_bytes = 0;   // what a process has that runs nothing: its heap and stacks
  int64_t code_bytes = 0;      // pages of omni and its libraries; the system can drop them
  int64_t peak_bytes = 0;      // growth, process and code
  // With a budget: what has to be given up so that it fits, and what is still missing then; 0: it fits.
  MemoryMeasures measures = {};
  std::vector<MemorySaving> savings = {};
  int64_t missing_bytes = 0;
  std::vector<std::string> notes;  // what is not in these figures
};

MemoryPrediction predict_memory(const Graph& graph, const PredictOptions& options = {});

struct OperatorTime {
  std::string op;
  int64_t nodes = 0;
  double seconds = 0;
};

// How long a run takes: from kernels that a probe timed on the device, else from what its profile says about its peak, which is off by up to 2.5 times.
struct LatencyPrediction {
  double mean = 0, p50 = 0, p95 = 0, p99 = 0;  // seconds
  double low = 0, high = 0;                    // 90 % interval of the mean
  double joules = 0;                           // of a run; 0 where the profile does not tell
  bool probed = false;
  int threads = 1;
  std::vector<OperatorTime> operators;  // what p50 is made of, the longest first
};

struct Prediction {
  MemoryPrediction memory;
  LatencyPrediction latency;
  int64_t ram_bytes = 0;  // of the device
  bool fits = false;      // the peak in it
};

// The most that this process has had in memory so far; 0 where the system does not tell.
int64_t peak_process_bytes();

struct RecommendOptions {
  double max_latency = 0;           // seconds, of the 95th percentile; 0: any
  double max_accuracy_loss = 0.05;  // share of right answers
  InputShapes shapes = {};
  int threads = 0;                   // of the device; 0: all its cores
  std::string isa = {};              // caps the device's instruction set, and this machine's for calibrating and measuring accuracy
  std::optional<Dataset> data = {};  // to calibrate on, and to measure accuracy with; without it the losses are those of the study's table
  int64_t samples = 512;             // of it, for each
  // Leave out methods that lose more than one that fits on every device: without data to measure with, in the order of the study's bounds.
  bool until_fits = false;
  Progress progress = {};
};

// A model as it is, or compressed by one method, on a device.
struct Candidate {
  std::string method;      // of compression_methods(), "" for the model as it is
  int64_t size_bytes = 0;  // of the file
  int64_t peak_bytes = 0;  // memory
  LatencyPrediction latency;
  double accuracy_loss = 0;        // share of right answers: measured, or the study's bound
  bool accuracy_measured = false;  // on RecommendOptions::data
  std::vector<std::string> misses;  // what it misses of the device's limits and of those that were asked for; empty: it fits
};

struct Recommendation {
  std::vector<Candidate> candidates;  // the model as it is first
  std::optional<size_t> chosen;       // of the candidates that fit the one that loses least; of equals the fastest, then the smallest
  std::string reason;                 // why that one, or what would have to change for one to fit
  std::vector<std::string> notes;     // methods that were left out, and why
};

struct ProbeOptions {
  double seconds = 17;  // the whole; every kernel is timed once at least
  std::string isa = {};
  Progress progress = {};
};

class DeviceProfiler {
 public:
  // A name that list() has, "this" for the machine at hand, or the path of a profile (with a slash, or ending in .yaml).
  explicit DeviceProfiler(std::string_view device);

  const DeviceProfile& profile() const;
  // The profile as a file, under another name where one is given.
  std::string yaml(std::string_view name = {}) const;
  StudyAdvice study_rule(int64_t model_bytes) const;
  // Compresses the model by every method, predicts each on the device and holds them against its limits.
  Recommendation recommend(const Graph& graph, const RecommendOptions& options = {}) const;
  // The same for several devices, which share the work of compressing and planning; one answer for each.
  static std::vector<Recommendation> recommend(std::span<const DeviceProfiler> devices, const Graph& graph, const RecommendOptions& options = {});
  // For the device's instruction set, where this machine has it.
  Prediction predict(const Graph& graph, const PredictOptions& options = {}) const;

  // Measures this machine: peaks, bandwidths, kernels of every kind. The profile is called "this"; store() keeps it.
  static DeviceProfiler probe(const ProbeOptions& options = {});
  // Kernels that a probe timed, and the standard deviation of log(predicted / measured) when each is predicted from the others.
  int64_t timed_kernels() const;
  double fit_deviation() const;
  // Writes the profile among the user's, in place of one of the same name, and returns the file's path.
  std::string store(std::string_view name = {}) const;

  // Shipped profiles and the user's, by name. A file of the user's that is no profile is left out, and `problems` says why.
  static std::vector<DeviceProfile> list(std::vector<std::string>* problems = nullptr);
  // Checks a file and copies it to the user's profiles; returns the copy's path.
  static std::string add(const std::string& path, bool overwrite = false);
  // Where the user's profiles are: OMNI_DEVICES_DIR, else omni/devices in XDG_DATA_HOME or ~/.local/share.
  static std::string user_folder();

 private:
  friend struct Access;
  struct Impl;
  explicit DeviceProfiler(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// ------------------------------------------------------------------------------------------------- comparing and measuring

struct CompareOptions {
  int64_t samples = 64;
  int64_t batch = 16;
  double drift = 0.01;  // relative error from which on a node counts as drifting
  InputShapes shapes = {};  // without data, where the model leaves them open (1)
  int threads = 0;
  std::string isa = {};
  Progress progress = {};
};

struct ValueError {
  std::string name;
  double max_abs = 0, mean_abs = 0;
  double relative = 0;  // root mean square of the difference over that of A
};

struct Comparison {
  int64_t samples = 0;
  std::vector<ValueError> outputs;
  std::vector<ValueError> values;  // those of the same name and shape in both, in the order of A
  std::optional<ValueError> first_drift;
  std::optional<double> top1_agreement;  // share of samples with the same highest value of the first output
};

// Runs both on the same samples (without data: seeded noise of the inputs' types).
Comparison compare(const Graph& a, const Graph& b, const std::optional<Dataset>& data, const CompareOptions& options = {});

struct BenchOptions {
  int threads = 0;
  std::string isa = {};
  int64_t warmup = 10;
  int64_t runs = 0;  // 0: as many as fit into `seconds`
  double seconds = 3;
  InputShapes shapes = {};
  std::map<std::string, Tensor, std::less<>> inputs = {};  // others are noise
  std::string against = {};  // another engine to alternate with: "onnxruntime"
  std::string library = {};  // its shared library; "": the system's search path
  std::vector<std::string> disabled_passes = {};
  MemoryMeasures memory = {};
  uint64_t seed = 1;
  Progress progress = {};
};

struct Latency {
  std::string engine;  // "omni 0.1.0", "onnxruntime 1.20.1"
  int64_t runs = 0;
  double mean = 0, deviation = 0, p50 = 0, p95 = 0, p99 = 0, min = 0;  // seconds
};

struct Benchmark {
  Latency omni;
  std::optional<Latency> other;
  // Median of the ratios omni / other of runs beside each other, and the range of its middle half; less than 1 is faster.
  double ratio = 0, ratio_low = 0, ratio_high = 0;
  double max_difference = 0;  // largest absolute difference of the outputs
  std::vector<ValueInfo> inputs;
  std::string isa;
  int threads = 0;
};

Benchmark bench(const Graph& graph, const BenchOptions& options = {});

struct Verification {
  std::string format;
  int64_t size_bytes = 0;
  int64_t sections = 0;               // checked, of a package
  std::vector<std::string> problems;  // empty: whole
  std::vector<std::string> facts;
};

// Checks a file to the last byte: structure, checksums, and that the network in it can be planned.
Verification verify(const std::string& path);

// ------------------------------------------------------------------------------------------------------------ conformance

enum class ConformanceOutcome : uint8_t { kPassed, kFailed, kUnsupported };

struct ConformanceCase {
  std::string name;  // its path below the folder
  std::string op;    // the model's only operator, "" where it has several
  ConformanceOutcome outcome = ConformanceOutcome::kPassed;
  std::string reason;  // why it did not pass
};

struct ConformanceOptions {
  int threads = 1;
  std::string isa = {};
  Progress progress = {};
};

// Runs every ONNX backend test case below a folder (model.onnx beside test_data_set_N/) and holds its outputs against those of the case.
std::vector<ConformanceCase> conformance(const std::string& folder, const ConformanceOptions& options = {});

}  // namespace omni

#pragma GCC visibility pop

#include "omni/compress.h"
