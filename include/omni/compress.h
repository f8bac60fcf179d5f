// Making models smaller: single methods, and recipes of several steps. Part of omni/omni.h, which is what programs include.
//
//     omni::ModelCompressor compressor(model, {.data = images});
//     compressor.static_quantization().save("int8.omni");
//     compressor.run(omni::Recipe::find("int8-finetuned"), {.directory = "work"}).save("small.omni");   // measured, kept where it pays, resumable
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "omni/omni.h"

#pragma GCC visibility push(default)

namespace omni {

// Steps that make a model smaller by themselves: those that neither train nor prepare for another.
std::vector<std::string> compression_methods();

struct StepOptionInfo {
  std::string name, help;
  std::string kind;  // "flag", "count", "number", "share", "choice", "text", "list"
  std::string fallback;
  std::vector<std::string> choices;
};

// What a recipe may have as a step.
struct StepInfo {
  std::string name, purpose;
  std::vector<StepOptionInfo> options;
  bool needs_data = false, needs_targets = false;
  bool trains = false;
  bool prepares = false;  // for the step behind it, with which it is judged
};
std::vector<StepInfo> compression_steps();

// Steps in order, as a YAML file says them (docs/compression.md).
class Recipe {
 public:
  // One that list() has, or a file where `name` has a slash or ends in .yaml.
  static Recipe find(std::string_view name);
  static Recipe parse(std::string_view text);
  // Those that come with omni.
  static std::vector<Recipe> list();

  Recipe();
  // Adds a step; options as the file writes them ({"group", "64"}, {"percentile", "99.9%"}, lists separated by commas). `required`: applied even where it
  // pays in nothing.
  Recipe& add(std::string_view step, const std::map<std::string, std::string, std::less<>>& options = {}, bool required = false);
  // Where the latency that decisions read comes from: "host" measures it, "model" predicts it for a device, "none" measures nothing and applies all.
  Recipe& decide(std::string_view by);
  // A share: a step that brings the loss, against the model given, beyond it is not applied.
  Recipe& max_accuracy_loss(double share);

  std::string name() const;
  std::string description() const;
  std::string decides() const;
  std::vector<std::string> steps() const;
  // Whether a step trains.
  bool trains() const;
  // The file's text, with every option.
  std::string text() const;

 private:
  friend struct Access;
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

enum class Observer : uint8_t { kMinMax, kPercentile, kEntropy, kMse, kAuto };

struct CompressorOptions {
  std::optional<Dataset> data = {};  // for calibration, and what recipes train on
  int64_t samples = 512;             // of it, for methods that are called by themselves
  int threads = 0;
  std::string isa = {};
  Progress progress = {};
};

struct StaticQuantization {
  Observer observer = Observer::kAuto;  // what serves the outputs best
  double percentile = 99.99;
};

struct WeightQuantization {
  int64_t group = 32;          // of 4-bit weights that share a scale
  bool keep_ends_int8 = true;  // first and last layers in 8 bits
};

struct LayerReport {
  std::string name, op;        // of the weight; of the operator that reads it
  std::string action, reason;  // "int8", "int4", "f16", "bf16", "changed", "gone" or "kept"; why it was kept, or kept at more bits
  int64_t elements = 0, bytes_before = 0, bytes_after = 0;
  std::optional<double> snr_db = {};  // of the weight as it is read to what it was
};

// Of static quantization: an activation's range as it was seen and as it is quantized.
struct ActivationReport {
  std::string name;
  double min = 0, max = 0, low = 0, high = 0;
  double snr_db = 0;
};

struct CompressionReport {
  std::vector<LayerReport> layers;
  std::vector<ActivationReport> activations;
  std::vector<std::string> notes;  // what stayed as it was, and why
};

struct RecipeOptions {
  // What accuracy is measured on; without it a share of the data, chosen by the seed, which no step sees.
  std::optional<Dataset> validation = {};
  double validation_share = 0.1;
  uint64_t seed = 1;
  // The work folder, from which a run that was stopped or killed goes on with the same call; "": a temporary one.
  std::string directory = {};
  bool restart = false;            // begin anew whatever is in it
  double checkpoint_seconds = 30;  // at most that much work of a training step is lost
  std::string device = {};         // a profile; with it latencies are predicted for that device, and whole runs repeat byte for byte
  std::string format = "omni";     // in which bytes are counted: "omni" or "onnx"
  double latency_seconds = 1;      // for each comparison on this machine
  InputShapes shapes = {};         // of a run whose latency is measured, where the model leaves them open (1)
  bool compare = false;            // also find out where the result's values drift from the model's
};

// One model against another: file, latency of a run on one thread, accuracy on the same samples.
struct ModelChange {
  int64_t bytes_before = 0, bytes_after = 0;
  std::optional<double> latency_before = {}, latency_after = {};  // seconds
  double latency_ratio = 1, latency_low = 1, latency_high = 1;    // after / before with its 95 % interval; no width: predicted
  std::optional<double> accuracy_before = {}, accuracy_after = {};  // share of right answers, with labels
  std::optional<double> error_before = {}, error_after = {};        // mean squared error, with values
  double gain = 0, gain_low = 0, gain_high = 0;  // how much better the answers are, with its 95 % interval
  int64_t samples = 0;
  std::string text;  // "74.6 % fewer bytes, 1.31 times as fast (1.28 to 1.34), accuracy -0.20 points (-0.85 to 0.45)"
};

struct StepReport {
  std::string step, options;  // "int8-static", "samples: 512, observer: mse"
  bool applied = true, required = false;
  std::string reason;                      // what it changed, or why it was not applied
  std::optional<ModelChange> change = {};  // none where nothing was measured, or it was judged with a later step
  double seconds = 0;                      // that it took
  std::vector<LayerReport> layers = {};
  std::vector<ActivationReport> activations = {};
  std::vector<std::string> notes = {};
};

struct RecipeReport {
  std::string key;                // of recipe, model, data, seed, version and instruction set: the same key, the same bytes
  std::string applied;            // the recipe that does what was applied; "" where nothing was
  std::vector<StepReport> steps;
  std::optional<ModelChange> whole = {};  // the result against the model given; none where nothing was measured, or no step applied
  std::vector<LayerReport> layers;
  std::vector<std::string> float_nodes;  // "NAME: stays in float, …": what the result computes in float and why, as far as it is known
  std::vector<std::string> notes;        // what was not measured, and why
  bool resumed = false;
  std::shared_ptr<const Comparison> values;  // with RecipeOptions::compare
};

class ModelCompressor {
 public:
  explicit ModelCompressor(const Graph& graph, const CompressorOptions& options = {});

  Graph fp16();
  Graph bf16();
  Graph dynamic_quantization();
  Graph static_quantization(const StaticQuantization& options = {});  // needs data
  Graph int8_weights();
  Graph int4_weights(const WeightQuantization& options = {});

  // By name: one of compression_methods().
  Graph compress(std::string_view method, const StaticQuantization& ranges = {}, const WeightQuantization& weights = {});

  // Step by step; a step that pays in neither bytes, latency nor accuracy is not applied. Throws Error: kExists for a work folder of another run.
  Graph run(const Recipe& recipe, const RecipeOptions& options = {});

  // Of the last method called: what was done with every layer, and why some were left.
  const CompressionReport& report() const { return report_; }
  // Of the last recipe.
  const RecipeReport& recipe_report() const { return recipe_report_; }

 private:
  Graph graph_;
  CompressorOptions options_;
  CompressionReport report_;
  RecipeReport recipe_report_;
};

}  // namespace omni

#pragma GCC visibility pop
