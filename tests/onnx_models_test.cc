// Real pretrained models (../shared/models): those whose operators are there must load, run and give what ONNX Runtime gives.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "core/error.h"
#include "formats/dataset/npy.h"
#include "formats/onnx/export.h"
#include "formats/onnx/import.h"
#include "onnx_suite.h"
#include "runtime/session.h"

namespace omni::suite {
namespace {

namespace fs = std::filesystem;

std::vector<Tensor> read_arrays(const std::string& folder, const std::string& prefix) {
  std::vector<Tensor> arrays;
  for (int n = 0; fs::exists(folder + "/" + prefix + "_" + std::to_string(n) + ".npy"); ++n) {
    arrays.push_back(formats::load_npy(folder + "/" + prefix + "_" + std::to_string(n) + ".npy"));
  }
  return arrays;
}

size_t best(const Tensor& scores) {
  const std::vector<double> values = core::to_double(scores);
  return static_cast<size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

// Rounding that falls the other way in one layer moves steps of quantization in all that follow. On this input, which is noise, ONNX Runtime's own
// integer kernels differ from its float ones by a root mean square of 0.148 of the scores'; on pictures the class is what counts (bar E6).
void expect_same_class(const Tensor& found, const Tensor& expected) {
  EXPECT_EQ(best(found), best(expected));
  const std::vector<double> a = core::to_double(found), b = core::to_double(expected);
  double error = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    error += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  printf("root mean square of the difference over that of the scores: %.3f\n", std::sqrt(error / size));
  EXPECT_LE(std::sqrt(error / size), 0.2);
}

class OnnxModels : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = std::string(OMNI_SHARED_DIR "/models/") + GetParam();
    if (fs::exists(folder_ + "/model.onnx")) return;
    if (std::getenv("CI") != nullptr) FAIL() << folder_ << " is missing";
    GTEST_SKIP() << folder_ << " is missing";
  }
  std::string folder_;
};

TEST_P(OnnxModels, GiveWhatOnnxRuntimeGives) {
  const std::set<std::string> missing = missing_operators(folder_ + "/model.onnx");
  if (!missing.empty()) {
    const std::string all = testing::PrintToString(missing);
    EXPECT_NE(std::string(GetParam()), "mobilenetv2_int8_static") << "its operators must be there; missing: " << all;
    GTEST_SKIP() << "operators that are not there: " << all;
  }
  const graph::Graph graph = formats::import_onnx(folder_ + "/model.onnx");
  verify(graph);
  const std::vector<Tensor> inputs = read_arrays(folder_, "input"), expected = read_arrays(folder_, "output");
  const std::vector<Tensor> outputs = runtime::Session(graph.clone(), {.threads = 2}).run(inputs);
  ASSERT_EQ(outputs.size(), expected.size());
  const bool integers = std::string(GetParam()).find("int8") != std::string::npos;
  // The one known failure: a value of yolox_nano is 1.2e-3 away, on every instruction set. When it no longer is, this row has to go.
  const std::string known = std::string(GetParam()) == "yolox_nano" ? "1 of 301665 values" : "";
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (integers) {
      expect_same_class(outputs[i], expected[i]);
    } else {
      const std::string found = difference(outputs[i], expected[i], 1e-3, 0, true);
      EXPECT_EQ(known.empty() ? found : found.substr(0, known.size()), known) << "output " << i << ": " << found;
      EXPECT_EQ(difference(outputs[i], expected[i], 1.5e-3, 0, true), "") << "output " << i;
    }
  }
}

TEST_P(OnnxModels, ExportAndImportAgainIsTheSameGraph) {
  if (!missing_operators(folder_ + "/model.onnx").empty()) GTEST_SKIP() << "operators that are not there";
  const graph::Graph graph = formats::import_onnx(folder_ + "/model.onnx");
  const std::string bytes = formats::export_onnx(graph);
  const graph::Graph again = formats::import_onnx(std::as_bytes(std::span(bytes)));
  const std::vector<Tensor> inputs = read_arrays(folder_, "input");
  const std::vector<Tensor> a = runtime::Session(graph.clone(), {.threads = 1}).run(inputs),
                            b = runtime::Session(again.clone(), {.threads = 1}).run(inputs);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(a[i].equal(b[i])) << "output " << i;
}

