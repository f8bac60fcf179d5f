// The command line as a user meets it: examples, exit codes, messages, JSON.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "cli_session.h"
#include "command.h"
#include "help.h"
#include "omni/omni.h"

namespace omni::cli_test {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::vector<std::string> sorted_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::vector<std::string> words_of(std::string_view name) {
  std::istringstream in{std::string(name)};
  return {std::istream_iterator<std::string>(in), {}};
}

// Exactly one line, which starts with "error: ".
testing::AssertionResult is_one_sentence(const std::string& err) {
  const std::vector<std::string> lines = sorted_lines(err);
  if (lines.size() != 1) return testing::AssertionFailure() << lines.size() << " lines: " << err;
  if (!lines[0].starts_with("error: ") || lines[0].size() < 20) return testing::AssertionFailure() << err;
  return testing::AssertionSuccess();
}

TEST(Cli, EveryCommandHasTwoExamplesAndHelp) {
  for (const cli::CommandSpec* command : cli::commands()) {
    SCOPED_TRACE(command->name);
    EXPECT_GE(command->examples.size(), 2u);
    std::vector<std::string> asked = words_of(command->name), about = words_of(command->name);
    asked.push_back("--help");
    about.insert(about.begin(), "help");
    const Outcome help = run(asked), same = run(about);
    EXPECT_EQ(help.code, 0);
    EXPECT_EQ(help.out, same.out);
    EXPECT_NE(help.out.find("Usage: omni " + std::string(command->name)), std::string::npos);
    EXPECT_EQ(help.err, "");
    for (const cli::OptionGroup& group : command->groups) {
      for (const cli::OptionSpec& option : group.options) {
        EXPECT_NE(help.out.find(option.name), std::string::npos) << option.name;
        EXPECT_FALSE(option.help.empty()) << option.name;
        EXPECT_FALSE(option.help.ends_with('.')) << option.name;
        EXPECT_EQ(option.value.empty(), option.kind == cli::Kind::kFlag) << option.name;
        EXPECT_EQ(option.choices.empty(), option.kind != cli::Kind::kChoice) << option.name;
      }
    }
    for (const char* shared : {"--json", "--threads", "--quiet", "--verbose", "--progress"})
      EXPECT_NE(cli::find_option(*command, shared), nullptr) << shared;
  }
}

// In the order of the overview, so that an example may read what an earlier one wrote.
TEST(Cli, ExamplesOfHelpRunAsTheyStand) {
  if (!has_fashion_mnist()) {
    if (std::getenv("CI") != nullptr) FAIL() << "dataset-fashion-mnist is not installed";
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const WorkDirectory work;
  make_png("shirt.png");
  make_npy("shirt.npy");
  make_loop_models();
  make_backend_case("backend-cases/test_relu");
  for (const cli::CommandSpec* command : cli::commands()) {
    for (const cli::Example& example : command->examples) {
      if (example.command == "omni demo --output-dir demo") continue;  // minutes; make demo runs it
      const Outcome outcome = shell(std::string(example.command));
      EXPECT_EQ(outcome.code, 0) << example.command << "\n" << outcome.err;
      EXPECT_EQ(outcome.err.find("error"), std::string::npos) << example.command << "\n" << outcome.err;
    }
  }
}

// Every key, but those of the free-form maps.
void collect_keys(const json& value, std::set<std::string>& keys) {
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      keys.insert(key);
      if (key != "operators" && key != "metadata") collect_keys(inner, keys);
    }
  } else if (value.is_array()) {
    for (const json& inner : value) collect_keys(inner, keys);
  }
}

