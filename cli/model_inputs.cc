#include "model_inputs.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

namespace omni::cli {

namespace {

bool starts_as_npy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char head[6] = {};
  file.read(head, sizeof head);
  return file.gcount() == 6 && std::memcmp(head, "\x93NUMPY", 6) == 0;
}

const ValueInfo& input_named(const std::vector<ValueInfo>& inputs, const std::string& name) {
  std::vector<std::string> known;
  for (const ValueInfo& input : inputs) {
    if (input.name == name) return input;
    known.push_back(input.name);
  }
  std::string fix = did_you_mean(name, known);
  if (fix.empty()) {
    fix = "the model's inputs are";
    for (const std::string& other : known) fix += " " + printable(other);
  }
  throw Error(ErrorCode::kInvalidArgument, "no input is named " + printable(name), "--input", fix);
}

// Splits "NAME=FILE" at the '=' that makes NAME an input; names may hold '='.
std::pair<std::string, std::string> split(const std::string& text, const std::vector<ValueInfo>& inputs) {
  for (size_t at = text.find('='); at != std::string::npos; at = text.find('=', at + 1)) {
    for (const ValueInfo& input : inputs) {
      if (std::string_view(text).substr(0, at) == input.name) return {input.name, text.substr(at + 1)};
    }
  }
  const size_t at = text.find('=');
  if (at != std::string::npos && !std::filesystem::exists(text)) return {text.substr(0, at), text.substr(at + 1)};
  if (inputs.size() == 1) return {inputs[0].name, text};
  throw Error(ErrorCode::kInvalidArgument, "expected NAME=FILE, got " + printable(text), "--input");
}

}  // namespace

Tensors load_inputs(const std::vector<std::string>& texts, const std::vector<ValueInfo>& inputs, const Preprocess& preprocess, bool complete) {
  Tensors tensors;
  for (const std::string& text : texts) {
    const auto [name, path] = split(text, inputs);
    const ValueInfo& input = input_named(inputs, name);
    if (tensors.contains(name)) throw Error(ErrorCode::kInvalidArgument, "input " + printable(name) + " is given twice", "--input");
    if (!std::filesystem::exists(path)) throw Error(ErrorCode::kNotFound, "no such file", path, "check the path of --input " + printable(name));
    Tensor tensor = starts_as_npy(path) ? Tensor::load(path) : Tensor::load_picture(path, preprocess);
    if (tensor.dtype() != input.dtype) {
      throw Error(ErrorCode::kInvalidArgument, "expected " + input.type + ", found " + tensor.type_text(), path + ", input " + printable(name),
                  "save it as " + std::string(dtype_name(input.dtype)));
    }
    tensors.emplace(name, std::move(tensor));
  }
  for (const ValueInfo& input : inputs) {
    if (complete && !tensors.contains(input.name)) {
      throw Error(ErrorCode::kInvalidArgument, "input " + printable(input.name) + " " + input.type + " is missing", "--input",
                  "add --input " + input.name + "=FILE.npy");
    }
  }
  return tensors;
}

std::string output_file_name(std::string_view output) {
  std::string name;
  for (const char c : output) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    name += plain ? c : '_';
  }
  return name + ".npy";
}

std::vector<std::string> save_outputs(const Tensors& outputs, const std::string& directory, bool overwrite) {
  namespace fs = std::filesystem;
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (!fs::is_directory(directory)) {
    throw Error(ErrorCode::kMachine, "cannot make this directory" + (failed ? ": " + failed.message() : std::string()), directory,
                "choose another --output-dir");
  }
  std::vector<std::string> paths;
  std::set<std::string> taken;
  for (const auto& [name, tensor] : outputs) {
    std::string path = (fs::path(directory) / output_file_name(name)).string();
    if (!taken.insert(path).second)
      throw Error(ErrorCode::kInvalidData, "two outputs have the same file name", path, "rename one of them in the model");
    if (!overwrite && fs::exists(path)) throw Error(ErrorCode::kExists, "is there already", path, "use --force to overwrite it");
    paths.push_back(std::move(path));
  }
  size_t i = 0;
  for (const auto& [name, tensor] : outputs) tensor.save(paths[i++], overwrite);
  return paths;
}

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error(ErrorCode::kNotFound, "cannot be opened", path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

}  // namespace omni::cli
