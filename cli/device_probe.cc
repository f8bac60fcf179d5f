// omni device probe: this machine as a profile.
#include <chrono>

#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr OptionSpec kOptions[] = {
    {"--time-budget", "TIME", "how long it may take; every kernel is timed once at least", Kind::kTime, "17s"},
    {"--name", "NAME", "of the profile", Kind::kText, "this"},
    {"-o", "FILE", "write it there; default: among your own profiles, in place of one of that name", Kind::kText},
    {"--force", "", "overwrite FILE", Kind::kFlag},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"A quick look at this machine", "omni device probe --time-budget 1s"},
    {"A profile to take elsewhere", "omni device probe --time-budget 1s --name my_machine -o my_machine.yaml"},
};

int run(const Arguments& arguments, Output& output) {
  const auto start = std::chrono::steady_clock::now();
  const std::string name = arguments.text("--name"), path = arguments.text("-o");
  if (path.empty() && arguments.flag("--force"))
    throw Error(ErrorCode::kInvalidArgument, "goes with -o only", "--force", "leave it out: your profile of that name is replaced");
  if (!path.empty()) check_writable(path, arguments.flag("--force"));
  ProbeOptions options;
  options.seconds = arguments.seconds("--time-budget");
  options.isa = arguments.text("--isa");
  options.progress = output.progress("probe");
  const DeviceProfiler probed = DeviceProfiler::probe(options);
  output.end_progress();
  const std::string text = probed.yaml(name);
  if (!path.empty()) write_file(path, text, arguments.flag("--force"));
  const std::string to = path.empty() ? probed.store(name) : path;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  Table table({"figure", "value>", "unit", "source"});
  for (const DeviceFigure& figure : probed.profile().figures)
    table.row({figure.key, figure.number ? number_text(*figure.number) : figure.value, figure.unit, figure.source});
  output.input().set("isa", chosen_isa({.isa = options.isa}));
  output.result()
      .set("name", name)
      .set("path", to)
      .set("kernels", probed.timed_kernels())
      .set("time_s", seconds)
      .set("deviation", probed.fit_deviation());
  output.table(table);
  output.line(to + ": " + std::to_string(probed.timed_kernels()) + " kernels in " + seconds_text(seconds) +
              "; one is predicted from the others within " + fixed_text(probed.fit_deviation() * 100, 0) + " % (standard deviation)");
  return 0;
}

}  // namespace

extern const CommandSpec kDeviceProbe = {"device probe", "Measure this machine and write its profile", {}, kGroups, kExamples, run};

}  // namespace omni::cli
