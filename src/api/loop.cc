// A model run in a loop: what is fed back where, tokens that are chosen, inputs that are cut into pieces.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <set>

#include "api/access.h"
#include "core/rng.h"

namespace omni {

namespace {

using CoreTensors = std::map<std::string, core::Tensor, std::less<>>;

constexpr int64_t kMostSteps = 1'000'000;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  return at == std::string::npos ? std::string() : text.replace(at, from.size(), to);
}

// The names that an input may have which the output `name` is fed back into.
std::vector<std::string> input_names_for(const std::string& name) {
  std::vector<std::string> names = {with(name, "present", "past_key_values"),
                                    with(name, "present", "past"),
                                    with(name, "_out", "_in"),
                                    with(name, "out_", "in_"),
                                    with(name, "output", "input"),
                                    with(name, "Out", "In")};
  for (const char* end : {"n", "_n", "_out", "out", "_next", "_new", "_output", ".out", "_1"}) {
    const std::string suffix(end);
    if (lower(name).ends_with(suffix)) {
      const std::string stem = name.substr(0, name.size() - suffix.size());
      names.insert(names.end(), {stem, stem + "0", stem + "_0"});
    }
  }
  for (const char* begin : {"new_", "next_", "out_", "output_", "updated_", "final_", "present_", "out"}) {
    if (lower(name).starts_with(begin)) names.push_back(name.substr(std::strlen(begin)));
  }
  std::erase(names, "");
  return names;
}

class Loop {
 public:
  Loop(const graph::Graph& graph, const LoopOptions& wishes, CoreTensors inputs) : graph_(graph), wishes_(wishes), given_(std::move(inputs)) {}

  LoopResult run(runtime::Session& session) {
    check_given();
    find_tokens();
    find_feeds();
    start_chunks();
    start_inputs();
    steps_ = wishes_.steps > 0 ? wishes_.steps : chunks_;
    if (steps_ < 1 || steps_ > kMostSteps) {
      throw Error(ErrorCode::kInvalidArgument, "a loop of " + std::to_string(steps_) + " steps", "loop",
                  "give 1 to " + std::to_string(kMostSteps) + ", or cut an input into chunks");
    }
    for (int64_t step = 0; step < steps_ && !ended_; ++step) {
      if (wishes_.progress && !wishes_.progress(static_cast<double>(step) / static_cast<double>(steps_), "step " + std::to_string(step + 1))) {
        throw Error(ErrorCode::kInterrupted, "stopped after " + std::to_string(step) + " steps");
      }
      if (chunks_ > 0) given_[wishes_.chunk_input] = chunk_of(step);
      std::map<std::string, core::Tensor> inputs(given_.begin(), given_.end());
      outputs_ = session.run(inputs);
      ++result_.steps;
      keep_outputs();
      feed_back(step);
    }
    return finish();
  }

 private:
  const graph::Type* type_of(const std::vector<graph::ValueId>& ids, std::string_view name) const {
    for (const graph::ValueId id : ids) {
      if (graph_.value(id).name == name) return &graph_.type(id);
    }
    return nullptr;
  }
  const graph::Type* input(std::string_view name) const { return type_of(graph_.inputs(), name); }
  const graph::Type* output(std::string_view name) const { return type_of(graph_.outputs(), name); }

  std::vector<std::string> names(const std::vector<graph::ValueId>& ids) const {
    std::vector<std::string> out;
    for (const graph::ValueId id : ids) out.push_back(graph_.value(id).name);
    return out;
  }
  const graph::Type& need(const std::vector<graph::ValueId>& ids, const std::string& name, const char* what) const {
    if (const graph::Type* type = type_of(ids, name)) return *type;
    throw Error(ErrorCode::kNotFound, std::string("the model has no ") + what + " " + core::quoted(name), "loop",
                core::did_you_mean(name, names(ids)));
  }

  void check_given() const {
    for (const auto& [name, tensor] : given_) need(graph_.inputs(), name, "input");
  }

