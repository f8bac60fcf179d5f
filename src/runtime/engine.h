// What every inference engine can do: ours (a Session) and others that stand behind the same calls. Narrow on purpose.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "runtime/session.h"

namespace omni::runtime {

// An input or output as the model declares it: -1 for a dimension that may vary, its name beside it.
struct EnginePort {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;
  std::vector<std::string> dim_names;  // "" for fixed dimensions
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view name() const = 0;
  virtual const std::vector<EnginePort>& inputs() const = 0;
  virtual const std::vector<EnginePort>& outputs() const = 0;
  // Inputs in the order of inputs(); returns one tensor an output, valid until the next run. Throws Error.
  virtual std::vector<Tensor> run(std::span<const Tensor> inputs) = 0;
};

// A session as an engine. Throws what Session's constructor throws.
std::unique_ptr<Engine> make_session_engine(std::shared_ptr<const Graph> graph, SessionOptions options = {});

}  // namespace omni::runtime
