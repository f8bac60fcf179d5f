// Real pictures: Fashion-MNIST (Debian's dataset-fashion-mnist). Skipped where it is not installed, unless CI demands it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "formats/dataset/dataset.h"
#include "train/evaluate.h"
#include "train/networks.h"
#include "train/trainer.h"

namespace omni::train {
namespace {

bool have_data() { return std::filesystem::exists("/usr/share/datasets/fashion-mnist"); }

double accuracy_after(const char* name, int64_t samples, double rate) {
  const Graph model = make_network(name);
  TrainOptions o;
  o.epochs = 1;
  o.rate = rate;
  o.threads = 2;
  const SampleData data = match_data(model, formats::open_dataset("fashion-mnist@train@0:" + std::to_string(samples)));
  const SampleData held = match_data(model, formats::open_dataset("fashion-mnist@test@0:1000"));
  return evaluate(train(model, data, o).model, held).accuracy();
}

TEST(FashionMnist, OneEpochOnAFewThousandPicturesHelps) {
  if (!have_data()) {
    if (std::getenv("CI") != nullptr) FAIL() << "dataset-fashion-mnist is not installed";
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  EXPECT_GT(accuracy_after("lenet5", 4000, 0.03), 0.7);
  EXPECT_GT(accuracy_after("lenet-300-100", 8000, 0.05), 0.75);
}

}  // namespace
}  // namespace omni::train
