#include "memory_budget.h"

#include <algorithm>
#include <fstream>
#include <new>

#include "quantity.h"

namespace omni::cli {

namespace {

// What the system charges a process with beside its own pages: page tables, and pages of a file while it is read. Within half a MB of a cgroup's limit
// processes were ended.
constexpr int64_t kSystemBytes = 1 << 20;

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
  return within(budget, "reading the model already takes more", [&] { return Graph::load(path, {.limit_bytes = std::max<int64_t>(1, budget - kSystemBytes)}); });
}

InputShapes shapes_with(InputShapes shapes, const std::map<std::string, Tensor, std::less<>>& inputs) {
  for (const auto& [name, tensor] : inputs) shapes[name].assign(tensor.shape().begin(), tensor.shape().end());
  return shapes;
}

void check_memory_budget(const Arguments& arguments, const Graph& graph, PredictOptions options) {
  if (!arguments.given("--memory-budget")) return;
  const int64_t budget = arguments.bytes("--memory-budget");
  options.limit_bytes = std::max<int64_t>(1, budget - kSystemBytes);
  const MemoryPrediction need = within(budget, "planning the model already takes more", [&] { return predict_memory(graph, options); });
  const int64_t bytes = need.growth_bytes + need.process_bytes + kSystemBytes;
  if (bytes > budget)
    refuse("the model needs " + bytes_text(static_cast<double>(bytes)) + ", " + bytes_text(static_cast<double>(bytes - budget)) + " more", budget);
}

}  // namespace omni::cli
