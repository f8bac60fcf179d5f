// manifest.json of a directory of results: what is needed to make them again.
#pragma once

#include <string>
#include <vector>

#include "command.h"

namespace omni::cli {

// Every input with its SHA-256, the command line and the version.
void write_manifest(const std::string& directory, const Arguments& arguments, const std::vector<std::string>& inputs,
                    const std::vector<std::string>& outputs);

}  // namespace omni::cli
