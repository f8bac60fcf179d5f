#include "device/workload.h"

#include <algorithm>
#include <set>

#include "device/process_memory.h"
#include "runtime/session.h"

namespace omni::device {

namespace {

// Constants may share their bytes.
void count_constants(const Graph& graph, const MappedFiles& files, std::set<const void*>& seen, MemoryUse& use) {
  for (const std::vector<ValueId>& ids : {graph.constants(), graph.states()}) {
    for (const ValueId id : ids) {
      const Tensor& data = graph.value(id).data;
      if (data.bytes() > 0 && seen.insert(data.data()).second)
        (files.contain(data.data()) ? use.mapped : use.weights) += static_cast<int64_t>(data.bytes());
    }
  }
  for (const NodeId id : graph.order()) {
    for (const auto& body : graph.node(id).bodies) count_constants(*body, files, seen, use);
  }
}

// From the second run on a committed state has two buffers that take turns; its first value stays with the graph.
int64_t state_bytes(const Graph& graph) {
  int64_t bytes = 0;
  for (const Commit& c : graph.commits()) bytes += 2 * static_cast<int64_t>(graph.value(c.state).data.bytes());
  return bytes;
}

int64_t input_bytes(const Graph& graph, std::span<const Shape> shapes) {
  int64_t bytes = 0;
  for (size_t i = 0; i < shapes.size(); ++i) {
    bytes += static_cast<int64_t>(packed_bytes(graph.type(graph.inputs()[i]).dtype, static_cast<size_t>(shapes[i].count())));
  }
  return bytes;
}

}  // namespace

MemoryUse constant_use(const Graph& graph) {
  MemoryUse use;
  std::set<const void*> seen;
  count_constants(graph, MappedFiles(), seen, use);
  return use;
}

Workload plan_workload(std::shared_ptr<const Graph> graph, std::span<const Shape> shapes, Isa isa, const runtime::Levers& levers,
                       std::shared_ptr<runtime::Saved> saved) {
  Workload work;
  work.isa = isa_available(isa) ? isa : Isa::kScalar;
  MemoryUse& use = work.memory;
  use = constant_use(*graph);
  const int64_t before = own_bytes();
  int64_t most = 0;
  runtime::SessionOptions options;
  options.isa = work.isa;
  options.threads = 1;
  options.profile = true;
  options.after_pass = [&](std::string_view, const Graph&) { most = std::max(most, own_bytes() - before); };
  runtime::apply(levers, std::vector<Shape>(shapes.begin(), shapes.end()), options, std::move(saved));
  runtime::Session session(graph, options);
  const runtime::PlanInfo plan = session.plan(shapes, false);
  use.arena = static_cast<int64_t>(plan.arena_bytes);
  use.session = std::max<int64_t>(0, own_bytes() - before);
  use.planning = std::max<int64_t>(0, most - use.session);
  use.states = state_bytes(session.graph());
  use.ports = input_bytes(session.graph(), shapes) + static_cast<int64_t>(plan.output_bytes);
  work.steps = session.profiler().steps();
  work.kernels = kernel_works(work.steps, session.graph());
  work.whole = plan.segments == 1;
  return work;
}

}  // namespace omni::device
