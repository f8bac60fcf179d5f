// Samples in batches: an epoch's order is a function of (seed, epoch), so a loop can stop and go on anywhere.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "core/thread_pool.h"

namespace omni::runtime {

using namespace core;

struct SampleField {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;  // of one sample
};

// Where samples come from: a data set, or the memory of a test.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual int64_t size() const = 0;
  virtual std::span<const SampleField> fields() const = 0;
  // Fills one tensor [indices.size(), field shape…] for each field. Throws Error.
  virtual void read(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool) const = 0;
};

// Tensors [n, …] as a source; they stay shared. Throws Error (kInvalidArgument) when the first dimensions differ.
class TensorSource : public SampleSource {
 public:
  TensorSource(std::vector<std::string> names, std::vector<Tensor> tensors);
  int64_t size() const override { return size_; }
  std::span<const SampleField> fields() const override { return fields_; }
  void read(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool) const override;

 private:
  std::vector<SampleField> fields_;
  std::vector<Tensor> tensors_;
  int64_t size_ = 0;
};

struct BatchOptions {
  int64_t batch = 64;
  bool shuffle = false;
  uint64_t seed = 1;
  bool drop_last = false;  // leave out a last batch that is not full
};

class Batches {
 public:
  // `source` must outlive this. Throws Error (kInvalidArgument) for a batch below 1 or an empty source.
  Batches(const SampleSource& source, BatchOptions options, ThreadPool* pool = nullptr);

  int64_t per_epoch() const;
  // The next next() reads batch `first` of that epoch.
  void start(uint64_t epoch, int64_t first = 0);
  // Reads the next batch; false at the end of the epoch. What fields() gave before is overwritten. Throws what the source throws.
  bool next();

  // The batch read last: one tensor [samples(), field shape…] a field.
  std::span<const Tensor> fields() const { return current_; }
  int64_t samples() const { return samples_; }
  int64_t index() const { return index_ - 1; }  // of that batch in its epoch
  uint64_t epoch() const { return epoch_; }
  const SampleSource& source() const { return source_; }
  const BatchOptions& options() const { return options_; }

 private:
  const SampleSource& source_;
  BatchOptions options_;
  ThreadPool* pool_;
  std::vector<Tensor> buffers_, current_;
  std::vector<TensorView> views_;
  std::vector<int64_t> order_;
  uint64_t epoch_ = 0;
  int64_t index_ = 0, samples_ = 0;
};

}  // namespace omni::runtime
