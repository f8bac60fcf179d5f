// Broken files through every command, in this process: the answer is an error in one sentence or a right answer, never a crash, a hang or half a
// file.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <functional>

#include "cli_session.h"
#include "omni/omni.h"

namespace omni::cli_test {

namespace {

namespace fs = std::filesystem;

// xorshift64*: the same changes everywhere.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 1) {}
  uint64_t roll(uint64_t sides) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return (state_ * 0x2545f4914f6cdd1dull) % sides;
  }

 private:
  uint64_t state_;
};

std::string broken(const std::string& whole, uint64_t seed) {
  Dice dice(seed);
  std::string bytes = whole;
  switch (dice.roll(6)) {
    case 0: bytes.resize(dice.roll(bytes.size())); break;
    case 1: bytes[dice.roll(bytes.size())] ^= static_cast<char>(1u << dice.roll(8)); break;
    case 2:
      for (int i = 0; i < 8; ++i) bytes[dice.roll(bytes.size())] = static_cast<char>(dice.roll(256));
      break;
    case 3: bytes.insert(dice.roll(bytes.size()), bytes.substr(dice.roll(bytes.size()), dice.roll(64))); break;
    case 4: bytes.erase(dice.roll(bytes.size()), 1 + dice.roll(32)); break;
    default: {
      // Large numbers where sizes may stand.
      const size_t at = dice.roll(bytes.size());
      for (size_t i = at; i < std::min(at + 8, bytes.size()); ++i) bytes[i] = static_cast<char>(dice.roll(3) == 0 ? 0x7f : 0xff);
    }
  }
  if (dice.roll(50) == 0) {
    for (char& c : bytes) c = static_cast<char>(dice.roll(256));
  }
  return bytes;
}

struct Case {
  std::string name;    // of the test
  std::string victim;  // the file that is broken
  std::vector<std::string> words;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::string form : {"onnx", "omni"}) {
    const std::string model = "model." + form, other = "whole." + form;
    all.push_back({"inspect_" + form, model, {"inspect", model}});
    all.push_back({"convert_" + form, model, {"convert", model, "-o", "out." + std::string(form == "onnx" ? "omni" : "onnx")}});
    all.push_back({"run_" + form, model, {"run", model, "--input", "x=x.npy", "--output-dir", "out"}});
    all.push_back({"train_" + form, model, {"train", model, "--data", "data.csv", "--epochs", "1", "-o", "out.onnx"}});
    all.push_back({"eval_" + form, model, {"eval", model, "--data", "data.csv"}});
    all.push_back({"compare_" + form, model, {"compare", other, model, "--samples", "1"}});
    all.push_back({"bench_" + form, model, {"bench", model, "--runs", "1", "--warmup", "0"}});
    all.push_back({"compress_" + form, model, {"compress", model, "--method", "int8-weight", "-o", "out.onnx"}});
    all.push_back({"verify_" + form, model, {"verify", model}});
  }
  all.push_back({"run_npy", "x.npy", {"run", "whole.onnx", "--input", "x=x.npy", "--output-dir", "out"}});
  all.push_back({"run_png", "x.png", {"run", "picture.onnx", "--input", "x=x.png", "--channels", "1", "--output-dir", "out"}});
  all.push_back({"run_labels", "labels.txt", {"run", "whole.onnx", "--input", "x=x.npy", "--top", "2", "--labels", "labels.txt"}});
  all.push_back({"eval_csv", "data.csv", {"eval", "whole.onnx", "--data", "data.csv"}});
  all.push_back({"train_csv", "data.csv", {"train", "whole.onnx", "--data", "data.csv", "--epochs", "1", "-o", "out.onnx"}});
  all.push_back({"eval_idx", "idx/t10k-images-idx3-ubyte", {"eval", "picture.onnx", "--data", "idx@test"}});
  all.push_back({"eval_idx_labels", "idx/t10k-labels-idx1-ubyte", {"eval", "picture.onnx", "--data", "idx@test"}});
  return all;
}

std::string big_endian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

