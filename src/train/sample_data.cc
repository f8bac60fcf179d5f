#include "train/sample_data.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/rng.h"

namespace omni::train {

namespace {

constexpr uint64_t kSplitEpoch = UINT64_MAX;  // the shuffle that chooses what is held out

// A Dataset as a source whose samples have the shapes that the model takes.
class DatasetSource : public runtime::SampleSource {
 public:
  DatasetSource(std::shared_ptr<const formats::Dataset> dataset, std::vector<runtime::SampleField> fields)
      : dataset_(std::move(dataset)), fields_(std::move(fields)) {}
  int64_t size() const override { return dataset_->size(); }
  std::span<const runtime::SampleField> fields() const override { return fields_; }
  void read(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool) const override {
    std::vector<TensorView> views(out.begin(), out.end());
    for (size_t i = 0; i < views.size(); ++i) {
      std::vector<int64_t> dims = {static_cast<int64_t>(indices.size())};
      const Shape& own = dataset_->fields()[i].shape;
      dims.insert(dims.end(), own.begin(), own.end());
      views[i].shape = Shape(dims);
    }
    dataset_->read(indices, views, pool);
  }

 private:
  std::shared_ptr<const formats::Dataset> dataset_;
  std::vector<runtime::SampleField> fields_;
};

std::string dims_text(const std::vector<int64_t>& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) text += (i > 0 ? "," : "") + (dims[i] < 0 ? std::string("?") : std::to_string(dims[i]));
  return text + "]";
}

// The shape a sample gets for that input. Throws Error where it does not fit.
Shape sample_shape(const InputShape& input, const formats::Field& field) {
  const auto refuse = [&] {
    throw Error(ErrorCode::kInvalidArgument,
                "input " + quoted(input.name) + " takes " + std::string(dtype_name(input.dtype)) + dims_text(input.dims) + ", the data has samples of " +
                    std::string(dtype_name(field.dtype)) + field.shape.text(),
                "field " + quoted(field.name), "resize, crop or convert the data to what the model takes");
  };
  if (input.dtype != field.dtype || input.dims.empty()) refuse();
  const std::vector<int64_t> wanted(input.dims.begin() + 1, input.dims.end());
  if (std::find(wanted.begin(), wanted.end(), -1) == wanted.end()) {
    const Shape shape{std::span<const int64_t>(wanted)};
    if (shape.count() != field.shape.count()) refuse();
    return shape;
  }
  if (static_cast<int>(wanted.size()) != field.shape.rank()) refuse();
  for (int i = 0; i < field.shape.rank(); ++i) {
    const int64_t d = wanted[static_cast<size_t>(i)];
    if (d >= 0 && d != field.shape[i]) refuse();
  }
  return field.shape;
}

}  // namespace

const runtime::SampleField* SampleData::target_field() const {
  for (const runtime::SampleField& field : source->fields()) {
    if (!target.empty() && field.name == target) return &field;
  }
  return nullptr;
}

std::vector<InputShape> input_shapes(const Graph& model) {
  std::vector<InputShape> shapes;
  for (const ValueId id : model.inputs()) {
    const Value& v = model.value(id);
    InputShape shape{v.name, v.type.dtype, {}};
    for (const Dim d : v.type.dims) shape.dims.push_back(d.is_constant() ? d.value : -1);
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

SampleData match_data(const std::vector<InputShape>& inputs, std::shared_ptr<const formats::Dataset> dataset) {
  SampleData data;
  data.classes = dataset->classes();
  std::vector<runtime::SampleField> fields;
  std::vector<size_t> feeding;
  for (size_t i = 0; i < dataset->fields().size(); ++i) {
    const formats::Field& field = dataset->fields()[i];
    fields.push_back({field.name, field.dtype, field.shape});
    if (field.target) data.target = field.name;
    else feeding.push_back(i);
  }
  for (const InputShape& input : inputs) {
    size_t at = fields.size();
    for (const size_t i : feeding) {
      if (fields[i].name == input.name || (inputs.size() == 1 && feeding.size() == 1)) at = i;
    }
    if (at == fields.size()) {
      std::vector<std::string> names;
      for (const size_t i : feeding) names.push_back(fields[i].name);
      throw Error(ErrorCode::kInvalidArgument, "the data has no field for input " + quoted(input.name), dataset->description(), did_you_mean(input.name, names));
    }
    fields[at].shape = sample_shape(input, dataset->fields()[at]);
    data.fields[input.name] = fields[at].name;
  }
  data.source = std::make_shared<DatasetSource>(std::move(dataset), std::move(fields));
  return data;
}

SampleData match_data(const Graph& model, std::shared_ptr<const formats::Dataset> dataset) { return match_data(input_shapes(model), std::move(dataset)); }

void SubsetSource::read(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool) const {
  std::vector<int64_t> of_whole(indices.size());
  for (size_t i = 0; i < indices.size(); ++i) of_whole[i] = indices_.at(static_cast<size_t>(indices[i]));
  whole_->read(of_whole, out, pool);
}

std::vector<Tensor> read_samples(const runtime::SampleSource& source, std::span<const int64_t> indices) {
  std::vector<Tensor> samples;
  std::vector<TensorView> views;
  for (const runtime::SampleField& f : source.fields()) {
    std::vector<int64_t> dims = {static_cast<int64_t>(indices.size())};
    dims.insert(dims.end(), f.shape.begin(), f.shape.end());
    views.push_back(samples.emplace_back(f.dtype, Shape(dims)).mutable_view());
  }
  source.read(indices, views, nullptr);
  return samples;
}

HeldOut hold_out(std::shared_ptr<const runtime::SampleSource> whole, double share, uint64_t seed) {
  const int64_t n = whole->size(), held = static_cast<int64_t>(std::llround(share * static_cast<double>(n)));
  if (held < 1 || held >= n) {
    throw Error(ErrorCode::kInvalidArgument, "a validation part of " + std::to_string(held) + " of " + std::to_string(n) + " samples", "the data");
  }
  const std::vector<int64_t> order = shuffle(seed, kSplitEpoch, n);
  std::vector<int64_t> out(order.begin(), order.begin() + held), in(order.begin() + held, order.end());
  std::sort(out.begin(), out.end());
  std::sort(in.begin(), in.end());
  return {std::make_shared<SubsetSource>(whole, std::move(in)), std::make_shared<SubsetSource>(whole, std::move(out))};
}

}  // namespace omni::train