// A voice-like sound, chunk by chunk, the state fed back: what ONNX Runtime 1.32 gives for the same samples.
struct Stream {
  int64_t rate, chunk;
  std::vector<double> voice;  // of each chunk
  double state_rms;           // after the last
  std::vector<double> first, second;  // elements of the last state's two rows
};

Tensor samples(const Stream& s, int64_t chunk) {
  Tensor x(core::DType::kF32, {1, s.chunk});
  for (int64_t i = 0; i < s.chunk; ++i) {
    constexpr double kTurn = 6.283185307179586;
    const double t = static_cast<double>(chunk * s.chunk + i) / static_cast<double>(s.rate);
    double sum = 0;
    for (int h = 1; h < 12; ++h) sum += std::sin(h * kTurn * 130 * t) / h;
    x.mutable_values<float>()[static_cast<size_t>(i)] = static_cast<float>(sum * 0.12 * (0.6 + 0.4 * std::sin(kTurn * 4 * t)));
  }
  return x;
}

TEST(SileroVad, GivesWhatOnnxRuntimeGivesOverSeveralChunks) {
  const std::string path = OMNI_SHARED_DIR "/models/silero_vad/model.onnx";
  if (!fs::exists(path)) {
    if (std::getenv("CI") != nullptr) FAIL() << path << " is missing";
    GTEST_SKIP() << path << " is missing";
  }
  const Stream streams[] = {
      {16000, 512, {0.0005886555, 0.0005277395, 0.0005189776, 0.0005177557, 0.0005176067, 0.0005176067, 0.0005175769, 0.0005175769}, 2.3341054916381836,
       {-0.99999976, 0, 0, 0}, {-8, 1, 1, -1}},
      {8000, 256, {0.5868717, 0.8626688, 0.9195583, 0.9585985, 0.9435444, 0.9326198, 0.8579924, 0.7466856}, 0.7915778756141663,
       {0.11912435, -0.21514393, -0.2627411, 0.09274375}, {1.6107959, -0.22089307, -0.5926284, 0.65071267}},
  };
  runtime::Session session(formats::import_onnx(path), {.threads = 2});
  for (const Stream& s : streams) {
    Tensor state(core::DType::kF32, {2, 1, 128});
    const double rms = std::sqrt(std::inner_product(s.voice.begin(), s.voice.end(), s.voice.begin(), 0.0) / static_cast<double>(s.voice.size()));
    for (size_t c = 0; c < s.voice.size(); ++c) {
      const std::vector<Tensor> out = session.run(std::vector<Tensor>{samples(s, static_cast<int64_t>(c)), state, Tensor::scalar(s.rate)});
      EXPECT_NEAR(core::to_double(out[0])[0], s.voice[c], 1e-3 * std::max(std::abs(s.voice[c]), rms)) << s.rate << " Hz, chunk " << c;
      state = out[1];
    }
    const std::vector<double> last = core::to_double(state);
    const auto near = [&](size_t at, double expected) { EXPECT_NEAR(last[at], expected, 1e-3 * std::max(std::abs(expected), s.state_rms)) << at; };
    for (size_t i = 0; i < 4; ++i) near(i, s.first[i]);
    for (size_t i = 0; i < 4; ++i) near(128 + i, s.second[i]);
    EXPECT_NEAR(std::sqrt(std::inner_product(last.begin(), last.end(), last.begin(), 0.0) / static_cast<double>(last.size())), s.state_rms, 1e-3 * s.state_rms);
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, OnnxModels,
                         ::testing::Values("mobilenetv2_int8_static", "yolox_nano", "ch_PP-OCRv4_rec_infer", "silero_vad", "magika_standard_v3_3"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace omni::suite
