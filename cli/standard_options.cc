#include "standard_options.h"

#include <algorithm>
#include <filesystem>

#include "quantity.h"

namespace omni::cli {

Output::Settings output_settings(const Arguments& arguments) {
  Output::Settings settings;
  settings.json = arguments.flag("--json");
  settings.quiet = arguments.flag("--quiet");
  settings.verbose = arguments.flag("--verbose");
  const std::string progress = arguments.text("--progress");
  settings.progress = progress == "none" ? ProgressStyle::kNone : progress == "plain" ? ProgressStyle::kPlain : ProgressStyle::kAuto;
  return settings;
}

void check_machine_options(const Arguments& arguments) {
  const SessionOptions options = session_options(arguments);
  chosen_threads(options);
  chosen_isa(options);
}

SessionOptions session_options(const Arguments& arguments) {
  return {.threads = threads_option(arguments), .isa = arguments.text("--isa"), .disabled_passes = arguments.all("--disable-pass")};
}

int threads_option(const Arguments& arguments) {
  if (!arguments.given("--threads")) return 0;
  const int64_t threads = arguments.count("--threads");
  if (threads < 1 || threads > 1024) throw Error(ErrorCode::kInvalidArgument, "expected 1 to 1024, got " + std::to_string(threads), "--threads");
  return static_cast<int>(threads);
}

std::vector<std::string> words_of(std::string_view text, char mark) {
  std::vector<std::string> words;
  while (true) {
    const size_t at = text.find(mark);
    words.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return words;
    text.remove_prefix(at + 1);
  }
}

std::vector<int64_t> sizes_of(std::string_view text, std::string_view what) {
  std::vector<int64_t> sizes;
  if (text.empty()) return sizes;
  for (const std::string& word : words_of(text, text.find('x') != std::string_view::npos ? 'x' : ',')) {
    sizes.push_back(parse_integer(word, what));
    if (sizes.back() < 0) throw Error(ErrorCode::kInvalidArgument, "a size cannot be negative", std::string(what));
  }
  return sizes;
}

std::vector<float> numbers_of(std::string_view text, std::string_view what) {
  std::vector<float> numbers;
  for (const std::string& word : words_of(text, ',')) numbers.push_back(static_cast<float>(parse_number(word, what)));
  return numbers;
}

bool preprocess_given(const Arguments& arguments) {
  return std::any_of(std::begin(kPreprocessOptions), std::end(kPreprocessOptions), [&](const OptionSpec& o) { return arguments.given(o.name); });
}

void set_source(Graph& made, const Arguments& arguments, const Graph& model, const std::string& path) {
  made.set_metadata("source_sha256", file_sha256(path));
  if (preprocess_given(arguments)) made.set_metadata("preprocessing", preprocess_option(arguments, model).text());
}

Preprocess preprocess_option(const Arguments& arguments, const Graph& model) {
  Preprocess result;
  const auto metadata = model.metadata();
  if (const auto stored = metadata.find("preprocessing"); stored != metadata.end()) result = Preprocess::parse(stored->second);
  if (arguments.given("--resize")) result.resize = arguments.count("--resize");
  if (arguments.given("--crop")) result.crop = arguments.count("--crop");
  if (arguments.given("--channels")) result.channels = arguments.count("--channels");
  if (arguments.given("--scale")) {
    const std::string text = arguments.text("--scale");
    const size_t slash = text.find('/');
    result.scale = parse_number(text.substr(0, slash), "--scale");
    if (slash != std::string::npos) result.scale /= parse_number(text.substr(slash + 1), "--scale");
  }
  if (arguments.given("--mean")) result.mean = numbers_of(arguments.text("--mean"), "--mean");
  if (arguments.given("--std")) result.std = numbers_of(arguments.text("--std"), "--std");
  if (arguments.given("--layout")) result.channels_last = arguments.text("--layout") == "nhwc";
  return result;
}

Dataset open_data(const Arguments& arguments, const Graph& model, std::string_view name, std::string_view default_part) {
  DatasetOptions options;
  options.preprocess = preprocess_option(arguments, model);
  options.label = arguments.text("--target");
  options.values = arguments.flag("--values");
  options.default_part = default_part;
  return Dataset::open(name, options);
}

InputShapes shapes_option(const Arguments& arguments) {
  InputShapes shapes;
  for (const std::string& text : arguments.all("--shape")) {
    const size_t mark = text.rfind('=');
    if (mark == std::string::npos || mark == 0)
      throw Error(ErrorCode::kInvalidArgument, "expected NAME=1,3,224,224, got " + printable(text), "--shape");
    shapes[text.substr(0, mark)] = sizes_of(std::string_view(text).substr(mark + 1), "--shape");
  }
  return shapes;
}

void check_writable(const std::string& path, bool overwrite) {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (!overwrite && fs::is_regular_file(path, failed)) throw Error(ErrorCode::kExists, "is there already", path, "use --force to overwrite it");
  const fs::path parent = fs::path(path).parent_path();
  if (!parent.empty() && !fs::is_directory(parent, failed))
    throw Error(ErrorCode::kNotFound, "there is no such directory", parent.string(), "make it first");
}

Json ports_json(const std::vector<ValueInfo>& ports) {
  Json list = Json::array();
  for (const ValueInfo& port : ports) {
    Json entry = Json::object();
    entry.set("name", port.name).set("dtype", dtype_name(port.dtype)).set("shape", Json::array(port.shape)).set("type", port.type);
    list.push(std::move(entry));
  }
  return list;
}

}  // namespace omni::cli
