// omni device list: which devices have a profile.
#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr OptionGroup kGroups[] = {kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"Every profile, shipped and your own", "omni device list"},
    {"For a script", "omni device list --json"},
};

std::string value_of(const DeviceProfile& profile, std::string_view key) {
  for (const DeviceFigure& figure : profile.figures) {
    if (figure.key == key) return figure.value;
  }
  return "";
}

int run(const Arguments&, Output& output) {
  std::vector<std::string> problems;
  Table table({"device", "RAM MB>", "cores>", "instruction set", "GPU", "largest model MB>", "description", "origin"});
  Json list = Json::array();
  for (const DeviceProfile& profile : DeviceProfiler::list(&problems)) {
    table.row({profile.name, value_of(profile, "ram_mb"), value_of(profile, "cpu_cores"), value_of(profile, "isa"), value_of(profile, "gpu"),
               value_of(profile, "max_model_size_mb"), profile.description, profile.origin});
    list.push(Json::object().set("name", profile.name).set("description", profile.description).set("origin", profile.origin));
  }
  for (const std::string& problem : problems) output.warn(problem);
  output.result().set("profiles", list);
  output.table(table);
  return 0;
}

}  // namespace

extern const CommandSpec kDeviceList = {"device list", "List the devices that have a profile", {}, kGroups, kExamples, run};

}  // namespace omni::cli
