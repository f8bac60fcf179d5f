// omni verify: whether a file is whole.
#include "quantity.h"
#include "standard_options.h"

namespace omni::cli {

namespace {

constexpr PositionalSpec kPositionals[] = {{"FILE", "an .onnx or .omni file"}};
constexpr OptionGroup kGroups[] = {kMachineGroup, kOutputGroup};
constexpr Example kExamples[] = {
    {"Structure and checksums of a package", "omni verify lenet5.omni"},
    {"An ONNX file, for a script", "omni verify lenet5.onnx --json"},
};

int run(const Arguments& arguments, Output& output) {
  const std::string& path = arguments.positional(0);
  const Verification answer = verify(path);
  output.input().set("path", path).set("size_bytes", answer.size_bytes).set("format", answer.format);
  output.result().set("whole", answer.problems.empty()).set("sections", answer.sections);
  output.result().set("problems", Json::array(answer.problems)).set("facts", Json::array(answer.facts));
  for (const std::string& fact : answer.facts) output.line(fact);
  for (const std::string& problem : answer.problems) output.line("problem: " + problem);
  output.line(path + (answer.problems.empty() ? ": whole" : ": not whole"));
  return answer.problems.empty() ? 0 : 1;
}

}  // namespace

extern const CommandSpec kVerify = {"verify", "Check that a model file is whole and can run", kPositionals, kGroups, kExamples, run};

}  // namespace omni::cli