TEST(Cli, JsonIsOneObjectWithTheSameKeysEverywhere) {
  const std::string page = read_text(OMNI_SOURCE_DIR "/docs/json-output.md");
  const WorkDirectory work;
  make_tiny_model("tiny.onnx");
  write_bytes("data.csv", "a,b,c,d,label\n1,2,3,4,0\n0,1,0,1,2\n2,2,1,0,1\n");
  Outcome npy = run({"new", "lenet5", "-o", "lenet5.onnx", "--json"});
  ASSERT_EQ(npy.code, 0) << npy.err;
  make_npy("x.npy");
  make_backend_case("cases/test_relu");
  make_loop_models();
  const std::vector<std::vector<std::string>> lines = {
      {"new", "lenet-300-100", "-o", "a.omni"},
      {"inspect", "lenet5.onnx"},
      {"inspect", "lenet5.onnx", "--passes", "--text", "--disable-pass", "layout"},
      {"convert", "lenet5.onnx", "-o", "lenet5.omni"},
      {"run", "lenet5.omni", "--input", "input=x.npy", "--output-dir", "out", "--top", "3", "--profile"},
      {"run", "decoder.onnx", "--loop", "3", "--input", "input_ids=prompt.npy"},
      {"run", "detector.onnx", "--loop", "2", "--chunk", "sound=500", "--input", "sound=recording.npy"},
      {"train", "tiny.onnx", "--data", "data.csv", "--epochs", "1", "-o", "trained.onnx"},
      {"eval", "tiny.onnx", "--data", "data.csv"},
      {"compare", "lenet5.onnx", "lenet5.omni", "--samples", "1"},
      {"bench", "tiny.onnx", "--runs", "3", "--warmup", "1"},
      {"compress", "lenet5.onnx", "--method", "fp16", "-o", "half.onnx"},
      {"compress", "lenet5.onnx", "--recipe", "half", "--latency-time", "10ms", "--report", "report", "-o", "recipe.onnx"},
      {"compress", "--recipe", "list"},
      {"compress", "--method", "list"},
      {"verify", "lenet5.omni"},
      {"conformance", "cases", "--list"},
      {"predict", "lenet5.onnx", "--device", "raspberry_pi_4"},
      {"device", "list"},
      {"device", "show", "jetson_nano", "--name", "my_board", "-o", "my_board.yaml"},
      {"device", "add", "my_board.yaml"},
      {"device", "recommend", "lenet5.onnx", "--device", "my_board", "--rule", "study"},
      {"device", "recommend", "lenet5.onnx", "--device", "my_board", "--max-latency", "1s", "--apply", "-o", "fitting.onnx"},
      {"device", "probe", "--time-budget", "100ms", "-o", "probed.yaml"},
  };
  for (std::vector<std::string> words : lines) {
    const std::string name = cli::find_command(words[0]) != nullptr ? words[0] : words[0] + " " + words[1];
    words.push_back("--json");
    const Outcome outcome = run(words);
    ASSERT_EQ(outcome.code, 0) << words[0] << ": " << outcome.err;
    const json answer = json::parse(outcome.out, nullptr, false);
    ASSERT_TRUE(answer.is_object()) << words[0] << ": " << outcome.out;
    EXPECT_EQ(answer.size(), 5u) << words[0];
    EXPECT_EQ(answer["command"], name);
    EXPECT_EQ(answer["version"], OMNI_VERSION);
    EXPECT_TRUE(answer["input"].is_object()) << words[0];
    EXPECT_TRUE(answer["result"].is_object() && !answer["result"].empty()) << words[0];
    EXPECT_TRUE(answer["warnings"].is_array()) << words[0];
    std::set<std::string> keys;
    collect_keys(answer["input"], keys);
    collect_keys(answer["result"], keys);
    const size_t row = page.find("\n| `" + name + "` |");
    ASSERT_NE(row, std::string::npos) << "docs/json-output.md has no row for " << words[0];
    const std::string line = page.substr(row + 1, page.find('\n', row + 1) - row);
    for (const std::string& key : keys) {
      const bool port = key == "name" || key == "dtype" || key == "shape" || key == "type";
      EXPECT_TRUE(port || line.find("`" + key + "`") != std::string::npos) << "docs/json-output.md does not name " << key << " of " << words[0];
    }
  }
}

