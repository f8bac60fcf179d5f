#include "loop_options.h"

#include "quantity.h"

namespace omni::cli {

namespace {

// "A=B" at its last '='; the names of values may hold others.
std::pair<std::string, std::string> pair_of(const std::string& text, const char* option) {
  const size_t at = text.rfind('=');
  if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
    throw Error(ErrorCode::kInvalidArgument, "expected two names with = between them, got " + printable(text), option);
  }
  return {text.substr(0, at), text.substr(at + 1)};
}

}  // namespace

LoopOptions loop_options(const Arguments& arguments) {
  LoopOptions options;
  options.steps = arguments.count("--loop");
  for (const std::string& text : arguments.all("--feed")) options.feeds.push_back(pair_of(text, "--feed"));
  if (arguments.given("--token")) std::tie(options.token_output, options.token_input) = pair_of(arguments.text("--token"), "--token");
  if (arguments.given("--chunk")) {
    const auto [name, size] = pair_of(arguments.text("--chunk"), "--chunk");
    options.chunk_input = name;
    options.chunk = parse_count(size, "--chunk");
  }
  if (arguments.given("--top-k")) options.top_k = arguments.count("--top-k");
  options.temperature = arguments.number("--temperature");
  if (!(options.temperature > 0)) throw Error(ErrorCode::kInvalidArgument, "must be above 0", "--temperature");
  options.seed = static_cast<uint64_t>(arguments.count("--seed"));
  if (arguments.given("--end-token")) options.end_token = arguments.count("--end-token");
  return options;
}

void require_no_loop_options(const Arguments& arguments) {
  for (const OptionSpec& option : kLoopOptions) {
    if (arguments.given(option.name)) throw Error(ErrorCode::kInvalidArgument, "is for runs in a loop", std::string(option.name), "add --loop N");
  }
}

void print_loop(Output& output, const LoopResult& result) {
  Json feeds = Json::array(), rows = Json::array();
  for (const auto& [from, to] : result.feeds) {
    feeds.push(Json::object().set("output", from).set("input", to));
    output.line("fed " + printable(from) + " back into " + printable(to));
  }
  for (const std::vector<int64_t>& tokens : result.tokens) {
    std::string text = "tokens:";
    for (const int64_t token : tokens) text += " " + std::to_string(token);
    output.line(text);
    rows.push(Json::array(tokens));
  }
  output.line(count_text(static_cast<double>(result.steps)) + (result.steps == 1 ? " step" : " steps"));
  output.result().set("steps", result.steps).set("feeds", std::move(feeds)).set("tokens", std::move(rows));
}

}  // namespace omni::cli
