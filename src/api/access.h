// The implementations behind the public types, and the way to and from them.
//
// The public names (omni::Tensor, omni::DType …) and those of the rooms (omni::core::Tensor …) meet in the files of this room only. A room's
// `using namespace core` would find both, so this header brings all headers of rooms that say so before the public one; files of this room include it
// first, and no header of a room after it.
#pragma once

// clang-format off
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/json_escape.h"
#include "core/tensor.h"
#include "compress/recipe/recipe.h"
#include "compress/recipe/run_recipe.h"
#include "device/fit.h"
#include "device/latency.h"
#include "device/probe.h"
#include "device/process_memory.h"
#include "device/store.h"
#include "device/study_rule.h"
#include "device/workload.h"
#include "formats/dataset/dataset.h"
#include "formats/dataset/npy.h"
#include "formats/dataset/picture_file.h"
#include "formats/dataset/preprocess.h"
#include "formats/onnx/export.h"
#include "formats/onnx/import.h"
#include "formats/package/coded_tensor.h"
#include "formats/package/package.h"
#include "graph/graph.h"
#include "ops/op_list.h"
#include "runtime/cost.h"
#include "runtime/engine.h"
#include "runtime/loop/batches.h"
#include "runtime/loop/step_loop.h"
#include "runtime/session.h"
#include "train/evaluate.h"
#include "train/losses.h"
#include "train/networks.h"
#include "train/sample_data.h"
#include "train/trainer.h"
#include "train/training_graph.h"

#include "omni/omni.h"
// clang-format on

namespace omni {

static_assert(static_cast<int>(DType::kString) == static_cast<int>(core::DType::kString) && core::kDTypeCount == 16, "the same order in both");

struct Tensor::Impl {
  core::Tensor tensor;
  bool own = false;  // nobody else has seen the bytes
};

struct Graph::Impl {
  std::shared_ptr<const graph::Graph> graph;
  std::string format;  // "onnx", "omni", ""
  std::string path;    // of the file it was loaded from, "" where it has been changed since
  int64_t heap = 0;    // bytes that loading it took, where the allocator tells
};

struct Dataset::Impl {
  std::shared_ptr<const formats::Dataset> data;
};

struct DeviceProfiler::Impl {
  device::StoredProfile stored;
  DeviceProfile shown;
};

struct Recipe::Impl {
  compress::Recipe recipe;
};

struct Access {
  static const core::Tensor& tensor(const Tensor& t) { return t.impl_->tensor; }
  static Tensor tensor(core::Tensor t) {
    Tensor result;
    result.impl_ = std::make_shared<Tensor::Impl>(Tensor::Impl{std::move(t), false});
    return result;
  }
  static core::TensorView mutable_view(Tensor& t) { return t.impl_->tensor.mutable_view(); }

  static const std::shared_ptr<const graph::Graph>& graph(const Graph& g) { return g.impl_->graph; }
  static const std::string& path(const Graph& g) { return g.impl_->path; }
  static int64_t heap(const Graph& g) { return g.impl_->heap; }
  static Graph graph(graph::Graph g, std::string format = {}, std::string path = {}, int64_t heap = 0) {
    Graph result;
    auto shared = std::make_shared<const graph::Graph>(std::move(g));
    result.impl_ = std::make_shared<const Graph::Impl>(Graph::Impl{std::move(shared), std::move(format), std::move(path), heap});
    return result;
  }

  static const device::Profile& profile(const DeviceProfiler& p) { return p.impl_->stored.profile; }

  static const formats::Dataset& data(const Dataset& d) { return *d.impl_->data; }
  static const std::shared_ptr<const formats::Dataset>& shared_data(const Dataset& d) { return d.impl_->data; }
  static Dataset data(std::shared_ptr<const formats::Dataset> d) {
    return Dataset(std::make_shared<const Dataset::Impl>(Dataset::Impl{std::move(d)}));
  }

