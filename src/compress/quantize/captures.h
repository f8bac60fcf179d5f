// What calibration remembers of activations: states of a graph `calibrate`, filled in one pass over the samples.
//
// A capture is a few nodes behind an activation that add to a state: a histogram, the largest magnitude or the mean of each channel, or the Gram
// matrix X^T X of what a product contracts (a convolution's patches, one matrix a group). The nodes stand right behind the activation, so that its memory
// is free again at once: memory is that of inference and of the states, whatever the number of samples. The sums depend on the batch and the
// instruction set, not on the number of threads.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compress/quantize/histogram.h"
#include "graph/graph.h"
#include "runtime/state_set.h"

namespace omni::compress {

using namespace graph;

// ai.omni.Histogram(x, counters i64[2049], range f32[2]) → both with the values of x added. In calibration graphs alone.
extern const OpDef kHistogramOp;

class Captures {
 public:
  // `graph` stays as it is and must outlive this.
  explicit Captures(const Graph& graph);

  // Each may be asked for again: it is made once. `value`: f32.
  void histogram(ValueId value);
  // `channels` along the axis: what the type says where 0 is given, which it must then do.
  void channel_max(ValueId value, int axis, int64_t channels = 0);
  void channel_mean(ValueId value, int axis, int64_t channels = 0);
  // Of input 0 of a product. Throws Error (kUnsupported) where gram_refusal() says why.
  void gram(NodeId product);
  // Why a product's Gram matrix cannot be had, or nothing: it is no Conv, Gemm or MatMul with constant weights, or not written in the plain way.
  static const char* gram_refusal(const Graph& graph, NodeId product);
  // Products with the same key share a Gram matrix.
  static std::string gram_key(const Graph& graph, NodeId product);
  // [groups, K, K]: what gram() makes, K in the order of the weights behind the first axis of a convolution.
  static Shape gram_shape(const Graph& graph, NodeId product);

  bool empty() const { return captures_.empty(); }
  // The graph that fills the states when it is run, its inputs those of `graph`, and its states.
  Graph build() const;
  void take(const runtime::StateSet& states) { states_ = states; }

  // After take().
  Histogram histogram_of(ValueId value) const;
  std::vector<double> channel_max_of(ValueId value) const;
  std::vector<double> channel_mean_of(ValueId value) const;
  Tensor gram_of(NodeId product) const;

 private:
  enum class Kind : uint8_t { kHistogram, kChannelMax, kChannelMean, kGram };
  struct Capture {
    Kind kind;
    ValueId value = kNone;
    int axis = 0;
    NodeId product = kNone;
    std::string key;  // of its states
    int64_t channels = 0;
  };

  void request(Capture capture);
  static void build_histogram(Graph& graph, const Capture& capture);
  static void build_channel(Graph& graph, const Capture& capture);
  static void build_gram(Graph& graph, const Capture& capture);

  const Graph& graph_;
  std::map<std::string, Capture> captures_;
  runtime::StateSet states_;
};

}  // namespace omni::compress
