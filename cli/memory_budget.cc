#include "memory_budget.h"

#include <new>

#include "quantity.h"

namespace omni::cli {

namespace {

[[noreturn]] void refuse(const std::string& need, int64_t budget) {
  throw Error(ErrorCode::kMachine, need + " than the budget of " + bytes_text(static_cast<double>(budget)), "--memory-budget",
              "give more, a smaller model or a smaller batch; omni predict shows what takes it");
}

}  // namespace

InputShapes shapes_with(InputShapes shapes, const std::map<std::string, Tensor, std::less<>>& inputs) {
  for (const auto& [name, tensor] : inputs) shapes[name].assign(tensor.shape().begin(), tensor.shape().end());
  return shapes;
}

void check_memory_budget(const Arguments& arguments, const Graph& graph, PredictOptions options) {
  if (!arguments.given("--memory-budget")) return;
  const int64_t budget = arguments.bytes("--memory-budget");
  options.limit_bytes = budget;
  MemoryPrediction need;
  try {
    need = predict_memory(graph, options);
  } catch (const std::bad_alloc&) {
    refuse("planning the model already takes more", budget);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kMachine) throw;
    refuse("planning the model already takes more", budget);
  }
  const int64_t bytes = need.growth_bytes + need.process_bytes;
  if (bytes > budget)
    refuse("the model needs " + bytes_text(static_cast<double>(bytes)) + ", " + bytes_text(static_cast<double>(bytes - budget)) + " more", budget);
}

}  // namespace omni::cli
