// What `--data` names: form, path, part and range taken apart, the form found out, the files read.
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/dataset/array_dataset.h"
#include "formats/dataset/csv.h"
#include "formats/dataset/dataset.h"
#include "formats/dataset/idx.h"
#include "formats/dataset/inflate.h"
#include "formats/dataset/npy.h"
#include "formats/dataset/npz.h"
#include "formats/dataset/picture_dataset.h"

namespace omni::formats {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kFashionMnist = "/usr/share/datasets/fashion-mnist";

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_directory(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

struct Range {
  std::optional<int64_t> first, last;
};

struct Spec {
  std::string form, part;  // empty: to be found out
  std::vector<std::string> paths;
  std::optional<Range> range;
};

std::optional<int64_t> index_of(std::string_view text) {
  int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size() && value >= 0 ? std::optional(value) : std::nullopt;
}

// "0:1000", ":1000", "50000:"
std::optional<Range> range_of(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view a = text.substr(0, colon), b = text.substr(colon + 1);
  const Range range{index_of(a), index_of(b)};
  if ((!a.empty() && !range.first) || (!b.empty() && !range.last) || (a.empty() && b.empty())) return std::nullopt;
  return range;
}

Spec take_apart(std::string_view text) {
  Spec spec;
  static const std::vector<std::string> forms = {"idx", "npy", "npz", "csv", "images"};
  const size_t colon = text.find(':');
  if (const std::string form(text.substr(0, colon)); colon != std::string_view::npos && std::find(forms.begin(), forms.end(), form) != forms.end()) {
    spec.form = form;
    text.remove_prefix(colon + 1);
  }
  // A path may hold an "@" itself: what exists as it stands has no suffix.
  for (size_t at = 0; !exists(std::string(text)) && (at = text.rfind('@')) != std::string_view::npos;) {
    const std::string_view suffix = text.substr(at + 1);
    if (!spec.range && spec.part.empty() && range_of(suffix)) {
      spec.range = range_of(suffix);
    } else if (spec.part.empty() && (suffix == "train" || suffix == "test")) {
      spec.part = suffix;
    } else {
      throw Error(ErrorCode::kInvalidArgument, "@" + std::string(suffix) + " names no part of a data set", std::string(text),
                  "use @train, @test or a range such as @0:1000");
    }
    text = text.substr(0, at);
  }
  const size_t wrong = text.find(':');
  if (wrong != std::string_view::npos && spec.form.empty() && !exists(std::string(text))) {
    const std::string form(text.substr(0, wrong)), near = did_you_mean(form, forms);
    throw Error(ErrorCode::kInvalidArgument, "there is no form " + core::quoted(form) + " of data sets", std::string(text),
                near.empty() ? "the forms are idx, npy, npz, csv and images" : near);
  }
  const size_t comma = exists(std::string(text)) ? std::string_view::npos : text.find(',');
  spec.paths.emplace_back(text.substr(0, comma));
  if (comma != std::string_view::npos) spec.paths.emplace_back(text.substr(comma + 1));
  return spec;
}

// The file of that name or, failing that, of that name with .gz; empty if there is neither.
std::string plain_or_gzipped(const std::string& path) {
  for (const std::string& candidate : {path, path + ".gz"}) {
    if (exists(candidate)) return candidate;
  }
  return "";
}

std::string idx_file(const std::string& directory, std::string_view part, std::string_view what) {
  const std::string prefix = directory + "/" + (part == "test" ? "t10k" : "train") + "-" + std::string(what);
  const std::string dashed = plain_or_gzipped(prefix + (what == "images" ? "-idx3-ubyte" : "-idx1-ubyte"));
  return dashed.empty() ? plain_or_gzipped(prefix + (what == "images" ? ".idx3-ubyte" : ".idx1-ubyte")) : dashed;
}

bool is_idx_directory(const std::string& path) { return !idx_file(path, "train", "images").empty() || !idx_file(path, "test", "images").empty(); }

std::shared_ptr<const Dataset> idx_dataset(const std::string& images_path, const std::string& labels_path, const DatasetOptions& options,
                                           std::vector<std::string> class_names) {
  const Tensor images = load_idx(images_path);
  const Tensor targets = labels_path.empty() ? Tensor() : load_idx(labels_path);
  if (images.dtype() != DType::kU8 || images.shape().rank() != 3) {
    return std::make_shared<ArrayDataset>("IDX", std::vector<std::pair<std::string, Tensor>>{{"images", images}}, labels_path.empty() ? "" : "labels",
                                          targets, options.target, std::move(class_names), images_path);
  }
  PictureSource source;
  source.form = "IDX";
  source.size = images.shape()[0];
  source.channels = 1;
  source.first_size = {images.shape()[1], images.shape()[2]};
  if (source.first_size.height == 0 || source.first_size.width == 0) throw Error(ErrorCode::kInvalidData, "pictures without pixels", images_path);
  if (!labels_path.empty()) {
    const Tensor labels = make_targets(targets, TargetKind::kLabel, source.classes, labels_path);
    if (labels.shape() != Shape{source.size}) {
      throw Error(ErrorCode::kInvalidData, "labels " + labels.shape().text() + " for " + std::to_string(source.size) + " pictures", labels_path,
                  "name the labels that belong to " + images_path);
    }
    source.labels.assign(labels.values<int64_t>().begin(), labels.values<int64_t>().end());
  }
  source.classes = std::max(source.classes, static_cast<int64_t>(class_names.size()));
  source.class_names = std::move(class_names);
  source.load = [images](int64_t i) {
    const int64_t height = images.shape()[1], width = images.shape()[2];
    const uint8_t* from = images.values<uint8_t>().data() + i * height * width;
    return Picture{height, width, 1, std::vector<uint8_t>(from, from + height * width)};
  };
  source.name = [images_path](int64_t i) { return images_path + ", picture " + std::to_string(i); };
  return make_picture_dataset(std::move(source), options.preprocess);
}

std::shared_ptr<const Dataset> open_idx(const Spec& spec, const DatasetOptions& options, std::vector<std::string> class_names = {}) {
  if (spec.paths.size() == 2) return idx_dataset(spec.paths[0], spec.paths[1], options, {});
  const std::string& path = spec.paths[0];
  if (!is_directory(path)) {
    // The labels of train-images-idx3-ubyte lie beside it.
    std::string labels = path;
    const size_t name = labels.rfind('/') == std::string::npos ? 0 : labels.rfind('/') + 1;
    for (const auto& [from, to] : {std::pair<std::string_view, std::string_view>{"images", "labels"}, {"idx3", "idx1"}}) {
      const size_t at = labels.find(from, name);
      if (at != std::string::npos) labels.replace(at, from.size(), to);
    }
    return idx_dataset(path, labels != path && exists(labels) ? labels : "", options, {});
  }
  const std::string part = spec.part.empty() ? options.default_part : spec.part;
  const std::string images = idx_file(path, part, "images"), labels = idx_file(path, part, "labels");
  if (images.empty() || labels.empty()) {
    throw Error(ErrorCode::kNotFound, "there are no " + part + " pictures and labels in IDX form", path,
                "it should hold " + std::string(part == "test" ? "t10k" : "train") + "-images-idx3-ubyte and -labels-idx1-ubyte, gzipped or not");
  }
  return idx_dataset(images, labels, options, std::move(class_names));
}

std::shared_ptr<const Dataset> open_fashion_mnist(Spec spec, const DatasetOptions& options) {
  spec.paths[0] = kFashionMnist;
  if (!exists(spec.paths[0])) {
    throw Error(ErrorCode::kNotFound, "Fashion-MNIST is not installed", std::string(kFashionMnist), "install it with: apt install dataset-fashion-mnist");
  }
  return open_idx(spec, options, {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"});
}

std::shared_ptr<const Dataset> open_npy(const Spec& spec, const DatasetOptions& options) {
  std::vector<std::pair<std::string, Tensor>> inputs = {{"input", load_npy(spec.paths[0])}};
  const bool pair = spec.paths.size() == 2;
  return std::make_shared<ArrayDataset>("NPY", std::move(inputs), pair ? "target" : "", pair ? load_npy(spec.paths[1]) : Tensor(), options.target,
                                        std::vector<std::string>{}, spec.paths[0]);
}

// "x_train" is array "x" of part "train".
std::pair<std::string, std::string> name_and_part(const std::string& name) {
  for (const std::string part : {"train", "test"}) {
    if (name.ends_with("_" + part)) return {name.substr(0, name.size() - part.size() - 1), part};
    if (name.starts_with(part + "_")) return {name.substr(part.size() + 1), part};
  }
  return {name, ""};
}

std::shared_ptr<const Dataset> open_npz(const Spec& spec, const DatasetOptions& options) {
  const std::string& path = spec.paths[0];
  std::vector<std::pair<std::string, Tensor>> arrays = load_npz(path), chosen;
  const bool parts = std::any_of(arrays.begin(), arrays.end(), [](const auto& a) { return !name_and_part(a.first).second.empty(); });
  if (!spec.part.empty() && !parts) {
    throw Error(ErrorCode::kInvalidArgument, "the archive has no parts", path, "its arrays should be called x_train, y_train, x_test, y_test");
  }
  const std::string part = spec.part.empty() ? options.default_part : spec.part;
  std::vector<std::string> names;
  for (auto& [name, tensor] : arrays) {
    const auto [base, of] = name_and_part(name);
    if (parts && of != part) continue;
    chosen.emplace_back(base, std::move(tensor));
    names.push_back(base);
  }
  size_t target = chosen.size();
  static const std::vector<std::string> usual = {"y", "label", "labels", "target", "targets"};
  for (size_t i = 0; i < chosen.size(); ++i) {
    const bool fits = options.label.empty() ? std::find(usual.begin(), usual.end(), names[i]) != usual.end() : names[i] == options.label;
    if (fits) target = i;
  }
  if (target == chosen.size() && !options.label.empty() && options.label != "none") {
    throw Error(ErrorCode::kInvalidArgument, "there is no array " + core::quoted(options.label), path, did_you_mean(options.label, names));
  }
  std::string target_name;
  Tensor targets;
  if (target < chosen.size() && options.label != "none") {
    target_name = names[target];
    targets = std::move(chosen[target].second);
    chosen.erase(chosen.begin() + static_cast<long>(target));
  }
  return std::make_shared<ArrayDataset>("NPZ", std::move(chosen), target_name, targets, options.target, std::vector<std::string>{}, path);
}

std::shared_ptr<const Dataset> open_csv(const Spec& spec, const DatasetOptions& options) {
  const std::string& path = spec.paths[0];
  const MappedFile file = map_file(path);
  CsvTable table = parse_csv({reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()}, options.label, options.target, path);
  return std::make_shared<ArrayDataset>("CSV", std::vector<std::pair<std::string, Tensor>>{{"input", table.features}}, table.target_name, table.target,
                                        options.target, std::move(table.class_names), path);
}

std::shared_ptr<const Dataset> open_images(const Spec& spec, const DatasetOptions& options) {
  std::string path = spec.paths[0];
  const bool parts = is_directory(path + "/train") && (is_directory(path + "/test") || is_directory(path + "/val"));
  if (!spec.part.empty() && !parts) {
    throw Error(ErrorCode::kInvalidArgument, "the folder has no parts", path, "it should have the sub-folders train and test, or use a range such as @0:1000");
  }
  if (parts) {
    const std::string part = spec.part.empty() ? options.default_part : spec.part;
    path += part == "test" && !is_directory(path + "/test") ? "/val" : "/" + part;
  }
  return make_picture_dataset(picture_folder(path), options.preprocess);
}

std::string form_of(const std::string& path) {
  if (is_directory(path)) {
    if (is_idx_directory(path)) return "idx";
    const bool parts = is_directory(path + "/train") && (is_directory(path + "/test") || is_directory(path + "/val"));
    if (parts || is_picture_folder(path)) return "images";
    throw Error(ErrorCode::kInvalidData, "the folder is no data set", path,
                "it should hold IDX files, or a sub-folder of pictures for each class, or pictures and labels.txt");
  }
  const MappedFile file = map_file(path);
  if (is_npy(file.bytes)) return "npy";
  if (is_zip(file.bytes)) return "npz";
  if (is_gzip(file.bytes) || is_idx(file.bytes)) return "idx";
  const std::span<const std::byte> head = file.bytes.first(std::min<size_t>(file.bytes.size(), 4096));
  if (std::find(head.begin(), head.end(), std::byte{0}) == head.end()) return "csv";
  throw Error(ErrorCode::kInvalidData, "is no data set of a known form (IDX, NPY, NPZ, CSV)", path, "check that it is the right file");
}

}  // namespace

std::shared_ptr<const Dataset> open_dataset(std::string_view text, const DatasetOptions& options) {
  Spec spec = take_apart(text);
  std::shared_ptr<const Dataset> dataset;
  if (spec.form.empty() && spec.paths == std::vector<std::string>{"fashion-mnist"} && !exists(spec.paths[0])) {
    dataset = open_fashion_mnist(spec, options);
  } else {
    for (const std::string& path : spec.paths) {
      if (!exists(path)) {
        throw Error(ErrorCode::kNotFound, "there is no such file or folder", path.empty() ? "\"\"" : path, "give a path, or the known name fashion-mnist");
      }
    }
    const std::string form = spec.form.empty() ? form_of(spec.paths[0]) : spec.form;
    if (spec.paths.size() == 2 && form != "idx" && form != "npy") {
      throw Error(ErrorCode::kInvalidArgument, "two paths are for IDX and NPY files", std::string(text));
    }
    if (!spec.part.empty() && (form == "npy" || form == "csv" || (form == "idx" && !is_directory(spec.paths[0])))) {
      throw Error(ErrorCode::kInvalidArgument, "the file has no part " + core::quoted(spec.part), spec.paths[0], "use a range such as @0:1000");
    }
    dataset = form == "idx"   ? open_idx(spec, options)
              : form == "npy" ? open_npy(spec, options)
              : form == "npz" ? open_npz(spec, options)
              : form == "csv" ? open_csv(spec, options)
                              : open_images(spec, options);
  }
  if (dataset->size() == 0) throw Error(ErrorCode::kInvalidData, "the data set has no samples", std::string(text));
  if (!spec.range) return dataset;
  return subset(dataset, spec.range->first.value_or(0), spec.range->last.value_or(dataset->size()));
}

}  // namespace omni::formats