TEST(Cli, ConformanceTellsWhatIsUnexpected) {
  const WorkDirectory work;
  make_backend_case("cases/test_right");
  make_backend_case("cases/deeper/test_wrong", {0, 0.5f, 3});
  make_backend_case("cases/test_shape", {0, 0.5f});
  const Outcome all = run({"conformance", "cases", "--json", "--list"});
  EXPECT_EQ(all.code, 1);
  const json result = json::parse(all.out)["result"];
  EXPECT_EQ(result["passed"], 1);
  EXPECT_EQ(result["failed"], 2);
  EXPECT_EQ(result["operators"]["Relu"]["passed"], 1);
  EXPECT_EQ(result["unexpected"].size(), 2u);
  EXPECT_EQ(result["cases"][0]["name"], "deeper/test_wrong");
  EXPECT_EQ(result["cases"][0]["reason"], "output 0: 1 of 3 values of f32[3], at 2 2 instead of 3");
  EXPECT_EQ(result["cases"][1]["reason"], "output 0: f32[3] instead of f32[2]");
  write_bytes("known.txt", "# remark\ndeeper/test_wrong by design\ntest_shape too\n");
  EXPECT_EQ(run({"conformance", "cases", "--expected", "known.txt"}).code, 0);
  write_bytes("known.txt", "test_right no longer true\ndeeper/test_wrong x\ntest_shape x\n");
  const Outcome stale = run({"conformance", "cases", "--expected", "known.txt"});
  EXPECT_EQ(stale.code, 1);
  EXPECT_NE(stale.out.find("test_right: it passes, although it is listed"), std::string::npos);
  write_bytes("cases/test_right/test_data_set_0/input_0.pb", "\x08\xff");
  EXPECT_EQ(run({"conformance", "cases/test_right"}).code, 1);
  EXPECT_EQ(run({"conformance", "nowhere"}).code, 2);
}

TEST(Cli, JsonErrors) {
  const Outcome outcome = run({"inspect", "missing.onnx", "--json"});
  EXPECT_EQ(outcome.code, 2);
  const json answer = json::parse(outcome.out, nullptr, false);
  ASSERT_TRUE(answer.is_object()) << outcome.out;
  EXPECT_EQ(answer["error"]["code"], "not_found");
  for (const char* key : {"code", "summary", "where", "fix"}) EXPECT_TRUE(answer["error"][key].is_string()) << key;
  EXPECT_TRUE(is_one_sentence(outcome.err));
}