  void find_tokens() {
    token_output_ = wishes_.token_output;
    token_input_ = wishes_.token_input;
    if (token_output_.empty() && token_input_.empty()) {
      const graph::Type* scores = output("logits");
      for (const char* name : {"input_ids", "decoder_input_ids", "tokens", "token", "ids"}) {
        if (scores != nullptr && token_input_.empty() && input(name) != nullptr) token_input_ = name;
      }
      if (token_input_.empty()) return;
      token_output_ = "logits";
    }
    const graph::Type &scores = need(graph_.outputs(), token_output_, "output"), &tokens = need(graph_.inputs(), token_input_, "input");
    if (!core::is_float(scores.dtype))
      throw Error(ErrorCode::kInvalidArgument, "the scores of tokens must be floats", "output " + core::quoted(token_output_));
    if (tokens.dtype != core::DType::kI64 && tokens.dtype != core::DType::kI32) {
      throw Error(ErrorCode::kInvalidArgument, "tokens must be i32 or i64", "input " + core::quoted(token_input_));
    }
    if (!given_.contains(token_input_))
      throw Error(ErrorCode::kInvalidArgument, "the first tokens are not given", "input " + core::quoted(token_input_));
  }

  bool fits(const graph::Type& from, const graph::Type& to) const {
    return from.kind == to.kind && from.dtype == to.dtype && (!from.ranked || !to.ranked || from.rank() == to.rank());
  }

  void find_feeds() {
    for (const auto& [from, to] : wishes_.feeds) {
      if (!fits(need(graph_.outputs(), from, "output"), need(graph_.inputs(), to, "input"))) {
        throw Error(ErrorCode::kInvalidArgument, "output " + core::quoted(from) + " has another type than input " + core::quoted(to), "loop");
      }
      result_.feeds.emplace_back(from, to);
    }
    if (!result_.feeds.empty()) return;
    std::set<std::string> taken = {token_input_, wishes_.chunk_input};
    for (const graph::ValueId id : graph_.outputs()) {
      const std::string& name = graph_.value(id).name;
      if (name == token_output_) continue;
      for (const std::string& candidate : input_names_for(name)) {
        const graph::Type* type = input(candidate);
        if (type == nullptr || !fits(graph_.type(id), *type) || !taken.insert(candidate).second) continue;
        result_.feeds.emplace_back(name, candidate);
        break;
      }
    }
    if (result_.feeds.empty() && token_input_.empty() && wishes_.chunk_input.empty()) {
      throw Error(ErrorCode::kInvalidArgument, "no output has a name that says which input it belongs to", "loop", "name them: --feed OUTPUT=INPUT");
    }
  }

  void start_chunks() {
    if (wishes_.chunk_input.empty()) return;
    need(graph_.inputs(), wishes_.chunk_input, "input");
    const auto found = given_.find(wishes_.chunk_input);
    if (found == given_.end())
      throw Error(ErrorCode::kInvalidArgument, "it is to be cut, but was not given", "input " + core::quoted(wishes_.chunk_input));
    whole_ = found->second;
    if (wishes_.chunk < 1 || whole_.shape().rank() < 1 || core::dtype_bits(whole_.dtype()) < 8) {
      throw Error(ErrorCode::kInvalidArgument, "it cannot be cut into pieces of " + std::to_string(wishes_.chunk),
                  "input " + core::quoted(wishes_.chunk_input));
    }
    chunks_ = (whole_.shape()[-1] + wishes_.chunk - 1) / wishes_.chunk;
  }

