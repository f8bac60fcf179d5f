#include "runtime/loop/batches.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "core/error.h"
#include "core/rng.h"

namespace omni::runtime {

namespace {

Shape with_count(int64_t count, const Shape& sample) {
  std::vector<int64_t> dims = {count};
  dims.insert(dims.end(), sample.begin(), sample.end());
  return Shape(dims);
}

}  // namespace

TensorSource::TensorSource(std::vector<std::string> names, std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {
  if (names.size() != tensors_.size() || tensors_.empty())
    throw Error(ErrorCode::kInvalidArgument, "as many names as tensors are needed, one at least");
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor& t = tensors_[i];
    if (t.shape().rank() < 1 || dtype_bits(t.dtype()) < 8) {
      throw Error(ErrorCode::kInvalidArgument, "samples need a first dimension and elements of whole bytes", "field " + quoted(names[i]));
    }
    if (i == 0) size_ = t.shape()[0];
    if (t.shape()[0] != size_) {
      throw Error(ErrorCode::kInvalidArgument, std::to_string(t.shape()[0]) + " samples, the first field has " + std::to_string(size_),
                  "field " + quoted(names[i]));
    }
    fields_.push_back({std::move(names[i]), t.dtype(), Shape(t.shape().dims().subspan(1))});
  }
}

void TensorSource::read(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool*) const {
  for (size_t f = 0; f < fields_.size(); ++f) {
    const size_t bytes = packed_bytes(fields_[f].dtype, static_cast<size_t>(fields_[f].shape.count()));
    const auto* from = static_cast<const std::byte*>(tensors_[f].data());
    auto* to = out[f].as<std::byte>();
    for (size_t i = 0; i < indices.size() && bytes > 0; ++i) {
      if (indices[i] < 0 || indices[i] >= size_) throw Error(ErrorCode::kInvalidArgument, "there is no sample " + std::to_string(indices[i]));
      std::memcpy(to + i * bytes, from + static_cast<size_t>(indices[i]) * bytes, bytes);
    }
  }
}

Batches::Batches(const SampleSource& source, BatchOptions options, ThreadPool* pool) : source_(source), options_(options), pool_(pool) {
  if (options_.batch < 1) throw Error(ErrorCode::kInvalidArgument, "the batch must be at least 1, found " + std::to_string(options_.batch));
  if (source.size() < 1) throw Error(ErrorCode::kInvalidArgument, "there are no samples");
  options_.batch = std::min(options_.batch, source.size());
  for (const SampleField& f : source.fields()) {
    buffers_.emplace_back(f.dtype, with_count(options_.batch, f.shape));
    views_.push_back(buffers_.back().mutable_view());
    current_.push_back(buffers_.back());
  }
  start(0);
}

int64_t Batches::per_epoch() const {
  const int64_t n = source_.size(), b = options_.batch;
  return options_.drop_last ? n / b : (n + b - 1) / b;
}

void Batches::start(uint64_t epoch, int64_t first) {
  const bool same_order = !order_.empty() && (!options_.shuffle || epoch == epoch_);
  epoch_ = epoch;
  index_ = std::max<int64_t>(0, first);
  if (same_order) return;
  if (options_.shuffle) {
    order_ = shuffle(options_.seed, epoch, source_.size());
  } else {
    order_.resize(static_cast<size_t>(source_.size()));
    std::iota(order_.begin(), order_.end(), int64_t{0});
  }
}

bool Batches::next() {
  if (index_ >= per_epoch()) return false;
  const int64_t begin = index_ * options_.batch;
  samples_ = std::min(options_.batch, source_.size() - begin);
  for (size_t f = 0; f < views_.size(); ++f) {
    views_[f].shape.set(0, samples_);
    if (current_[f].shape()[0] != samples_) current_[f] = Tensor::view(views_[f].dtype, views_[f].shape, buffers_[f].data(), nullptr);
  }
  source_.read(std::span<const int64_t>(order_).subspan(static_cast<size_t>(begin), static_cast<size_t>(samples_)), views_, pool_);
  ++index_;
  return true;
}

}  // namespace omni::runtime
