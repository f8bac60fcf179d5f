// A float model in, an 8-bit model out: compress MODEL DATA OUTPUT
#include <omni/omni.h>

#include <cstdio>

int main(int argc, char** argv) try {
  if (argc != 4) return 2;
  const auto model = omni::Graph::load(argv[1]);
  omni::ModelCompressor compressor(model, {.data = omni::Dataset::open(argv[2]), .samples = 256});
  const auto small = compressor.static_quantization({.observer = omni::Observer::kMse});
  small.save(argv[3]);
  for (const auto& layer : compressor.report().layers) std::printf("%s: %s\n", layer.name.c_str(), layer.action.c_str());
} catch (const omni::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 2;
}
