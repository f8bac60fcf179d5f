// Models of the ONNX suite with wrong operators, attributes, shapes, types and connections: well-formed messages, which random bytes hardly ever are.
// Import gives a graph or an Error; a graph that imports verifies, exports, plans and runs, or says why not. Under sanitizers this finds what an
// operator's inference, binding or kernel takes for granted.
#include <gtest/gtest.h>

#include <cstdlib>
#include <span>

#include "core/mapped_file.h"
#include "fuzz/model_changes.h"
#include "fuzz/model_checks.h"
#include "onnx_suite.h"
#include "proto/onnx.pb.h"

namespace omni::suite {
namespace {

// True if it imported.
bool survives(const std::string& bytes, const std::string& name) {
  const auto data = std::as_bytes(std::span(bytes));
  for (const auto check : {fuzz::check_import, fuzz::check_run}) {
    const fuzz::Outcome outcome = check(data);
    EXPECT_FALSE(outcome.ours) << name << ": " << outcome.error;
    if (!outcome.imported) return false;
  }
  return true;
}

TEST(OnnxMutation, EveryChangedModelIsAGraphOrAnError) {
  if (suite_folder().empty()) {
    if (std::getenv("CI") != nullptr) FAIL() << "install libonnx-testdata";
    GTEST_SKIP() << "libonnx-testdata is not installed";
  }
  const char* asked = std::getenv("OMNI_ONNX_CHANGES");  // of each model
  const char* wanted = std::getenv("OMNI_ONNX_CASES");  // only those with this in their name
  const uint64_t changes = asked == nullptr ? 20 : std::strtoull(asked, nullptr, 10);
  const bool loud = std::getenv("OMNI_ONNX_LOUD") != nullptr;
  size_t imported = 0, all = 0;
  for (const char* group : {"node", "simple", "pytorch-converted", "pytorch-operator"}) {
    for (const Case& c : cases_of(group)) {
      if (wanted != nullptr && c.name.find(wanted) == std::string::npos) continue;
      const core::MappedFile file = core::map_file(c.folder + "/model.onnx");
      if (file.bytes.size() > 20000 || !missing_operators(c.folder + "/model.onnx").empty()) continue;
      onnx::ModelProto model;
      ASSERT_TRUE(model.ParseFromArray(file.bytes.data(), static_cast<int>(file.bytes.size())));
      for (uint64_t i = 0; i < changes; ++i) {
        onnx::ModelProto changed = model;
        fuzz::Draw draw(1000 * all + i);
        fuzz::change(changed, draw);
        if (loud) fprintf(stderr, "%s %llu\n", c.name.c_str(), static_cast<unsigned long long>(i));
        imported += survives(changed.SerializeAsString(), c.name + " change " + std::to_string(i));
      }
      ++all;
    }
  }
  printf("%zu models, %zu of %zu changed ones still import and run\n", all, imported, all * changes);
}

}  // namespace
}  // namespace omni::suite
