// Does memory grow while shapes change? Runs a model many times through one session, the sizes of its symbolic dimensions drawn anew each time (in
// the first run all are the largest: what a session holds for the largest values is no growth), and prints a line every tenth of the way: runs so
// far, plans made so far, resident bytes, bytes that are allocated.  memory_over_shapes MODEL RUNS [LOW:HIGH]
#include <malloc.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>

#include "core/rng.h"
#include "formats/onnx/import.h"
#include "runtime/session.h"

namespace {

using omni::core::DType;
using omni::core::RandomStream;
using omni::core::Shape;
using omni::core::Tensor;

struct Range {
  int64_t low = 1, high = 40;
};

long resident_bytes() {
  long total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// Inputs of new sizes each run, in memory that is allocated once: what grows is the session's. Half of the numbers are above zero, so that what
// counts them differs from run to run.
class Inputs {
 public:
  Inputs(const omni::graph::Graph& graph, const Range& range) : graph_(graph), range_(range) {
    tensors_ = draw(1, [](DType t, const Shape& s, size_t) { return Tensor(t, s); });
  }

  std::vector<Tensor> of_run(uint64_t run) {
    return draw(run, [&](DType dtype, const Shape& shape, size_t i) {
      const RandomStream random(run, i);
      auto* const data = static_cast<float*>(tensors_[i].mutable_data());
      for (int64_t k = 0; dtype == DType::kF32 && k < shape.count(); ++k) data[k] = random.uniform(static_cast<uint64_t>(k)) - 0.5f;
      return Tensor::view(dtype, shape, data, nullptr);
    });
  }

 private:
  template <class Make>
  std::vector<Tensor> draw(uint64_t run, Make&& make) const {
    std::map<std::string, int64_t> sizes;
    std::vector<Tensor> inputs;
    for (const omni::graph::ValueId id : graph_.inputs()) {
      const omni::graph::Type& type = graph_.type(id);
      std::vector<int64_t> dims;
      for (const omni::graph::Dim d : type.dims) {
        const std::string symbol = graph_.dims().text(d);
        const auto span = static_cast<uint64_t>(range_.high - range_.low + 1);
        const int64_t drawn = run == 1 ? range_.high : range_.low + static_cast<int64_t>(RandomStream(run, symbol).below(0, span));
        dims.push_back(d.is_constant() ? d.value : sizes.try_emplace(symbol, drawn).first->second);
      }
      inputs.push_back(make(type.dtype, Shape(dims), inputs.size()));
    }
    return inputs;
  }

  const omni::graph::Graph& graph_;
  Range range_;
  std::vector<Tensor> tensors_;
};

int run(const char* path, int64_t runs, const Range& range) {
  omni::runtime::Session session(omni::formats::import_onnx(path), {.threads = 1});
  Inputs inputs(session.graph(), range);
  for (int64_t done = 1; done <= runs; ++done) {
    std::vector<omni::core::TensorView> outputs(session.output_count());
    session.run(inputs.of_run(static_cast<uint64_t>(done)), outputs).check();
    if (done % std::max<int64_t>(1, runs / 10) != 0) continue;
    const struct mallinfo2 info = mallinfo2();
    std::printf("%lld\t%llu\t%ld\t%zu\n", static_cast<long long>(done), static_cast<unsigned long long>(session.plans_made()), resident_bytes(),
                info.uordblks + info.hblkhd);
    std::fflush(stdout);
  }
  return 0;
}

bool parse(const char*& at, const char* end, int64_t& number) {
  const auto [next, error] = std::from_chars(at, end, number);
  at = next;
  return error == std::errc() && number > 0;
}

}  // namespace

int main(int argc, char** argv) {
  int64_t runs = 0;
  Range range;
  bool good = argc == 3 || argc == 4;
  if (good) {
    const std::string_view count = argv[2];
    const char* at = count.data();
    good = parse(at, count.data() + count.size(), runs);
  }
  if (good && argc == 4) {
    const std::string_view text = argv[3];
    const char* at = text.data();
    const char* const end = at + text.size();
    good = parse(at, end, range.low) && at != end && *at++ == ':' && parse(at, end, range.high) && range.low <= range.high;
  }
  if (!good) {
    std::fprintf(stderr, "usage: memory_over_shapes MODEL RUNS [LOW:HIGH]\n");
    return 2;
  }
  try {
    return run(argv[1], runs, range);
  } catch (const omni::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
