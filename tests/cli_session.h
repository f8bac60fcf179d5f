// Runs commands as a user does (through the executable) or in this process, in a directory of its own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace omni::cli_test {

struct Outcome {
  int code = -1;
  std::string out, err;
};

// A fresh directory that is the current one while it lives, and is removed afterwards.
class WorkDirectory {
 public:
  WorkDirectory();
  ~WorkDirectory();
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;

  // Names of all files, sorted.
  std::vector<std::string> files() const;

 private:
  std::filesystem::path path_, before_;
};

// In this process.
Outcome run(const std::vector<std::string>& words);
// A line for the shell; "omni" in it is the executable under test.
Outcome shell(const std::string& line);

std::string read_text(const std::string& path);
void write_bytes(const std::string& path, const std::string& bytes);
// A small network with the input "x" f32[N,4] and the output "y" f32[N,3], saved under that name. Takes microseconds to run.
void make_tiny_model(const std::string& path);
// detector.onnx (sound f32[1,K], state f32[1,4] → score, stateN) and decoder.onnx (input_ids → logits of five tokens), recording.npy of 1300 samples and
// prompt.npy of the token 3: what the examples of `run --loop` read.
void make_loop_models();
// An ONNX backend test case: Relu of -1, 0.5, 2.
void make_backend_case(const std::string& folder, const std::vector<float>& expected = {0, 0.5f, 2});
// 28x28 grey.
void make_png(const std::string& path);
// f32[1,1,28,28].
void make_npy(const std::string& path);
bool has_fashion_mnist();

}  // namespace omni::cli_test
