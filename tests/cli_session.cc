#include "cli_session.h"

#include <png.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "omni/omni.h"
#include "run_command.h"

namespace omni::cli_test {

namespace fs = std::filesystem;

WorkDirectory::WorkDirectory() : before_(fs::current_path()) {
  std::string name = (fs::temp_directory_path() / "omni-cli-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = name;
  fs::current_path(path_);
  setenv("OMNI_DEVICES_DIR", (path_ / "devices").c_str(), 1);  // not the user's own
}

WorkDirectory::~WorkDirectory() {
  std::error_code failed;
  fs::current_path(before_, failed);
  fs::remove_all(path_, failed);
}

std::vector<std::string> WorkDirectory::files() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(path_)) names.push_back(fs::relative(entry.path(), path_).string());
  std::sort(names.begin(), names.end());
  return names;
}

Outcome run(const std::vector<std::string>& words) {
  std::ostringstream out, err;
  cli::Terminal terminal{.out = out, .err = err};
  Outcome outcome;
  outcome.code = cli::run_command(words, terminal);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

Outcome shell(const std::string& line) {
  const std::string out = "/tmp/omni-cli-" + std::to_string(getpid()) + ".out", err = "/tmp/omni-cli-" + std::to_string(getpid()) + ".err";
  const std::string directory = fs::path(OMNI_EXECUTABLE).parent_path().string();
  const std::string command = "PATH='" + directory + "':$PATH; export PATH; { " + line + "\n} >" + out + " 2>" + err + " </dev/null";
  const int status = std::system(command.c_str());
  Outcome outcome;
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = read_text(out);
  outcome.err = read_text(err);
  fs::remove(out);
  fs::remove(err);
  return outcome;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void make_tiny_model(const std::string& path) {
  constexpr std::string_view kText = R"(graph main(%x:f32[N,4]) -> (%y) {
  const %w = f32[4,3]{0.5,-1.0,0.25,1.0,0.0,-0.5,0.75,0.125,1.5,-0.25,2.0,1.0}
  const %b = f32[3]{0.1,-0.2,0.3}
  %h = MatMul(%x, %w)
  %z = Add(%h, %b)
  %y = Relu(%z)
}
)";
  Graph::parse(kText).save(path);
}

void make_loop_models() {
  Graph::parse(R"(graph detector(%sound:f32[1,K], %state:f32[1,4]) -> (%score, %stateN) {
  const %axes = i64[1]{1}
  const %half = f32[]{0.5}
  %level = ReduceMean(%sound, %axes) keepdims=1
  %old = Mul(%state, %half)
  %stateN = Add(%old, %level)
  %score = ReduceMean(%stateN, %axes) keepdims=0
}
)").save("detector.onnx");
  // Row t has its highest score at 2 t + 1 modulo 5, the second at t.
  Graph::parse(R"(graph decoder(%input_ids:i64[B,T]) -> (%logits) {
  const %table = f32[5,5]{4.0,5.0,0.0,0.0,0.0,0.0,4.0,0.0,5.0,0.0,5.0,0.0,4.0,0.0,0.0,0.0,0.0,5.0,4.0,0.0,0.0,0.0,0.0,0.0,5.0}
  %logits = Gather(%table, %input_ids)
}
)").save("decoder.onnx");
  Tensor recording(DType::kF32, {1, 1300});
  for (float& sample : recording.mutable_values<float>()) sample = 1;
  recording.save("recording.npy", true);
  Tensor::of<int64_t>({1, 1}, {3}).save("prompt.npy", true);
}

namespace {

// A TensorProto of f32[n]: dims (field 1), data_type (2), raw_data (9).
void write_tensor(const std::string& path, const std::vector<float>& values) {
  const size_t size = values.size() * sizeof(float);
  std::string bytes = {'\x08', static_cast<char>(values.size()), '\x10', '\x01', '\x4a', static_cast<char>(size)};
  bytes.append(reinterpret_cast<const char*>(values.data()), size);
  write_bytes(path, bytes);
}

}  // namespace

void make_backend_case(const std::string& folder, const std::vector<float>& expected) {
  fs::create_directories(folder + "/test_data_set_0");
  Graph::parse("graph main(%x:f32[3]) -> (%y) {\n  %y = Relu(%x)\n}\n").save(folder + "/model.onnx");
  write_tensor(folder + "/test_data_set_0/input_0.pb", {-1, 0.5f, 2});
  write_tensor(folder + "/test_data_set_0/output_0.pb", expected);
}

void make_png(const std::string& path) {
  png_image image;
  std::memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = 28;
  image.format = PNG_FORMAT_GRAY;
  std::vector<unsigned char> pixels(28 * 28);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<unsigned char>(i * 7);
  if (png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, nullptr) == 0) throw std::runtime_error("cannot write a picture");
}

void make_npy(const std::string& path) {
  Tensor tensor(DType::kF32, {1, 1, 28, 28});
  auto values = tensor.mutable_values<float>();
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 13) / 13;
  tensor.save(path, true);
}

bool has_fashion_mnist() { return fs::exists("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"); }

}  // namespace omni::cli_test
