// Runs a network on one picture: run MODEL PICTURE.npy
#include <omni/omni.h>

#include <algorithm>
#include <cstdio>

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  const auto model = omni::Graph::load(argv[1]);
  auto session = omni::Session(model, {.threads = 2});
  const auto outputs = session.run({{model.inputs()[0].name, omni::Tensor::load(argv[2])}});
  const auto scores = outputs[model.outputs()[0].name].values<float>();
  std::printf("class %td\n", std::max_element(scores.begin(), scores.end()) - scores.begin());
} catch (const omni::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 2;
}
