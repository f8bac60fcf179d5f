#include "manifest.h"

#include <filesystem>

#include "json.h"
#include "omni/omni.h"

namespace omni::cli {

void write_manifest(const std::string& directory, const Arguments& arguments, const std::vector<std::string>& inputs,
                    const std::vector<std::string>& outputs) {
  Json read = Json::array();
  for (const std::string& path : inputs) read.push(Json::object().set("path", path).set("sha256", file_sha256(path)));
  Json written = Json::array();
  for (const std::string& path : outputs) {
    written.push(Json::object().set("path", std::filesystem::path(path).filename().string()).set("sha256", file_sha256(path)));
  }
  Json manifest = Json::object();
  manifest.set("tool", "omni " + std::string(version()))
      .set("command_line", Json::array(arguments.words()))
      .set("inputs", read)
      .set("outputs", written);
  write_file((std::filesystem::path(directory) / "manifest.json").string(), manifest.text(true) + "\n", true);
}

}  // namespace omni::cli