void make_files() {
  make_tiny_model("model.onnx");
  make_tiny_model("model.omni");
  make_tiny_model("whole.onnx");
  make_tiny_model("whole.omni");
  Graph::parse("graph main(%x:f32[N,1,28,28]) -> (%y) {\n  %p = MaxPool(%x) kernel_shape=[14,14] strides=[14,14]\n  %y = Flatten(%p)\n}\n")
      .save("picture.onnx");
  Tensor::of<float>({1, 4}, {1.0f, 2.0f, 3.0f, 4.0f}).save("x.npy");
  make_png("x.png");
  write_bytes("labels.txt", "shirt\ntrousers\nshoe\n");
  write_bytes("data.csv", "a,b,c,d,label\n1,2,3,4,0\n0,1,0,1,2\n2,2,1,0,1\n");
  fs::create_directory("idx");
  write_bytes("idx/t10k-images-idx3-ubyte",
              std::string("\0\0\x08\x03", 4) + big_endian(3) + big_endian(28) + big_endian(28) + std::string(3 * 28 * 28, '\x30'));
  write_bytes("idx/t10k-labels-idx1-ubyte", std::string("\0\0\x08\x01", 4) + big_endian(3) + std::string("\0\1\2", 3));
}

void remove_outputs() {
  fs::remove("out.onnx");
  fs::remove("out.omni");
  fs::remove_all("out");
}

bool is_one_sentence(const std::string& err) {
  return err.starts_with("error: ") && err.find('\n') == err.size() - 1 && err.find('\0') == std::string::npos;
}

int count_of(const char* variable, int fallback) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::atoi(text) : fallback;
}

class Corruption : public testing::TestWithParam<Case> {};

TEST_P(Corruption, InProcess) {
  const Case& test = GetParam();
  const WorkDirectory work;
  make_files();
  std::vector<std::string> words = test.words;
  words.insert(words.end(), {"--threads", "1", "--progress", "none"});
  ASSERT_EQ(run(words).code, 0) << "on the whole file: " << run(words).err;
  remove_outputs();
  const std::string whole = read_text(test.victim);
  const std::vector<std::string> before = work.files();
  const int count = count_of("OMNI_CORRUPTIONS", 2000);
  for (int i = 0; i < count; ++i) {
    const std::string bytes = broken(whole, static_cast<uint64_t>(i) + 1);
    write_bytes(test.victim, bytes);
    const auto start = std::chrono::steady_clock::now();
    const Outcome outcome = run(words);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    EXPECT_LT(seconds, 10) << "change " << i;
    if (outcome.code == 2) {
      EXPECT_TRUE(is_one_sentence(outcome.err)) << "change " << i << ": " << outcome.err;
      EXPECT_EQ(work.files(), before) << "change " << i;
    } else {
      EXPECT_TRUE(outcome.code == 0 || (outcome.code == 1 && words[0] == "verify")) << "change " << i << ": " << outcome.code << " " << outcome.err;
    }
    remove_outputs();
    if (HasFailure()) {
      fs::create_directories("/tmp/omni-corruption");
      write_bytes("/tmp/omni-corruption/" + test.name + "-" + std::to_string(i), bytes);
      break;
    }
  }
}

TEST_P(Corruption, ThroughTheExecutable) {
  const Case& test = GetParam();
  const WorkDirectory work;
  make_files();
  std::string line = "omni";
  for (const std::string& word : test.words) line += " '" + word + "'";
  line += " --threads 1";
  const std::string whole = read_text(test.victim);
  const std::vector<std::string> before = work.files();
  for (int i = 0; i < count_of("OMNI_CORRUPTIONS_EXECUTABLE", 20); ++i) {
    write_bytes(test.victim, broken(whole, 100000 + static_cast<uint64_t>(i)));
    const Outcome outcome = shell(line);
    if (outcome.code == 2) {
      EXPECT_TRUE(is_one_sentence(outcome.err)) << "change " << i << ": " << outcome.err;
      EXPECT_EQ(work.files(), before) << "change " << i;
    } else {
      EXPECT_TRUE(outcome.code == 0 || (outcome.code == 1 && test.words[0] == "verify"))
          << "change " << i << ": " << outcome.code << " " << outcome.err;
    }
    remove_outputs();
  }
}

INSTANTIATE_TEST_SUITE_P(Commands, Corruption, testing::ValuesIn(cases()), [](const auto& one) { return one.param.name; });

}  // namespace

}  // namespace omni::cli_test
