// A step of a recipe: a named change of a graph with typed options.
//
// To add one: src/compress/recipe/steps/my_step.cc with a StepDef (steps/int4_weight.cc is a short one), and OMNI_STEP(kMyStep) in step_list.inc.
// Recipe files, the command line, docs/compression.md and the reports know it then. A step is a function of its graph, data, options, seed and
// instruction set alone: the same bytes for any number of threads, and however often it was stopped and begun again.
#pragma once

#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compress/quantize/static.h"
#include "core/isa.h"
#include "core/progress.h"
#include "core/thread_pool.h"
#include "graph/pass.h"
#include "train/sample_data.h"

namespace omni::compress {

enum class OptionKind : uint8_t {
  kFlag,    // true, false
  kCount,   // a whole number
  kNumber,  // any number
  kShare,   // 99.99%
  kChoice,  // one of StepOption::choices
  kText,
  kList,    // of texts
};
using OptionValue = std::variant<bool, int64_t, double, std::string, std::vector<std::string>>;

struct StepOption {
  std::string_view name;  // "keep_ends_int8": small letters and _
  std::string_view help;  // one line, no full stop
  OptionKind kind = OptionKind::kFlag;
  std::string_view fallback = {};  // as a recipe writes it
  std::string_view choices = {};   // kChoice: separated by "|"
  double low = 0, high = std::numeric_limits<int32_t>::max();  // of numbers and counts, and of shares in percent: both included
};

// "minmax|mse" as its words.
std::vector<std::string> choice_names(const StepOption& option);
// Throws Error (kInvalidArgument): "group: expected a whole number from 16 to 1024, found …". A list is separated by commas.
OptionValue parse_option(const StepOption& option, std::string_view text);
// What parse_option reads back as the same; lists as YAML writes them: ["a", "b"].
std::string option_text(const StepOption& option, const OptionValue& value);

struct StepDef;

// Every option of a step, with its fallback where none was given. Asking for a name that the step does not have is a bug (std::logic_error).
class StepOptions {
 public:
  explicit StepOptions(const StepDef& step);

  // Throws Error (kInvalidArgument) with the nearest names for one that the step does not have, and what parse_option throws.
  void set(std::string_view name, std::string_view text);
  void set_list(std::string_view name, std::vector<std::string> texts);

  bool flag(std::string_view name) const { return get<bool>(name); }
  int64_t count(std::string_view name) const { return get<int64_t>(name); }
  double number(std::string_view name) const { return get<double>(name); }
  double share(std::string_view name) const { return get<double>(name) / 100; }
  const std::string& text(std::string_view name) const { return get<std::string>(name); }
  const std::vector<std::string>& list(std::string_view name) const { return get<std::vector<std::string>>(name); }
  const OptionValue& value(std::string_view name) const;

  bool operator==(const StepOptions&) const = default;

 private:
  template <class T>
  const T& get(std::string_view name) const {
    return std::get<T>(value(name));
  }
  const StepOption& option(std::string_view name) const;

  const StepDef* step_;
  std::map<std::string, OptionValue, std::less<>> values_;
};

// What a step is given.
struct StepInput {
  const train::SampleData* data = nullptr;  // matched with the model; nullptr: none was given
  uint64_t seed = 1;
  std::shared_ptr<ThreadPool> pool;  // nullptr: the step makes its own
  Isa isa = detect_isa();
  Progress progress;
  std::string directory;           // the step's own, where it keeps checkpoints under any name; "": it cannot be resumed
  double checkpoint_seconds = 30;  // at most that much work is lost
};

struct StepContext {
  const StepInput& input;
  const StepOptions& options;
  Graph graph;                        // in: to be changed; out: the result
  PassContext passes;                 // its notes tell what was left as it is: "NAME: stays float, it is …"; NAME of a weight, a node or its output
  std::vector<TensorReport> tensors;  // ranges and errors of activations, where the step measures them

  std::vector<std::string>& notes() { return passes.notes; }
};

struct StepDef {
  std::string_view name;     // "int8-static"
  std::string_view purpose;  // one line, no full stop
  std::span<const StepOption> options = {};
  bool needs_data = false;     // samples
  bool needs_targets = false;  // samples with labels or values
  bool trains = false;         // gives weights new values by training: accuracy is then measured on samples that it does not see
  // It does not pay by itself but lets the steps behind it pay (equalization): it is judged together with the next step that does not prepare.
  bool prepares = false;
  // Starts from canonical form: constants folded, batch norms in their convolutions (passes/canonical.h).
  bool canonical = true;
  // Options that do not go together: throws Error (kInvalidArgument). May be nullptr.
  void (*check)(const StepOptions& options) = nullptr;
  void (*apply)(StepContext& context) = nullptr;
};

// Every step, in the order of step_list.inc.
std::span<const StepDef* const> step_defs();
std::vector<std::string> step_names();
// Throws Error (kInvalidArgument) with the nearest names.
const StepDef& find_step(std::string_view name);

struct LayerReport {
  std::string name;    // of the weight
  std::string op;      // that reads it
  std::string action;  // "int8", "int4", "f16", "bf16", "changed" (other values of the same type), "gone" or "kept"
  std::string reason;  // where it was kept, or kept at more bits
  int64_t elements = 0;
  size_t bytes_before = 0, bytes_after = 0;
  std::optional<double> snr_db;  // of the weight as it is read to what it was; none where it is not read as floats any more, or is the same
};

struct StepResult {
  Graph graph;
  std::vector<LayerReport> layers;
  std::vector<TensorReport> tensors;
  std::vector<std::string> notes;
};

// Throws Error (kInvalidArgument) where data or targets that the step needs are missing.
void check_needs(const StepDef& step, const train::SampleData* data);

// Canonical form where the step asks for it, the step, a verified graph. Throws Error: kInvalidArgument where data or targets are missing, and what the
// step throws.
StepResult apply_step(const Graph& graph, const StepDef& step, const StepOptions& options, const StepInput& input);

}  // namespace omni::compress
