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
