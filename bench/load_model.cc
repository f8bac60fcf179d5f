// How long does it take from a file to a session that is ready to run? Prints the seconds of each repetition: the whole, reading and importing it,
// passes, planning.  load_model MODEL REPETITIONS [THREADS]
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "formats/onnx/import.h"
#include "runtime/session.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point a, Clock::time_point b) { return std::chrono::duration<double>(b - a).count(); }

// Unknown sizes are 1.
std::vector<omni::core::Shape> shapes_of(const omni::graph::Graph& graph) {
  std::vector<omni::core::Shape> shapes;
  for (const omni::graph::ValueId id : graph.inputs()) {
    std::vector<int64_t> dims;
    for (const omni::graph::Dim d : graph.type(id).dims) dims.push_back(d.is_constant() ? d.value : 1);
    shapes.emplace_back(std::span<const int64_t>(dims));
  }
  return shapes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: load_model MODEL REPETITIONS [THREADS]\n");
    return 2;
  }
  try {
    for (int i = std::atoi(argv[2]); i > 0; --i) {
      const auto start = Clock::now();
      omni::graph::Graph graph = omni::formats::import_onnx(argv[1]);
      const auto imported = Clock::now();
      omni::runtime::Session session(std::move(graph), {.threads = argc == 4 ? std::atoi(argv[3]) : 1});
      const auto prepared = Clock::now();
      (void)session.plan(shapes_of(session.graph()));
      const auto planned = Clock::now();
      std::printf("%.6f\t%.6f\t%.6f\t%.6f\n", seconds(start, planned), seconds(start, imported), seconds(imported, prepared),
                  seconds(prepared, planned));
      std::fflush(stdout);
    }
    return 0;
  } catch (const omni::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
