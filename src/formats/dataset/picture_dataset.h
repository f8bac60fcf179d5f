// Data sets of pictures with one class label each: from memory (IDX) or decoded from files when read.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "formats/dataset/dataset.h"

namespace omni::formats {

// What a set of pictures is made of. `load` gives picture i undecorated and may be called from several threads; `name` tells where it is from.
struct PictureSource {
  std::string form, input_name = "images";
  int64_t size = 0, channels = 3;
  PictureSize first_size{0, 0};  // of the first picture
  std::function<Picture(int64_t)> load;
  std::function<std::string(int64_t)> name;
  std::vector<int64_t> labels;  // one each, or none at all
  int64_t classes = 0;
  std::vector<std::string> class_names;
};

// Throws Error (kInvalidArgument) for options that cannot work.
std::shared_ptr<const Dataset> make_picture_dataset(PictureSource source, const Preprocess& options);

// A folder with a sub-folder of pictures a class (classes in alphabetical order), or with labels.txt: a line "CLASS FILE" a picture.
// Throws Error (kInvalidData) with file and line.
PictureSource picture_folder(const std::string& path);
bool is_picture_folder(const std::string& path);

}  // namespace omni::formats
