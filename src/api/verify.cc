#include "api/access.h"
#include "api/model_file.h"
#include "core/mapped_file.h"

namespace omni {

Verification verify(const std::string& path) {
  Verification result;
  result.size_bytes = static_cast<int64_t>(core::map_file(path).bytes.size());
  api::LoadedModel model = api::load_model(path);
  result.format = model.format;
  api::verify_file(path, model.format, result);
  try {
    graph::verify(model.graph);
    result.facts.push_back(std::to_string(graph::live_node_count(model.graph)) + " nodes, consistent");
    runtime::Session session(std::move(model.graph), api::session_options(1, {}));
    result.facts.push_back("every operator can run here");
  } catch (const Error& error) {
    result.problems.push_back(error.what());
  }
  return result;
}

}  // namespace omni
