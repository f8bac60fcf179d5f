// Runs a session over batches and sums up what it outputs: the inner loop of training and of evaluation.
//
// A session's inputs that have the name of a field get the batch; all others are settings (learning rate, step, seed) that the caller gives before a
// step. Means are Σ value·n / Σ n in double, in the order of the batches, so they do not depend on the batch size beyond rounding.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/loop/batches.h"
#include "runtime/session.h"

namespace omni::runtime {

struct MetricSum {
  std::string name;
  double sum = 0, count = 0;
  double mean() const { return count > 0 ? sum / count : 0; }
};

enum class MetricKind : uint8_t {
  kMean,   // the output is the mean over the batch: it counts as often as the batch has samples
  kSum,    // the output is the sum over the batch's samples (a number of correct answers)
  kTotal,  // the output is added up; count is the number of steps
};

class StepLoop {
 public:
  // `fields` gives an input of the session the name of another field of the source. Both must outlive this.
  // Throws Error (kInvalidArgument) when a field's dtype is not the input's.
  StepLoop(Session& session, Batches& batches, std::map<std::string, std::string, std::less<>> fields = {});

  // Sums up that scalar output (f32, f64 or integer) over the steps; throws Error (kNotFound).
  void track(std::string_view output, MetricKind kind);
  // The value of an input that no field feeds; throws Error (kNotFound). Held until set again.
  void set(std::string_view input, Tensor value);
  void set(std::string_view input, float value);    // as an f32 scalar
  void set(std::string_view input, int64_t value);  // as an i64 scalar

  void start(uint64_t epoch, int64_t first_batch = 0);
  // Reads a batch, runs, sums up; false at the end of the epoch. Throws Error: the source's, the run's, kInvalidArgument for an input nobody set.
  bool step();
  // Of the step before, in the session's order.
  std::span<const TensorView> outputs() const { return outputs_; }
  const std::vector<MetricSum>& metrics() const { return metrics_; }
  const MetricSum& metric(std::string_view name) const;
  // For going on within an epoch: sums as metrics() gave them.
  void restore(std::span<const MetricSum> sums);
  Session& session() { return session_; }
  Batches& batches() { return batches_; }

 private:
  void add_metrics();
  int input(std::string_view name) const;

  Session& session_;
  Batches& batches_;
  std::vector<int> field_of_;  // for each input: its field, or -1
  std::vector<Tensor> inputs_;
  std::vector<bool> given_;
  std::vector<TensorView> outputs_;
  std::vector<MetricSum> metrics_;
  std::vector<std::pair<int, MetricKind>> tracked_;
};

}  // namespace omni::runtime
