// Small things: names, versions, conversions between the public types and the rooms'.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "api/access.h"
#include "core/isa.h"
#include "core/mapped_file.h"
#include "core/sha256.h"
#include "core/thread_pool.h"

namespace omni {

std::string_view version() { return OMNI_VERSION; }

std::string did_you_mean(std::string_view word, std::span<const std::string> known) { return core::did_you_mean(word, known); }
std::string printable(std::string_view text) { return core::quoted(text); }
std::string_view dtype_name(DType type) { return core::dtype_name(api::to_core(type)); }

std::string file_sha256(const std::string& path) { return core::sha256_hex(core::map_file(path).bytes); }

void write_file(const std::string& path, std::string_view text, bool overwrite) {
  core::write_file_atomically(path, text, api::overwrite(overwrite));
}

std::string Preprocess::text() const { return formats::preprocess_text(api::to_core(*this)); }
Preprocess Preprocess::parse(std::string_view text) { return api::to_public(formats::parse_preprocess(text)); }

std::string_view chosen_isa(const SessionOptions& options) { return core::isa_name(api::isa(options.isa)); }
int chosen_threads(const SessionOptions& options) { return api::threads(options.threads); }

namespace api {

core::DType to_core(DType type) { return static_cast<core::DType>(type); }
DType to_public(core::DType type) { return static_cast<DType>(type); }
core::Overwrite overwrite(bool replace) { return replace ? core::Overwrite::kReplace : core::Overwrite::kRefuse; }

formats::Preprocess to_core(const Preprocess& p) {
  formats::Preprocess result;
  result.resize = p.resize;
  result.crop = p.crop;
  result.channels = p.channels;
  result.scale = p.scale;
  result.mean = p.mean;
  result.std = p.std;
  result.layout = p.channels_last ? formats::PictureLayout::kNhwc : formats::PictureLayout::kNchw;
  return result;
}

Preprocess to_public(const formats::Preprocess& p) {
  Preprocess result;
  result.resize = p.resize;
  result.crop = p.crop;
  result.channels = p.channels;
  result.scale = p.scale;
  result.mean = p.mean;
  result.std = p.std;
  result.channels_last = p.layout == formats::PictureLayout::kNhwc;
  return result;
}

core::Shape shape_of(std::span<const int64_t> dims) { return core::Shape(dims); }
std::vector<int64_t> dims_of(const core::Shape& shape) { return {shape.begin(), shape.end()}; }

int threads(int option) {
  if (option < 0) throw Error(ErrorCode::kInvalidArgument, "the number of threads cannot be negative", "threads");
  if (option > 0) return option;
  const char* variable = std::getenv("OMNI_THREADS");
  if (variable == nullptr || *variable == 0) return core::physical_cores();
  const std::string_view text = variable;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1 || value > 1024) {
    throw Error(ErrorCode::kInvalidArgument, "expected a number of threads from 1 to 1024, found " + core::quoted(text), "OMNI_THREADS");
  }
  return value;
}

core::Isa isa(std::string_view option) {
  const char* variable = std::getenv("OMNI_ISA");
  const std::string_view name = !option.empty() ? option : variable != nullptr ? std::string_view(variable) : std::string_view();
  const core::Isa best = core::detect_isa();
  if (name.empty()) return best;
  const std::optional<core::Isa> wanted = core::parse_isa(name);
  if (!wanted) {
    std::vector<std::string> known;
    for (const core::Isa available : core::available_isas()) known.emplace_back(core::isa_name(available));
    std::string fix = core::did_you_mean(name, known);
    if (fix.empty()) {
      fix = "this machine has";
      for (const std::string& other : known) fix += " " + other;
    }
    throw Error(ErrorCode::kInvalidArgument, "there is no instruction set " + core::quoted(name), option.empty() ? "OMNI_ISA" : "isa", fix);
  }
  // A cap above what the CPU has leaves the CPU's best.
  return core::isa_available(*wanted) ? *wanted : best;
}

runtime::SessionOptions session_options(int thread_count, std::string_view isa_name, const std::vector<std::string>& disabled_passes) {
  runtime::SessionOptions options;
  options.threads = threads(thread_count);
  options.isa = isa(isa_name);
  for (const std::string& pass : disabled_passes) {
    const std::vector<std::string> known = planning_passes();
    if (std::find(known.begin(), known.end(), pass) == known.end()) {
      throw Error(ErrorCode::kInvalidArgument, "no pass is named " + core::quoted(pass), "disabled passes", core::did_you_mean(pass, known));
    }
    options.disabled_passes.insert(pass);
  }
  return options;
}

}  // namespace api

}  // namespace omni