  core::Tensor chunk_of(int64_t step) const {
    core::Shape shape = whole_.shape();
    const int64_t length = shape[-1], rows = shape.count(0, shape.rank() - 1);
    shape.set(-1, wishes_.chunk);
    core::Tensor piece(whole_.dtype(), shape);
    const size_t size = core::dtype_size(whole_.dtype());
    const int64_t begin = std::min(length, step * wishes_.chunk), count = std::min(wishes_.chunk, length - begin);
    for (int64_t r = 0; r < rows && count > 0; ++r) {
      std::memcpy(static_cast<char*>(piece.mutable_data()) + static_cast<size_t>(r * wishes_.chunk) * size,
                  static_cast<const char*>(whole_.data()) + static_cast<size_t>(r * length + begin) * size, static_cast<size_t>(count) * size);
    }
    return piece;
  }

  bool is_fed(std::string_view name) const {
    return std::any_of(result_.feeds.begin(), result_.feeds.end(), [&](const auto& f) { return f.second == name; });
  }

  // Sizes that the given inputs settle; others by their symbol's name.
  void start_inputs() {
    std::map<std::string, int64_t, std::less<>> sizes;
    for (const auto& [name, tensor] : given_) {
      const graph::Type& type = *input(name);
      for (int d = 0; type.ranked && d < type.rank() && type.rank() == tensor.shape().rank(); ++d) {
        const std::string symbol(graph_.dims().symbol_name(type.dim(d)));
        if (!symbol.empty()) sizes.try_emplace(symbol, name == wishes_.chunk_input && d == type.rank() - 1 ? wishes_.chunk : tensor.shape()[d]);
      }
    }
    for (const graph::ValueId id : graph_.inputs()) {
      const std::string& name = graph_.value(id).name;
      if (given_.contains(name)) continue;
      if (is_fed(name)) {
        given_[name] = zeros(graph_.type(id), sizes, name);
      } else if (!start_companion(name, graph_.type(id))) {
        throw Error(ErrorCode::kInvalidArgument, "it is not given", "input " + core::quoted(name), "add --input " + name + "=FILE.npy");
      }
    }
  }

  core::Tensor zeros(const graph::Type& type, std::map<std::string, int64_t, std::less<>>& sizes, const std::string& name) const {
    if (type.kind != graph::TypeKind::kTensor || !type.ranked || type.dtype == core::DType::kString) {
      throw Error(ErrorCode::kInvalidArgument, "its first value cannot be made up", "input " + core::quoted(name), "give it with --input");
    }
    std::vector<int64_t> dims;
    for (const graph::Dim d : type.dims) {
      const std::string symbol(graph_.dims().symbol_name(d));
      const std::string text = lower(symbol);
      const bool past = text.find("past") != std::string::npos || text.find("cache") != std::string::npos;
      if (!symbol.empty()) sizes.try_emplace(symbol, past ? 0 : 1);
      dims.push_back(graph_.dims().evaluate(d, sizes).value_or(past ? 0 : 1));
    }
    return core::Tensor(type.dtype, core::Shape(std::span<const int64_t>(dims)));
  }

  bool has_cache() const { return !result_.feeds.empty(); }
  const core::Tensor& tokens() const { return given_.at(token_input_); }

  // What decoders take beside tokens: a mask of ones, positions, whether there is a cache.
  bool start_companion(const std::string& name, const graph::Type& type) {
    if (token_input_.empty()) return false;
    const core::Shape& shape = tokens().shape();
    if (name == "use_cache_branch") {
      given_[name] = core::Tensor::of<bool>(core::Shape{1}, {false});
    } else if (name == "attention_mask" || name == "decoder_attention_mask") {
      std::vector<double> ones(static_cast<size_t>(shape.count()), 1);
      given_[name] = core::from_double(type.dtype, shape, ones);
    } else if (name == "position_ids" || name == "cache_position") {
      const core::Shape wanted = type.ranked && type.rank() == 1 ? core::Shape{shape[-1]} : shape;
      std::vector<double> places;
      for (int64_t i = 0; i < wanted.count(); ++i) places.push_back(static_cast<double>(i % std::max<int64_t>(1, wanted[-1])));
      given_[name] = core::from_double(type.dtype, wanted, places);
    } else {
      return false;
    }
    companions_.insert(name);
    return true;
  }

