// omni device show: what a profile says, and where each figure comes from.
#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"NAME", "a profile of `omni device list`, or the path of one"}};
constexpr OptionSpec kOptions[] = {
    {"-o", "FILE", "write it as a profile, to change and to add", Kind::kText},
    {"--name", "NAME", "of the profile in FILE", Kind::kText},
    {"--force", "", "overwrite FILE", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"Every figure with its source", "omni device show raspberry_pi_4"},
    {"A profile to start your own from", "omni device show raspberry_pi_4 --name my_board -o my_board.yaml"},
};

int run(const Arguments& arguments, Output& output) {
  const DeviceProfiler profiler(arguments.positional(0));
  const DeviceProfile& profile = profiler.profile();
  for (const char* option : {"--name", "--force"}) {
    if (arguments.given(option) && !arguments.given("-o")) throw Error(ErrorCode::kInvalidArgument, "goes with -o only", option, "add -o FILE");
  }
  if (arguments.given("-o")) write_file(arguments.text("-o"), profiler.yaml(arguments.text("--name")), arguments.flag("--force"));

  Table table({"figure", "value>", "unit", "confidence", "source"});
  Json figures = Json::array();
  for (const DeviceFigure& figure : profile.figures) {
    table.row({figure.key, figure.value, figure.unit, figure.confidence, figure.source});
    Json entry = Json::object();
    entry.set("key", figure.key).set("value", figure.number ? Json(*figure.number) : Json(figure.value)).set("unit", figure.unit);
    figures.push(std::move(entry.set("confidence", figure.confidence).set("source", figure.source)));
  }
  output.input().set("name", profile.name).set("origin", profile.origin);
  output.result().set("description", profile.description).set("figures", figures);
  if (arguments.given("-o")) output.result().set("path", arguments.text("-o"));
  output.line(profile.name + (profile.description.empty() ? "" : ": " + profile.description) + " (" + profile.origin + ")");
  output.table(table);
  if (arguments.given("-o")) output.line("wrote " + arguments.text("-o"));
  return 0;
}

}  // namespace

extern const CommandSpec kDeviceShow = {
    "device show", "Show a device's profile, every figure with its source", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
