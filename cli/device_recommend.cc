// omni device recommend: what to do to a model so that it fits a device.
#include <algorithm>
#include <filesystem>

#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"MODEL", "an .onnx or .omni file", false}};
constexpr OptionSpec kOptions[] = {
    {"--device", "NAME", "a profile of `omni device list`, or the path of one", Kind::kText, {}, {}, true},
    {"--rule", "RULE", "study: the rule of the study, which looks at the file's size alone", Kind::kChoice, "study", "study"},
    {"--model-size", "SIZE", "a model of this size, instead of MODEL", Kind::kSize},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"What the study's rule says of a network on a Raspberry Pi 4", "omni device recommend lenet5.onnx --device raspberry_pi_4 --rule study"},
    {"Of a file of 900 MiB that need not be here", "omni device recommend --model-size 900MiB --device raspberry_pi_4 --rule study"},
};

int64_t model_bytes(const Arguments& arguments) {
  const bool model = !arguments.positionals().empty();
  if (model == arguments.given("--model-size")) {
    throw Error(ErrorCode::kInvalidArgument, model ? "MODEL and --model-size are both given" : "MODEL is missing", "omni device recommend",
                "give a model, or the size of one with --model-size");
  }
  if (!model) return arguments.bytes("--model-size");
  const std::string& path = arguments.positional(0);
  const int64_t weights = Graph::load(path).summary().weight_bytes;  // which may be in files of their own
  return std::max(static_cast<int64_t>(std::filesystem::file_size(path)), weights);
}

int run(const Arguments& arguments, Output& output) {
  const DeviceProfiler profiler(arguments.text("--device"));
  const int64_t bytes = model_bytes(arguments);
  const StudyAdvice advice = profiler.study_rule(bytes);
  if (!arguments.positionals().empty()) output.input().set("path", arguments.positional(0));
  output.input().set("size_bytes", bytes).set("device", profiler.profile().name).set("rule", arguments.text("--rule"));
  output.result().set("recommendations", Json::array(advice.recommendations)).set("feasible", advice.feasible);
  output.result().set("model_size_mib", advice.model_size_mb).set("limit_mib", advice.limit_mb);
  const std::string ratio = number_text(advice.model_size_mb / advice.limit_mb, 3);
  for (const std::string& text : advice.recommendations) output.line(text);
  output.line((advice.feasible ? "feasible" : "not feasible") + std::string(": the model is ") + ratio + " times the largest that " +
              profiler.profile().name + " is to take (" + number_text(advice.limit_mb) + " MiB); twice that is the study's bound");
  return advice.feasible ? 0 : 1;
}

}  // namespace

extern const CommandSpec kDeviceRecommend = {"device recommend", "Say how to compress a model so that it fits a device", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
