#include "api/access.h"

namespace omni {

struct Session::Impl {
  Impl(const Graph& graph, const SessionOptions& options)
      : session(Access::graph(graph), full_options(graph, options)), inputs(graph.inputs()), outputs(graph.outputs()) {
    core_inputs.resize(inputs.size());
    core_outputs.resize(outputs.size());
  }

  static runtime::SessionOptions full_options(const Graph& graph, const SessionOptions& options) {
    runtime::SessionOptions result = api::session_options(options.threads, options.isa, options.disabled_passes);
    result.profile = options.profile;
    api::give_up(options.memory, *Access::graph(graph), result);
    return result;
  }

  runtime::Session session;
  std::vector<ValueInfo> inputs, outputs;
  // Kept between runs, so that a run allocates nothing.
  std::vector<core::Tensor> core_inputs;
  std::vector<core::TensorView> core_outputs;
};

namespace {

Error as_error(const runtime::Result& result) {
  try {
    result.check();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::kInternal, "the run failed without a reason");
}

}  // namespace

void api::add_output(std::map<std::string, Tensor, std::less<>>& outputs, const std::string& name, core::Tensor tensor) {
  const std::span<const core::Tensor> elements = tensor.elements();
  for (size_t i = 0; i < elements.size(); ++i) outputs.emplace(name + "[" + std::to_string(i) + "]", Access::tensor(elements[i]));
  if (!tensor.is_sequence() && !tensor.is_nothing()) outputs.emplace(name, Access::tensor(std::move(tensor)));
}

const Tensor& Result::operator[](std::string_view name) const {
  const auto found = outputs().find(name);
  if (found != outputs_.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [other, tensor] : outputs_) known.push_back(other);
  throw Error(ErrorCode::kNotFound, "no output is named " + core::quoted(name), "Result", core::did_you_mean(name, known));
}

const std::map<std::string, Tensor, std::less<>>& Result::outputs() const {
  if (error_) throw *error_;
  return outputs_;
}

Session::Session(const Graph& graph, const SessionOptions& options) : impl_(std::make_unique<Impl>(graph, options)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

const std::vector<ValueInfo>& Session::inputs() const { return impl_->inputs; }
const std::vector<ValueInfo>& Session::outputs() const { return impl_->outputs; }

Result Session::run(const std::map<std::string, Tensor, std::less<>>& inputs) {
  try {
    std::map<std::string, core::Tensor> given;
    for (const auto& [name, tensor] : inputs) given.emplace(name, Access::tensor(tensor));
    std::map<std::string, Tensor, std::less<>> outputs;
    for (auto& [name, tensor] : impl_->session.run(given)) api::add_output(outputs, name, std::move(tensor));
    return Access::result(std::move(outputs));
  } catch (const Error& error) {
    return Access::result(error);
  }
}

std::optional<Error> Session::run(std::span<const Tensor> inputs, std::span<Tensor> outputs) noexcept {
  if (inputs.size() != impl_->core_inputs.size() || outputs.size() != impl_->core_outputs.size()) {
    return Error(ErrorCode::kInvalidArgument,
                 "expected " + std::to_string(impl_->core_inputs.size()) + " inputs and " + std::to_string(impl_->core_outputs.size()) + " outputs",
                 "Session::run");
  }
  for (size_t i = 0; i < inputs.size(); ++i) impl_->core_inputs[i] = Access::tensor(inputs[i]);
  for (size_t i = 0; i < outputs.size(); ++i) impl_->core_outputs[i] = Access::mutable_view(outputs[i]);
  const runtime::Result result = impl_->session.run(impl_->core_inputs, impl_->core_outputs);
  for (core::Tensor& tensor : impl_->core_inputs) tensor = core::Tensor();
  if (result.ok()) return std::nullopt;
  return as_error(result);
}

std::vector<Tensor> Session::prepare(std::span<const Tensor> inputs) {
  std::vector<core::Tensor> given;
  for (const Tensor& tensor : inputs) given.push_back(Access::tensor(tensor));
  std::vector<Tensor> outputs;
  for (const core::Tensor& tensor : impl_->session.run(given)) {
    if (tensor.is_sequence() || tensor.is_nothing()) throw Error(ErrorCode::kUnsupported, "sequences and optionals cannot be bound", "Session::prepare", "run by name");
    if (tensor.dtype() == core::DType::kString)
      throw Error(ErrorCode::kUnsupported, "outputs of strings cannot be bound", "Session::prepare", "run by name");
    outputs.emplace_back(api::to_public(tensor.dtype()), tensor.shape().dims());
  }
  return outputs;
}

std::vector<NodeProfile> Session::profile() const {
  const runtime::Profiler& profiler = impl_->session.profiler();
  const std::vector<runtime::ProfileRow> rows = profiler.by_node(runtime::measure_peak(impl_->session.isa(), impl_->session.pool()->threads()));
  std::vector<NodeProfile> nodes;
  for (const runtime::StepProfile& step : profiler.steps()) {
    if (step.calls == 0) continue;
    nodes.push_back({step.node, step.op, step.calls, step.seconds, step.operations, step.bytes, rows[nodes.size()].share_of_peak});
  }
  return nodes;
}

void Session::save_trace(const std::string& path, bool overwrite) const {
  core::write_file_atomically(path, impl_->session.profiler().chrome_trace(), api::overwrite(overwrite));
}

}  // namespace omni