  void keep_outputs() {
    for (const auto& [name, tensor] : outputs_) {
      const bool fed = std::any_of(result_.feeds.begin(), result_.feeds.end(), [&](const auto& f) { return f.first == name; });
      if (!fed && name != token_output_) collected_[name].push_back(tensor);
    }
  }

  void feed_back(int64_t step) {
    for (const auto& [from, to] : result_.feeds) given_[to] = outputs_.at(from);
    if (token_input_.empty()) return;
    const std::vector<int64_t> chosen = choose(outputs_.at(token_output_), step);
    result_.tokens.resize(chosen.size());
    for (size_t b = 0; b < chosen.size(); ++b) result_.tokens[b].push_back(chosen[b]);
    finished_.resize(chosen.size(), false);
    for (size_t b = 0; b < chosen.size(); ++b) finished_[b] = finished_[b] || chosen[b] == wishes_.end_token;
    ended_ = wishes_.end_token >= 0 && std::all_of(finished_.begin(), finished_.end(), [](bool f) { return f; });
    const std::vector<double> column(chosen.begin(), chosen.end());
    given_[token_input_] = grown(tokens(), column, !has_cache());
    grow_companions();
  }

  void grow_companions() {
    for (const std::string name : {"attention_mask", "decoder_attention_mask"}) {
      const auto mask = given_.find(name);
      if (mask == given_.end()) continue;
      mask->second = grown(mask->second, std::vector<double>(static_cast<size_t>(mask->second.shape()[0]), 1), true);
    }
    for (const std::string name : {"position_ids", "cache_position"}) {
      const auto places = given_.find(name);
      if (places == given_.end() || places->second.count() == 0) continue;
      const std::vector<double> all = core::to_double(places->second);
      const int64_t rows = places->second.shape().rank() == 1 ? 1 : places->second.shape()[0], width = places->second.count() / rows;
      std::vector<double> next;
      for (int64_t r = 0; r < rows; ++r) next.push_back(all[static_cast<size_t>((r + 1) * width - 1)] + 1);
      places->second = grown(places->second, next, !has_cache());
    }
    if (companions_.contains("use_cache_branch")) given_["use_cache_branch"] = core::Tensor::of<bool>(core::Shape{1}, {true});
  }

  // Rows with one more element each, or only that one.
  static core::Tensor grown(const core::Tensor& t, const std::vector<double>& column, bool append) {
    const int64_t rows = static_cast<int64_t>(column.size()), width = append ? t.count() / std::max<int64_t>(1, rows) : 0;
    const std::vector<double> old = core::to_double(t);
    std::vector<double> values;
    for (int64_t r = 0; r < rows; ++r) {
      if (append) values.insert(values.end(), old.begin() + r * width, old.begin() + (r + 1) * width);
      values.push_back(column[static_cast<size_t>(r)]);
    }
    return core::from_double(t.dtype(), t.shape().rank() == 1 ? core::Shape{width + 1} : core::Shape{rows, width + 1}, values);
  }

  // A token for each entry of the batch from the scores of its last place.
  std::vector<int64_t> choose(const core::Tensor& scores, int64_t step) const {
    const core::Shape& shape = scores.shape();
    const int64_t classes = shape.rank() > 0 ? shape[-1] : 0;
    const int64_t batch = tokens().shape().rank() > 1 ? tokens().shape()[0] : 1;
    if (classes < 1 || shape.count() % std::max<int64_t>(1, batch * classes) != 0 || shape.count() == 0) {
      throw Error(ErrorCode::kInvalidData, "scores " + shape.text() + " do not give a token for each of " + std::to_string(batch) + " entries",
                  "output " + core::quoted(token_output_));
    }
    const int64_t places = shape.count() / (batch * classes);
    std::vector<int64_t> chosen;
    for (int64_t b = 0; b < batch; ++b) {  // the last place alone: a prompt has many
      const size_t last = static_cast<size_t>(((b + 1) * places - 1) * classes) * core::dtype_size(scores.dtype());
      const core::Tensor row = core::Tensor::view(scores.dtype(), core::Shape{classes}, static_cast<const char*>(scores.data()) + last, nullptr);
      chosen.push_back(choose_one(core::to_double(row), static_cast<uint64_t>(step), static_cast<uint64_t>(b)));
    }
    return chosen;
  }