  static const compress::Recipe& recipe(const Recipe& r) { return r.impl_->recipe; }
  static Recipe recipe(compress::Recipe r) {
    Recipe result;
    result.impl_ = std::make_shared<const Recipe::Impl>(Recipe::Impl{std::move(r)});
    return result;
  }

  static Result result(std::map<std::string, Tensor, std::less<>> outputs) {
    Result r;
    r.outputs_ = std::move(outputs);
    return r;
  }
  static Result result(Error error) {
    Result r;
    r.error_ = std::move(error);
    return r;
  }
};

namespace api {

core::DType to_core(DType type);
DType to_public(core::DType type);
formats::Preprocess to_core(const Preprocess& preprocess);
Preprocess to_public(const formats::Preprocess& preprocess);
core::Overwrite overwrite(bool replace);
core::Shape shape_of(std::span<const int64_t> dims);
std::vector<int64_t> dims_of(const core::Shape& shape);

// Options, else the environment (OMNI_THREADS, OMNI_ISA), else the machine. Throws Error (kInvalidArgument) for what makes no sense.
int threads(int option);
core::Isa isa(std::string_view option);
runtime::SessionOptions session_options(int threads, std::string_view isa, const std::vector<std::string>& disabled_passes = {});
runtime::Levers levers(const MemoryMeasures& measures);
// The session gives that up, for inputs of the shapes that the measures name.
void give_up(const MemoryMeasures& measures, const graph::Graph& graph, runtime::SessionOptions& options);

// What a run gave, by name: of a sequence each element as "name[i]", of an optional that holds nothing nothing.
void add_output(std::map<std::string, Tensor, std::less<>>& outputs, const std::string& name, core::Tensor tensor);

LayerReport layer_report(compress::LayerReport layer);
ActivationReport activation_report(const compress::TensorReport& tensor);

ValueInfo value_info(const graph::Graph& graph, graph::ValueId id);
std::vector<ValueInfo> values_info(const graph::Graph& graph, std::span<const graph::ValueId> ids);

// A model prepared and planned without running it.
struct Planned {
  MemoryPrediction memory;
  device::Workload work;
};
Planned plan(const Graph& graph, const PredictOptions& options);
// What that means on a device. `isa` as it was asked for, "" for the device's own.
Prediction predict(const Planned& planned, const device::Profile& profile, int threads, std::string_view isa);
// The instruction set to plan for.
std::string planning_isa(const device::Profile& profile, std::string_view isa);

// Sizes of the symbols in the inputs' shapes, as `shapes` gives them. Throws as input_shapes does.
std::map<std::string, int64_t, std::less<>> symbol_sizes(const graph::Graph& graph, const InputShapes& shapes);
// Sizes for every input, 1 where neither the model nor `shapes` gives one. Throws Error for a name that is no input, or sizes that do not fit.
std::vector<core::Shape> input_shapes(const graph::Graph& graph, const InputShapes& shapes);
using InputValues = std::map<std::string, Tensor, std::less<>>;
// Values that are given, else seeded ones in the range that inputs of the type usually have: normal for floats, 0 and 1 for others (strings are refused).
std::vector<core::Tensor> noise_inputs(const graph::Graph& graph, std::span<const core::Shape> shapes, uint64_t seed, const InputValues& given = {});

// What the training graphs are made by, of TrainOptions or PredictOptions: a prediction is of the graphs that are trained.
template <class Options>
train::TrainingGraphOptions training_graph_options(const Options& options) {
  train::TrainingGraphOptions result;
  result.loss.kind = train::parse_loss(options.loss);
  result.loss.label_smoothing = options.label_smoothing;
  result.optimizer.kind = train::parse_optimizer(options.optimizer);
  result.optimizer.momentum = options.momentum;
  result.optimizer.weight_decay = options.weight_decay;
  result.optimizer.clip_norm = options.clip_norm;
  result.parameters = {options.train, options.freeze};
  return result;
}

}  // namespace api

}  // namespace omni
