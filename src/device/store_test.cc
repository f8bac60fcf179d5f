#include "device/store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/temporary_directory_test.h"

namespace omni::device {
namespace {

namespace fs = std::filesystem;

class Store : public testing::Test {
 protected:
  Store() { setenv("OMNI_DEVICES_DIR", directory_.file("mine").c_str(), 1); }
  ~Store() override { unsetenv("OMNI_DEVICES_DIR"); }

  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = directory_.file(name + ".yaml");
    write_file_atomically(path, text, Overwrite::kReplace);
    return path;
  }
  static std::string text_of(const std::string& name) {
    Profile profile = shipped_profiles().front().profile;
    profile.name = name;
    return "# a remark\n" + profile_text(profile);
  }

  TemporaryDirectory directory_;
};

TEST_F(Store, ShippedProfilesAreThoseOfTheFolder) {
  std::vector<std::string> names;
  for (const StoredProfile& p : shipped_profiles()) names.push_back(p.profile.name);
  EXPECT_EQ(names, (std::vector<std::string>{"android_high_end", "android_mid_range", "generic_x86_avx2", "generic_x86_avx512", "jetson_nano",
                                             "jetson_orin_nano", "raspberry_pi_4", "raspberry_pi_5", "raspberry_pi_zero_2w"}));
  for (const std::string& name : names) {
    EXPECT_EQ(load_profile(OMNI_SOURCE_DIR "/devices/" + name + ".yaml"), find_profile(name).profile);
  }
}

// RAM, cores, GPU, largest model: the study's table.
TEST_F(Store, TheStudysProfilesAreItsOwn) {
  struct Row {
    const char* name;
    double ram, cores;
    const char* gpu;
    double limit;
  };
  for (const Row& row : {Row{"raspberry_pi_4", 4096, 4, "none", 500}, Row{"jetson_nano", 4096, 4, "Maxwell (128 CUDA cores)", 2000},
                         Row{"android_high_end", 8192, 8, "Mali/Adreno", 1000}, Row{"android_mid_range", 4096, 8, "Mali/Adreno", 500}}) {
    const Profile p = find_profile(row.name).profile;
    EXPECT_EQ(p.ram_mb->value, row.ram) << row.name;
    EXPECT_EQ(p.cpu_cores->value, row.cores) << row.name;
    EXPECT_EQ(p.gpu->value, row.gpu) << row.name;
    EXPECT_EQ(p.max_model_size_mb->value, row.limit) << row.name;
  }
}

TEST_F(Store, AddedProfilesAreFoundByName) {
  const std::string text = text_of("my_board");
  const std::string copy = add_profile(write("any", text), false);
  EXPECT_EQ(copy, directory_.file("mine/my_board.yaml"));
  EXPECT_EQ(read_text_file(copy, 1 << 20), text);
  EXPECT_EQ(find_profile("my_board").origin, copy);
  EXPECT_EQ(all_profiles().size(), shipped_profiles().size() + 1);
  EXPECT_THROW(add_profile(write("any", text), false), Error);
  EXPECT_EQ(add_profile(write("any", text), true), copy);
}

TEST_F(Store, ShippedNamesAreTaken) {
  try {
    add_profile(write("any", text_of("jetson_nano")), true);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kExists);
  }
  EXPECT_FALSE(fs::exists(user_folder()));
}

TEST_F(Store, ABrokenFileOfTheUsersIsToldAndLeftOut) {
  add_profile(write("any", text_of("my_board")), false);
  write("mine/other", "name: 3\n");
  std::vector<std::string> problems;
  EXPECT_EQ(all_profiles(&problems).size(), shipped_profiles().size() + 1);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("other.yaml:1: "), std::string::npos) << problems[0];
}

TEST_F(Store, UnknownNamesListTheNearest) {
  try {
    find_profile("rasberry_pi_4");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(std::string(error.what()).find("did you mean raspberry_pi_4"), std::string::npos) << error.what();
  }
  EXPECT_THROW(find_profile("./missing"), Error);
  EXPECT_EQ(find_profile(write("any", text_of("from_a_path"))).profile.name, "from_a_path");
}

TEST_F(Store, FoldersFollowTheEnvironment) {
  unsetenv("OMNI_DEVICES_DIR");
  setenv("XDG_DATA_HOME", "/data", 1);
  EXPECT_EQ(user_folder(), "/data/omni/devices");
  unsetenv("XDG_DATA_HOME");
  const std::string home = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
  setenv("HOME", "/home/one", 1);
  EXPECT_EQ(user_folder(), "/home/one/.local/share/omni/devices");
  unsetenv("HOME");
  EXPECT_THROW(user_folder(), Error);
  EXPECT_EQ(all_profiles().size(), shipped_profiles().size());
  if (!home.empty()) setenv("HOME", home.c_str(), 1);
}

}  // namespace
}  // namespace omni::device
