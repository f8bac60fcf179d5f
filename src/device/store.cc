#include "device/store.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "device/host.h"
#include "formats/yaml/yaml.h"

namespace omni::device {

namespace {

namespace fs = std::filesystem;

std::vector<StoredProfile> parse_shipped() {
  std::vector<StoredProfile> profiles;
  for (const formats::ShippedFile& file : formats::split_shipped(shipped_text())) profiles.push_back({parse_profile(file.text, file.name), "shipped"});
  return profiles;
}

const StoredProfile* named(const std::vector<StoredProfile>& profiles, std::string_view name) {
  const auto found = std::find_if(profiles.begin(), profiles.end(), [&](const StoredProfile& p) { return p.profile.name == name; });
  return found == profiles.end() ? nullptr : &*found;
}

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != 0 ? value : nullptr;
}

}  // namespace

const std::vector<StoredProfile>& shipped_profiles() {
  static const std::vector<StoredProfile> profiles = parse_shipped();
  return profiles;
}

std::string user_folder() {
  if (const char* folder = variable("OMNI_DEVICES_DIR")) return folder;
  if (const char* data = variable("XDG_DATA_HOME")) return (fs::path(data) / "omni/devices").string();
  if (const char* home = variable("HOME")) return (fs::path(home) / ".local/share/omni/devices").string();
  throw Error(ErrorCode::kMachine, "there is no folder for profiles: HOME is not set", {}, "set OMNI_DEVICES_DIR");
}

std::vector<StoredProfile> all_profiles(std::vector<std::string>* problems) {
  std::vector<StoredProfile> profiles = shipped_profiles();
  std::vector<std::string> files;
  std::error_code failed;
  try {
    for (const auto& entry : fs::directory_iterator(user_folder(), failed)) {
      if (entry.path().extension() == ".yaml") files.push_back(entry.path().string());
    }
  } catch (const Error&) {  // no home: shipped ones alone
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    try {
      profiles.push_back({load_profile(file), file});
    } catch (const Error& error) {
      if (problems != nullptr) problems->push_back(error.what());
    }
  }
  std::stable_sort(profiles.begin(), profiles.end(), [](const StoredProfile& a, const StoredProfile& b) { return a.profile.name < b.profile.name; });
  return profiles;
}

StoredProfile find_profile(std::string_view name) {
  if (name.find('/') != std::string_view::npos || name.ends_with(".yaml")) return {load_profile(std::string(name)), std::string(name)};
  const std::vector<StoredProfile> profiles = all_profiles();
  if (const StoredProfile* found = named(profiles, name)) return *found;
  if (name == kThisDevice) return {host_profile(), "this machine"};
  std::vector<std::string> known = {std::string(kThisDevice)};
  for (const StoredProfile& p : profiles) known.push_back(p.profile.name);
  const std::string near = did_you_mean(name, known);
  throw Error(ErrorCode::kNotFound, "there is no device profile " + quoted(name), {}, near.empty() ? "omni device list shows them" : near);
}

namespace {

std::string write_profile(const std::string& text, const std::string& where, Overwrite overwrite) {
  const Profile profile = parse_profile(text, where);
  if (named(shipped_profiles(), profile.name) != nullptr) {
    throw Error(ErrorCode::kExists, profile.name + " is a profile that comes with omni", where, "give yours another name");
  }
  const fs::path folder = user_folder();
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw Error(ErrorCode::kMachine, "the folder cannot be made: " + failed.message(), folder.string());
  const std::string to = (folder / (profile.name + ".yaml")).string();
  write_file_atomically(to, text, overwrite);
  return to;
}

}  // namespace

// As the file is, with its remarks.
std::string add_profile(const std::string& path, bool overwrite) {
  return write_profile(read_text_file(path, kMaxProfileBytes), path, overwrite ? Overwrite::kReplace : Overwrite::kRefuse);
}

std::string store_profile(const std::string& text) { return write_profile(text, "profile", Overwrite::kReplace); }

}  // namespace omni::device
