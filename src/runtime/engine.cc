#include "runtime/engine.h"

namespace omni::runtime {

namespace {

EnginePort port_of(const Graph& graph, ValueId id) {
  const Value& v = graph.value(id);
  EnginePort port;
  port.name = v.name;
  port.dtype = v.type.dtype;
  for (const Dim d : v.type.dims) {
    port.dims.push_back(d.is_constant() ? d.value : -1);
    port.dim_names.push_back(d.is_constant() ? std::string() : graph.dims().text(d));
  }
  return port;
}

class SessionEngine : public Engine {
 public:
  SessionEngine(std::shared_ptr<const Graph> graph, SessionOptions options) : session_(std::move(graph), std::move(options)) {
    for (const ValueId id : session_.graph().inputs()) inputs_.push_back(port_of(session_.graph(), id));
    for (const ValueId id : session_.graph().outputs()) outputs_.push_back(port_of(session_.graph(), id));
    views_.resize(outputs_.size());
  }

  std::string_view name() const override { return "omni"; }
  const std::vector<EnginePort>& inputs() const override { return inputs_; }
  const std::vector<EnginePort>& outputs() const override { return outputs_; }

  std::vector<Tensor> run(std::span<const Tensor> inputs) override {
    for (TensorView& v : views_) v.data = nullptr;
    session_.run(inputs, views_).check();
    std::vector<Tensor> results;
    for (const TensorView& v : views_) results.push_back(Tensor::view(v.dtype, v.shape, v.data, nullptr));
    return results;
  }

 private:
  Session session_;
  std::vector<EnginePort> inputs_, outputs_;
  std::vector<TensorView> views_;
};

}  // namespace

std::unique_ptr<Engine> make_session_engine(std::shared_ptr<const Graph> graph, SessionOptions options) {
  return std::make_unique<SessionEngine>(std::move(graph), std::move(options));
}

}  // namespace omni::runtime