// Passes are listed in their order, and one that is left out leaves what it would have rewritten.
TEST(Cli, PassesAreListedAndCanBeLeftOut) {
  const WorkDirectory work;
  ASSERT_EQ(run({"new", "lenet5", "-o", "lenet5.onnx"}).code, 0);
  const json all = json::parse(run({"inspect", "lenet5.onnx", "--passes", "--text", "--json"}).out)["result"];
  const json some = json::parse(run({"inspect", "lenet5.onnx", "--passes", "--text", "--json", "--disable-pass", "fuse_activation"}).out)["result"];
  EXPECT_EQ(all["passes"].size(), some["passes"].size() + 1);
  EXPECT_EQ(all["passes"][0]["name"], "fold");
  EXPECT_EQ(all["text"].get<std::string>().find(" = Relu("), std::string::npos);
  EXPECT_NE(some["text"].get<std::string>().find(" = Relu("), std::string::npos);
  make_npy("x.npy");
  ASSERT_EQ(run({"run", "lenet5.onnx", "--input", "input=x.npy", "--output-dir", "fused"}).code, 0);
  ASSERT_EQ(run({"run", "lenet5.onnx", "--input", "input=x.npy", "--output-dir", "apart", "--disable-pass", "fuse_activation", "--disable-pass", "layout"}).code, 0);
  const Outcome unknown = run({"run", "lenet5.onnx", "--input", "input=x.npy", "--disable-pass", "fuse_activations"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_NE(unknown.err.find("fuse_activation"), std::string::npos) << unknown.err;
}

TEST(Cli, WrongUseIsOneSentenceAndNothingIsWritten) {
  const WorkDirectory work;
  make_tiny_model("tiny.onnx");
  write_bytes("noise.onnx", "this is no model");
  write_bytes("empty.onnx", "");
  write_bytes("bad.npy", "\x93NUMPY\x01\x00");
  write_bytes("data.csv", "a,b,label\n1,2,0\n");
  fs::create_directory("folder");
  const std::vector<std::vector<std::string>> lines = {
      {"nonsense"},
      {"inspect", "tiny.onnx", "--isa", "avx3"},
      {"new"},
      {"new", "lenet5"},
      {"new", "lenet6", "-o", "x.onnx"},
      {"new", "lenet5", "-o", "x.txt"},
      {"new", "lenet5", "-o", "nowhere/x.onnx"},
      {"new", "lenet5", "-o", "tiny.onnx"},
      {"new", "lenet5", "-o", "x.onnx", "--seed", "one"},
      {"new", "lenet5", "-o", "x.onnx", "--threads", "0"},
      {"inspect", "missing.onnx"},
      {"inspect", "noise.onnx"},
      {"inspect", "empty.onnx"},
      {"inspect", "folder"},
      {"inspect", "tiny.onnx", "--colour"},
      {"inspect", "tiny.onnx", "surplus"},
      {"inspect", "tiny.onnx", "--disable-pass", "fold"},
      {"inspect", "tiny.onnx", "--passes", "--disable-pass", "folds"},
      {"inspect", "tiny.onnx", "--shape", "x"},
      {"inspect", "tiny.onnx", "--shape", "z=1,4"},
      {"inspect", "tiny.onnx", "--shape", "x=1,5"},
      {"inspect", "tiny.onnx", "--progress", "sometimes"},
      {"convert", "tiny.onnx"},
      {"convert", "noise.onnx", "-o", "x.omni"},
      {"run", "tiny.onnx"},
      {"run", "tiny.onnx", "--input", "x=missing.npy"},
      {"run", "tiny.onnx", "--input", "x=bad.npy"},
      {"run", "tiny.onnx", "--input", "q=bad.npy"},
      {"run", "tiny.onnx", "--input", "x=noise.onnx"},
      {"train", "tiny.onnx", "--data", "data.csv", "-o", "x.onnx"},
      {"train", "tiny.onnx", "--data", "missing", "-o", "x.onnx"},
      {"train", "tiny.onnx", "-o", "x.onnx"},
      {"train", "tiny.onnx", "--data", "data.csv", "--optimizer", "adamm", "-o", "x.onnx"},
      {"train", "tiny.onnx", "--data", "data.csv", "-o", "x.onnx", "--resume"},
      {"eval", "tiny.onnx"},
      {"eval", "tiny.onnx", "--data", "data.csv"},
      {"compare", "tiny.onnx", "noise.onnx"},
      {"bench", "tiny.onnx", "--time-budget", "3"},
      {"bench", "tiny.onnx", "--time-budget", "0s"},
      {"bench", "tiny.onnx", "--vs", "tensorflow"},
      {"compress", "tiny.onnx", "--method", "int7", "-o", "x.onnx"},
      {"compress", "tiny.onnx", "--method", "int8-static", "-o", "x.onnx"},
      {"verify", "noise.onnx"},
      {"predict", "tiny.onnx", "--device", "nowhere"},
      {"predict", "tiny.onnx", "--batch", "4"},
      {"predict", "noise.onnx"},
      {"device"},
      {"device", "lst"},
      {"device", "show"},
      {"device", "show", "raspberry_pi_44"},
      {"device", "show", "raspberry_pi_4", "--name", "x"},
      {"device", "show", "raspberry_pi_4", "--name", "No Name", "-o", "x.yaml"},
      {"device", "show", "noise.onnx/"},
      {"device", "add", "data.csv"},
      {"device", "add", "missing.yaml"},
      {"device", "recommend", "--device", "raspberry_pi_4"},
      {"device", "recommend", "--device", "raspberry_pi_4", "--rule", "study"},
      {"device", "recommend", "tiny.onnx"},
      {"device", "recommend", "noise.onnx", "--device", "raspberry_pi_4"},
      {"device", "recommend", "tiny.onnx", "--device", "raspberry_pi_4", "--model-size", "1MB"},
      {"device", "recommend", "tiny.onnx", "--device", "raspberry_pi_4", "--apply"},
      {"device", "recommend", "tiny.onnx", "--device", "raspberry_pi_4", "--rule", "study", "--max-latency", "1ms"},
      {"device", "recommend", "tiny.onnx", "--device", "raspberry_pi_4", "--rule", "study", "--samples", "3"},
      {"device", "recommend", "tiny.onnx", "--device", "raspberry_pi_4", "--rule", "study", "--resize", "3"},
      {"device", "recommend", "tiny.onnx", "--device", "raspberry_pi_4", "--force"},
      {"device", "show", "raspberry_pi_4", "--force"},
      {"device", "probe", "--force"},
      {"completion", "fish"},
  };
  for (const std::vector<std::string>& words : lines) {
    std::string line;
    for (const std::string& word : words) line += word + " ";
    SCOPED_TRACE(line);
    const std::vector<std::string> before = work.files();
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(is_one_sentence(outcome.err));
    EXPECT_EQ(work.files(), before);
  }
}

TEST(Cli, NearestNamesAreListed) {
  const WorkDirectory work;
  make_tiny_model("tiny.onnx");
  EXPECT_NE(run({"inspekt", "x"}).err.find("did you mean inspect?"), std::string::npos);
  EXPECT_NE(run({"inspect", "x", "--node"}).err.find("did you mean --nodes?"), std::string::npos);
  EXPECT_NE(run({"devise", "list"}).err.find("did you mean device?"), std::string::npos);
  EXPECT_NE(run({"device", "shw"}).err.find("did you mean show?"), std::string::npos);
  EXPECT_NE(run({"device", "show", "jetson_nan"}).err.find("did you mean jetson_nano"), std::string::npos);
  EXPECT_NE(run({"new", "lenet", "-o", "x.onnx"}).err.find("lenet5"), std::string::npos);
  EXPECT_NE(run({"compress", "x", "-o", "y", "--method", "int8-statik"}).err.find("did you mean int8-static"), std::string::npos);
}

TEST(Cli, MachineLacksSomething) {
  const WorkDirectory work;
  make_tiny_model("tiny.onnx");
  const Outcome peer = run({"bench", "tiny.onnx", "--vs", "onnxruntime", "--onnxruntime", "/nowhere/libonnxruntime.so"});
  EXPECT_EQ(peer.code, 3);
  EXPECT_TRUE(is_one_sentence(peer.err));
  const Outcome full = shell("omni inspect tiny.onnx --json > /dev/full");
  EXPECT_EQ(full.code, 3) << full.err;
}

TEST(Cli, AnswerIsNo) {
  const WorkDirectory work;
  make_tiny_model("tiny.onnx");
  ASSERT_EQ(run({"new", "lenet5", "-o", "a.onnx"}).code, 0);
  ASSERT_EQ(run({"new", "lenet5", "-o", "b.onnx", "--seed", "2"}).code, 0);
  EXPECT_EQ(run({"compare", "a.onnx", "a.onnx", "--bound", "1%", "--samples", "1"}).code, 0);
  EXPECT_EQ(run({"compare", "a.onnx", "b.onnx", "--bound", "1%", "--samples", "1"}).code, 1);
  EXPECT_EQ(run({"device", "recommend", "--model-size", "1000MiB", "--device", "raspberry_pi_4", "--rule", "study"}).code, 0);
  EXPECT_EQ(run({"device", "recommend", "--model-size", "1001MiB", "--device", "raspberry_pi_4", "--rule", "study"}).code, 1);
}

TEST(Cli, ExistingOutputsNeedForce) {
  const WorkDirectory work;
  ASSERT_EQ(run({"new", "lenet-300-100", "-o", "a.onnx"}).code, 0);
  const std::string first = read_text("a.onnx");
  EXPECT_EQ(run({"new", "lenet-300-100", "--seed", "2", "-o", "a.onnx"}).code, 2);
  EXPECT_EQ(read_text("a.onnx"), first);
  EXPECT_EQ(run({"new", "lenet-300-100", "--seed", "2", "-o", "a.onnx", "--force"}).code, 0);
  EXPECT_NE(read_text("a.onnx"), first);
}

TEST(Cli, RunWritesOneFileAnOutputWithAPlainName) {
  const WorkDirectory work;
  Graph::parse(
      "graph main(%\"in/put:0\":f32[1,2]) -> (%\"a/b:0\", %\"c d\") {\n  %\"a/b:0\" = Relu(%\"in/put:0\")\n  %\"c d\" = Neg(%\"in/put:0\")\n}\n")
      .save("names.onnx");
  Tensor::of<float>({1, 2}, {-1.0f, 2.0f}).save("x.npy");
  const Outcome outcome = run({"run", "names.onnx", "--input", "in/put:0=x.npy", "--output-dir", "out"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(fs::exists("out/manifest.json"));
  const Tensor relu = Tensor::load("out/a_b_0.npy"), neg = Tensor::load("out/c_d.npy");
  EXPECT_EQ(relu.values<float>()[0], 0.0f);
  EXPECT_EQ(relu.values<float>()[1], 2.0f);
  EXPECT_EQ(neg.values<float>()[1], -2.0f);
  const json manifest = json::parse(read_text("out/manifest.json"));
  EXPECT_EQ(manifest["inputs"].size(), 2u);
  EXPECT_EQ(manifest["inputs"][0]["sha256"], file_sha256("names.onnx"));
  EXPECT_EQ(run({"run", "names.onnx", "--input", "in/put:0=x.npy", "--output-dir", "out"}).code, 2);
  EXPECT_EQ(run({"run", "names.onnx", "in/put:0=x.npy", "--output-dir", "out", "--force"}).code, 0);
}

TEST(Cli, FormatsAreToldApartByContent) {
  const WorkDirectory work;
  ASSERT_EQ(run({"new", "lenet-300-100", "-o", "a.onnx"}).code, 0);
  ASSERT_EQ(run({"convert", "a.onnx", "-o", "a.omni"}).code, 0);
  fs::rename("a.omni", "b.onnx");
  const Outcome outcome = run({"inspect", "b.onnx", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(json::parse(outcome.out)["input"]["format"], "omni");
  ASSERT_EQ(run({"convert", "b.onnx", "--format", "onnx", "-o", "c.bin"}).code, 0);
  EXPECT_EQ(run({"compare", "a.onnx", "c.bin", "--bound", "0%", "--samples", "1"}).code, 0);
}

TEST(Cli, InterruptedTrainingSaysHowToResume) {
  if (!has_fashion_mnist()) GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  const WorkDirectory work;
  ASSERT_EQ(run({"new", "lenet5", "-o", "a.onnx"}).code, 0);
  const Outcome outcome = shell("timeout --preserve-status -s INT 3 omni train a.onnx --data fashion-mnist --epochs 1000 --directory ck -o t.onnx");
  EXPECT_EQ(outcome.code, 130) << outcome.err;
  EXPECT_NE(outcome.err.find("stopped"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("--resume"), std::string::npos) << outcome.err;
  EXPECT_FALSE(fs::exists("t.onnx"));
  EXPECT_EQ(run({"train", "a.onnx", "--data", "fashion-mnist", "--directory", "ck", "-o", "t.onnx"}).code, 2);
}

TEST(Cli, VersionOverviewManAndCompletion) {
  EXPECT_EQ(run({"--version"}).out, "omni " OMNI_VERSION "\n");
  EXPECT_EQ(json::parse(run({"--version", "--json"}).out)["result"]["version"], OMNI_VERSION);
  EXPECT_EQ(run({}).out, run({"--help"}).out);
  for (const cli::CommandSpec* command : cli::commands()) EXPECT_NE(run({}).out.find(command->name), std::string::npos);
  const Outcome man = run({"man", "run"});
  EXPECT_EQ(man.code, 0);
  EXPECT_TRUE(man.out.starts_with(".TH "));
  EXPECT_NE(man.out.find(".SH EXAMPLES"), std::string::npos);
  write_bytes("/tmp/omni-completion-test.bash", run({"completion", "bash"}).out);
  EXPECT_EQ(std::system("bash -n /tmp/omni-completion-test.bash"), 0);
  EXPECT_EQ(std::system("bash -c '. /tmp/omni-completion-test.bash; COMP_WORDS=(omni ru); COMP_CWORD=1; _omni; test \"${COMPREPLY[*]}\" = run'"), 0);
  EXPECT_EQ(
      std::system(
          "bash -c '. /tmp/omni-completion-test.bash; COMP_WORDS=(omni bench --vs o); COMP_CWORD=3; _omni; test \"${COMPREPLY[*]}\" = onnxruntime'"),
      0);
  fs::remove("/tmp/omni-completion-test.bash");
  EXPECT_TRUE(run({"completion", "zsh"}).out.starts_with("#compdef omni"));
}

TEST(Cli, PlainOutputHasTabsAndNoEscapes) {
  const WorkDirectory work;
  make_tiny_model("tiny.onnx");
  const Outcome outcome = run({"inspect", "tiny.onnx", "--nodes"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find('\t'), std::string::npos);
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(run({"inspect", "tiny.onnx", "--quiet"}).out, "");
}

}  // namespace

}  // namespace omni::cli_test
