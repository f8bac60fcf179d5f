#include "memory_budget.h"

#include <algorithm>
#include <fstream>
#include <new>

#include "quantity.h"

namespace omni::cli {

namespace {

// `cause`: what the system said.
[[noreturn]] void refuse(const std::string& need, int64_t budget, const std::string& cause = "") {
  const std::string text = need + " than the budget of " + bytes_text(static_cast<double>(budget));
  throw Error(ErrorCode::kMachine, cause.empty() ? text : text + " (" + cause + ")", "--memory-budget",
              "give more, a smaller model or a smaller batch; omni predict shows what takes it");
}

// What `work` gives within the budget; running out of memory there is a refusal.
template <class Work>
auto within(int64_t budget, const char* what, Work&& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    refuse(what, budget);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kMachine) throw;
    refuse(what, budget, error.what());
  }
}

}  // namespace

Graph load_within_budget(const Arguments& arguments, const std::string& path) {
  if (!arguments.given("--memory-budget") || !std::ifstream(path)) return Graph::load(path);  // which says why it cannot be opened
  const int64_t budget = arguments.bytes("--memory-budget");
  return within(budget, "reading the model already takes more", [&] { return Graph::load(path, {.limit_bytes = std::max<int64_t>(1, budget - kSystemMemory)}); });
}

InputShapes shapes_with(InputShapes shapes, const std::map<std::string, Tensor, std::less<>>& inputs) {
  for (const auto& [name, tensor] : inputs) shapes[name].assign(tensor.shape().begin(), tensor.shape().end());
  return shapes;
}

MemoryMeasures measures_within_budget(const Arguments& arguments, const Graph& graph, PredictOptions options, Output& output) {
  if (!arguments.given("--memory-budget")) return {};
  const int64_t budget = arguments.bytes("--memory-budget");
  options.memory_budget = std::max<int64_t>(1, budget);
  options.limit_bytes = std::max<int64_t>(1, budget - kSystemMemory);
  const MemoryPrediction need = within(budget, "planning the model already takes more", [&] { return predict_memory(graph, options); });
  if (need.missing_bytes > 0) {
    const std::string least = need.savings.empty() ? "the model needs " : "the model needs at least ";
    refuse(least + bytes_text(static_cast<double>(budget + need.missing_bytes)) + ", " + bytes_text(static_cast<double>(need.missing_bytes)) + " more", budget);
  }
  print_savings(need, budget, output);
  output.result().set("memory_budget", budget_json(need, budget));
  return need.measures;
}

Json budget_json(const MemoryPrediction& need, int64_t budget) {
  Json savings = Json::array();
  for (const MemorySaving& saving : need.savings) {
    savings.push(Json::object().set("text", saving.text).set("saved_bytes", saving.saved_bytes).set("more_operations", saving.more_operations));
  }
  Json json = Json::object();
  json.set("bytes", budget).set("growth_bytes", need.growth_bytes).set("needed_bytes", need.growth_bytes + need.process_bytes + kSystemMemory).set("missing_bytes", need.missing_bytes);
  return json.set("savings", savings);
}

void print_savings(const MemoryPrediction& need, int64_t budget, Output& output) {
  for (const MemorySaving& saving : need.savings) {
    const std::string saved = saving.saved_bytes > 0 ? " (saves " + bytes_text(static_cast<double>(saving.saved_bytes)) + ")" : "";
    output.line("to fit into " + bytes_text(static_cast<double>(budget)) + ": " + saving.text + saved);
  }
}

}  // namespace omni::cli
