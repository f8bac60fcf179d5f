// omni device add: a profile of the user's own.
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"FILE", "a profile as docs/devices.md describes it"}};
constexpr OptionSpec kOptions[] = {
    {"--force", "", "replace your profile of the same name", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"A profile from a file; its name is the one in it", "omni device add my_board.yaml"},
    {"The same again, changed", "omni device add my_board.yaml --force"},
};

int run(const Arguments& arguments, Output& output) {
  const std::string& from = arguments.positional(0);
  const std::string to = DeviceProfiler::add(from, arguments.flag("--force"));
  output.input().set("path", from);
  output.result().set("path", to).set("name", DeviceProfiler(to).profile().name);
  output.line("wrote " + to);
  return 0;
}

}  // namespace

extern const CommandSpec kDeviceAdd = {"device add", "Add a device's profile to your own", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
