// Data sets: samples by index, whatever form they are stored in.
//
// A Dataset is immutable and read() may be called from several threads. Arrays (IDX, NPY, NPZ, CSV) are held or mapped; folders of pictures are
// decoded when read, so memory does not grow with their number. Samples have one shape each field: a batch is [n, field shape…].
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "core/thread_pool.h"
#include "formats/dataset/preprocess.h"

namespace omni::formats {

// What one sample has: an input, or the target (at most one): i64 class labels of shape [], or f32 values.
struct Field {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  bool target = false;
};

class Dataset {
 public:
  virtual ~Dataset() = default;

  int64_t size() const { return size_; }
  // Inputs in their order, then the target if there is one.
  const std::vector<Field>& fields() const { return fields_; }
  std::optional<size_t> target() const;
  bool has_labels() const { return target() && fields_[*target()].dtype == DType::kI64; }
  // Number of classes of the labels (the highest label + 1, or the number of names), 0 without labels.
  int64_t classes() const { return classes_; }
  // Names of the classes, empty where nobody gave any.
  const std::vector<std::string>& class_names() const { return class_names_; }
  // Whether the inputs are pictures, to which Preprocess applied.
  bool pictures() const { return pictures_; }
  // "IDX, 60000 samples: images f32[1,28,28], labels i64[] (10 classes)".
  std::string description() const;

  // Fills one tensor [indices.size(), field shape…] for each field. Throws Error: kInvalidArgument (an index outside, tensors that do not fit),
  // kInvalidData (a picture that cannot be decoded).
  void read(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool = nullptr) const;
  // The same into new tensors.
  std::vector<Tensor> read(std::span<const int64_t> indices, ThreadPool* pool = nullptr) const;

 protected:
  friend class Subset;
  // The arguments have been checked.
  virtual void read_checked(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool) const = 0;

  std::string form_;
  int64_t size_ = 0;
  std::vector<Field> fields_;
  int64_t classes_ = 0;
  std::vector<std::string> class_names_;
  bool pictures_ = false;
};

enum class TargetKind : uint8_t {
  kAuto,   // integers >= 0 are labels, anything else values
  kLabel,  // must be labels
  kValue,  // f32 values even where all are integers
};

struct DatasetOptions {
  Preprocess preprocess = {};      // of pictures; arrays are used as they are
  std::string label = "";          // CSV column or NPZ array that is the target; "" is the usual one, "none" is none
  TargetKind target = TargetKind::kAuto;
  std::string default_part = "train";  // of sets that have parts, where the name does not say
};

// `spec` is what `--data` takes: a path whose form is found out (an IDX directory, an NPY, NPZ or CSV file, a folder of pictures), two paths
// "inputs,targets" (IDX or NPY), FORM:PATH with FORM one of idx npy npz csv images, or the known name fashion-mnist; then @train or @test, then
// a range @0:1000 (@:1000, @50000:). Throws Error: kNotFound, kInvalidArgument, kInvalidData, kUnsupported, with file and place.
std::shared_ptr<const Dataset> open_dataset(std::string_view spec, const DatasetOptions& options = {});

// Samples [first, last) of another set.
std::shared_ptr<const Dataset> subset(std::shared_ptr<const Dataset> whole, int64_t first, int64_t last);

}  // namespace omni::formats
