#include "formats/dataset/picture_dataset.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <filesystem>

#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/dataset/picture_file.h"

namespace omni::formats {

namespace fs = std::filesystem;

namespace {

class PictureDataset : public Dataset {
 public:
  PictureDataset(PictureSource source, const Preprocess& options) : source_(std::move(source)), options_(options) {
    channels_ = options.channels == 0 ? source_.channels : options.channels;
    check(options, channels_);
    table_ = normalization_table(options, channels_);
    fitted_ = fitted_size(source_.first_size, options);
    form_ = source_.form;
    size_ = source_.size;
    pictures_ = true;
    classes_ = source_.classes;
    class_names_ = source_.class_names;
    fields_.push_back({source_.input_name, DType::kF32, sample_shape(fitted_, channels_, options.layout), false});
    if (!source_.labels.empty()) fields_.push_back({"labels", DType::kI64, Shape{}, true});
  }

 protected:
  void read_checked(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool) const override {
    const int64_t sample = fields_[0].shape.count();
    float* images = out[0].as<float>();
    std::vector<std::exception_ptr> failures(indices.size());
    const auto read_one = [&](int64_t i) {
      try {
        read_picture(indices[static_cast<size_t>(i)], images + i * sample);
      } catch (...) {
        failures[static_cast<size_t>(i)] = std::current_exception();
      }
    };
    const int64_t count = static_cast<int64_t>(indices.size());
    if (pool != nullptr) {
      pool->parallel_for(count, read_one);
    } else {
      for (int64_t i = 0; i < count; ++i) read_one(i);
    }
    for (const std::exception_ptr& failure : failures) {
      if (failure) std::rethrow_exception(failure);
    }
    if (out.size() < 2) return;
    for (size_t i = 0; i < indices.size(); ++i) out[1].as<int64_t>()[i] = source_.labels[static_cast<size_t>(indices[i])];
  }

 private:
  void read_picture(int64_t index, float* out) const {
    Picture picture = with_channels(source_.load(index), channels_);
    try {
      picture = fit(std::move(picture), options_);
    } catch (const Error& e) {
      throw e.within(source_.name(index));
    }
    if (picture.height != fitted_.height || picture.width != fitted_.width) {
      throw Error(ErrorCode::kInvalidData,
                  "a picture of " + std::to_string(picture.width) + " x " + std::to_string(picture.height) + " where the first one has " +
                      std::to_string(fitted_.width) + " x " + std::to_string(fitted_.height),
                  source_.name(index), "give all one size with --resize and --crop");
    }
    normalize(picture, table_, options_.layout, out);
  }

  PictureSource source_;
  Preprocess options_;
  int64_t channels_ = 0;
  PictureSize fitted_{};
  std::vector<float> table_;
};

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end; it.increment(failure)) {
    if (!it->path().filename().string().starts_with('.')) entries.push_back(it->path());
  }
  if (failure) throw Error(ErrorCode::kMachine, "cannot be listed: " + failure.message(), folder.string(), "check its permissions");
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

constexpr size_t kMaxLabelsBytes = 1 << 28;

// "CLASS FILE" a line; the file is relative to the folder and may contain spaces.
void read_labels(const fs::path& folder, std::vector<std::string>& files, PictureSource& source) {
  const std::string path = (folder / "labels.txt").string(), text = read_text_file(path, kMaxLabelsBytes);
  size_t line = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view row(text.data() + at, end - at);
    at = end + 1;
    ++line;
    if (row.ends_with('\r')) row.remove_suffix(1);
    if (row.empty()) continue;
    const std::string place = path + ", line " + std::to_string(line);
    int64_t label = 0;
    const auto result = std::from_chars(row.data(), row.data() + row.size(), label);
    const std::string_view rest = row.substr(static_cast<size_t>(result.ptr - row.data()));
    if (result.ec != std::errc() || label < 0 || label >= (int64_t{1} << 31) || rest.size() < 2 || (rest[0] != ' ' && rest[0] != '\t')) {
      throw Error(ErrorCode::kInvalidData, "expected \"CLASS FILE\", found " + core::quoted(row), place);
    }
    const fs::path file = folder / std::string(rest.substr(1));
    if (!is_file(file)) throw Error(ErrorCode::kNotFound, "there is no file " + core::quoted(rest.substr(1)), place);
    files.push_back(file.string());
    source.labels.push_back(label);
    source.classes = std::max(source.classes, label + 1);
  }
}

void read_classes(const fs::path& folder, std::vector<std::string>& files, PictureSource& source) {
  for (const fs::path& entry : sorted_entries(folder)) {
    if (!is_folder(entry)) continue;
    const size_t before = files.size();
    for (const fs::path& file : sorted_entries(entry)) {
      if (is_file(file) && has_picture_name(file.filename().string())) files.push_back(file.string());
    }
    if (files.size() == before) continue;
    source.labels.resize(files.size(), source.classes);
    source.class_names.push_back(entry.filename().string());
    ++source.classes;
  }
}

}  // namespace

std::shared_ptr<const Dataset> make_picture_dataset(PictureSource source, const Preprocess& options) {
  return std::make_shared<PictureDataset>(std::move(source), options);
}

bool is_picture_folder(const std::string& path) {
  if (!is_folder(path)) return false;
  if (is_file(fs::path(path) / "labels.txt")) return true;
  for (const fs::path& entry : sorted_entries(path)) {
    if (!is_folder(entry)) continue;
    for (const fs::path& file : sorted_entries(entry)) {
      if (has_picture_name(file.filename().string())) return true;
    }
  }
  return false;
}

PictureSource picture_folder(const std::string& path) {
  PictureSource source;
  auto files = std::make_shared<std::vector<std::string>>();
  if (is_file(fs::path(path) / "labels.txt")) {
    source.form = "pictures with labels.txt";
    read_labels(path, *files, source);
  } else {
    source.form = "folder of pictures";
    read_classes(path, *files, source);
  }
  if (files->empty()) {
    throw Error(ErrorCode::kInvalidData, "there are no pictures", path, "it should have a sub-folder of .jpg or .png files for each class, or labels.txt");
  }
  source.size = static_cast<int64_t>(files->size());
  source.first_size = picture_size(map_file(files->front()).bytes, files->front());
  source.load = [files](int64_t i) {
    const std::string& file = (*files)[static_cast<size_t>(i)];
    return decode_picture(map_file(file).bytes, file);
  };
  source.name = [files](int64_t i) { return (*files)[static_cast<size_t>(i)]; };
  return source;
}

}  // namespace omni::formats
