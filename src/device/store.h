// Where profiles are: those that come with omni are in the library itself (devices/*.yaml); a user's own are files in a folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "device/profile.h"

namespace omni::device {

struct StoredProfile {
  Profile profile;
  std::string origin;  // "shipped", or the file's path
};

// devices/*.yaml one after the other, as the build found them.
std::string_view shipped_text();
const std::vector<StoredProfile>& shipped_profiles();

// OMNI_DEVICES_DIR, else $XDG_DATA_HOME/omni/devices, else ~/.local/share/omni/devices; it need not exist. Throws Error (kMachine) without a home.
std::string user_folder();

// Shipped ones and the user's, by name. A file of the user's that is no profile is left out, and `problems` says why.
std::vector<StoredProfile> all_profiles(std::vector<std::string>* problems = nullptr);

// By name ("this" is the machine at hand), or from a file where `name` has a slash or ends in .yaml. Throws Error: kNotFound with the nearest names,
// or what the file is refused for.
StoredProfile find_profile(std::string_view name);

// Checks a file and copies it into the user's folder as NAME.yaml; returns that path. Throws Error (kExists) for the name of a shipped profile, and
// for one of the user's unless `overwrite`.
std::string add_profile(const std::string& path, bool overwrite);

// Writes a profile's text among the user's, in place of one of the same name; returns the file's path. Throws as add_profile does.
std::string store_profile(const std::string& text);

}  // namespace omni::device
