// Trains LeNet-5 and measures it: train DATA OUTPUT
#include <omni/omni.h>

#include <cstdio>

int main(int argc, char** argv) try {
  if (argc != 3) return 2;
  const auto data = omni::Dataset::open(argv[1]);
  omni::Trainer trainer(omni::new_network("lenet5"), {.epochs = 1, .schedule = "one-cycle"});
  const auto trained = trainer.fit(data);
  trained.save(argv[2]);
  const auto answer = omni::evaluate(trained, data);
  std::printf("%lld samples, %.1f %% right\n", static_cast<long long>(answer.samples), 100 * answer.top1.value());
} catch (const omni::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 2;
}