  int64_t choose_one(const std::vector<double>& scores, uint64_t step, uint64_t entry) const {
    std::vector<int64_t> order(scores.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
    const auto key = [&](int64_t i) { return std::isnan(scores[static_cast<size_t>(i)]) ? -INFINITY : scores[static_cast<size_t>(i)]; };
    const size_t k = std::min(order.size(), static_cast<size_t>(std::max<int64_t>(1, wishes_.top_k)));
    std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(k), order.end(),
                      [&](int64_t a, int64_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
    if (wishes_.top_k < 2 || wishes_.temperature <= 0) return order[0];
    std::vector<double> weights;
    double whole = 0;
    for (size_t i = 0; i < k; ++i) {
      weights.push_back(std::exp((key(order[i]) - key(order[0])) / wishes_.temperature));
      whole += weights.back();
    }
    double rest = whole * static_cast<double>(core::RandomStream(wishes_.seed, "token", step).uniform(entry));
    for (size_t i = 0; i < k; ++i) {
      if (rest < weights[i]) return order[i];
      rest -= weights[i];
    }
    return order[0];
  }

  LoopResult finish() {
    for (const auto& [from, to] : result_.feeds) {
      api::add_output(result_.outputs, from, outputs_.at(from));
    }
    for (auto& [name, steps] : collected_) api::add_output(result_.outputs, name, together(steps));
    return std::move(result_);
  }

  static core::Tensor together(const std::vector<core::Tensor>& steps) {
    const core::Tensor& first = steps.front();
    bool same = first.shape().rank() < core::Shape::kMaxRank && core::dtype_bits(first.dtype()) >= 8 && !first.is_sequence() && !first.is_nothing();
    for (const core::Tensor& t : steps) same = same && t.shape() == first.shape() && !t.is_sequence() && !t.is_nothing();
    if (!same) return steps.back();
    std::vector<int64_t> dims(first.shape().begin(), first.shape().end());
    dims.insert(dims.begin(), static_cast<int64_t>(steps.size()));
    core::Tensor all(first.dtype(), core::Shape(std::span<const int64_t>(dims)));
    for (size_t i = 0; i < steps.size() && first.bytes() > 0; ++i) {
      std::memcpy(static_cast<char*>(all.mutable_data()) + i * first.bytes(), steps[i].data(), first.bytes());
    }
    return all;
  }

  const graph::Graph& graph_;
  const LoopOptions& wishes_;
  CoreTensors given_;                            // the next step's inputs
  std::map<std::string, core::Tensor> outputs_;  // the last step's
  std::map<std::string, std::vector<core::Tensor>> collected_;
  std::string token_output_, token_input_;
  std::set<std::string> companions_;
  std::vector<bool> finished_;  // by entry of the batch
  bool ended_ = false;
  core::Tensor whole_;  // what is cut
  int64_t chunks_ = 0, steps_ = 0;
  LoopResult result_;
};

}  // namespace

LoopResult run_loop(const Graph& graph, const std::map<std::string, Tensor, std::less<>>& inputs, const LoopOptions& loop,
                    const SessionOptions& options) {
  CoreTensors given;
  for (const auto& [name, tensor] : inputs) given.emplace(name, Access::tensor(tensor));
  runtime::Session session(Access::graph(graph), api::session_options(options.threads, options.isa, options.disabled_passes));
  return Loop(*Access::graph(graph), loop, std::move(given)).run(session);
}

}  // namespace omni
