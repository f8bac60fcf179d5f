// Makes fuzz/corpus/package: package_corpus FOLDER. Run again when the format changes; the files are committed.
#include <cstdio>
#include <exception>
#include <string>

#include "formats/package/package.h"
#include "ops/op_list.h"

namespace {

constexpr std::string_view kPlain = R"(graph main(%x:f32[N,2,6,6]) -> (%y) {
  const %w = f32[3,2,3,3]splat(0.25)
  const %b = f32[3]{0.5,-1.0,0.0}
  const %shape = i64[2]{0,-1}
  %c:f32[N,3,4,4] = Conv(%x, %w, %b) kernel_shape=[3,3] as "conv"
  %r:f32[N,3,4,4] = Relu(%c)
  %f:f32[N,48] = Reshape(%r, %shape)
  %y:f32[N,48] = Softmax(%f) axis=-1
}
)";

constexpr std::string_view kTrain = R"(graph train(%x:f32[N,4], %lr:f32[]) -> (%loss) {
  state %w = f32[4,5]splat(0.5) kind=parameter
  state %v = f32[4,5]splat(0.0) kind=moment of=%w
  const %ok = bool[]{1}
  %z:f32[N,5] = MatMul(%x, %w) as "layer \"1\""
  %loss:f32[] = ReduceMean(%z) keepdims=0
  %v1:f32[4,5] = Mul(%v, %lr)
  %w1:f32[4,5] = Sub(%w, %v1)
  commit %w <- %w1 if %ok
  commit %v <- %v1
}
)";

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    using omni::formats::Package;
    const auto graph = [](std::string_view text) { return std::make_shared<omni::graph::Graph>(omni::graph::parse(text, omni::ops::find_op)); };
    Package plain, both;
    plain.metadata = {{"tool", "omni"}};
    plain.graphs = {graph(kPlain)};
    both.graphs = {graph(kPlain), graph(kTrain)};
    omni::formats::save_package(std::string(argv[1]) + "/plain.omni", plain, omni::core::Overwrite::kReplace);
    omni::formats::save_package(std::string(argv[1]) + "/train.omni", both, omni::core::Overwrite::kReplace);
    both.metadata[std::string(omni::formats::kMetaCoding)] = omni::formats::kRangeCoding;
    omni::formats::save_package(std::string(argv[1]) + "/coded.omni", both, omni::core::Overwrite::kReplace);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}
