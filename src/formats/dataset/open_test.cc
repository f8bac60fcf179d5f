#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "core/atomic_file.h"
#include "core/temporary_directory_test.h"
#include "formats/dataset/dataset.h"
#include "formats/dataset/testdata_test.h"

namespace omni::formats {
namespace {

namespace fs = std::filesystem;

std::vector<int64_t> first(int64_t n) {
  std::vector<int64_t> indices(static_cast<size_t>(n));
  std::iota(indices.begin(), indices.end(), int64_t{0});
  return indices;
}

// A folder of the developers' shared data; missing only outside continuous integration.
bool have(const std::string& path) {
  if (fs::exists(path)) return true;
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string(ci) == "true") ADD_FAILURE() << path << " is missing";
  return false;
}

TEST(OpenDataset, IdxPair) {
  const auto set = open_dataset(testdata("images.idx.gz") + "," + testdata("labels.idx"));
  EXPECT_EQ(set->description(), "IDX, 3 samples: images f32[1,2,2], labels i64[] (3 classes)");
  EXPECT_TRUE(set->pictures());
  const std::vector<Tensor> batch = set->read(std::vector<int64_t>{2, 0});
  EXPECT_EQ(batch[0].shape(), (Shape{2, 1, 2, 2}));
  const std::vector<double> x = to_double(batch[0]);
  EXPECT_EQ(x[0], 3.0f / 255.0f);
  EXPECT_EQ(x[5], 0.2f);
  EXPECT_EQ(to_int64(batch[1]), (std::vector<int64_t>{1, 2}));
}

TEST(OpenDataset, IdxDirectoryWithParts) {
  const TemporaryDirectory dir;
  fs::copy(testdata("images.idx.gz"), dir.file("train-images-idx3-ubyte.gz"));
  fs::copy(testdata("labels.idx"), dir.file("train-labels-idx1-ubyte"));
  EXPECT_EQ(open_dataset(dir.path())->size(), 3);
  EXPECT_EQ(open_dataset("idx:" + dir.path() + "@train@1:")->size(), 2);
  EXPECT_EQ(to_int64(open_dataset(dir.path() + "@1:3")->read(std::vector<int64_t>{0})[1]), (std::vector<int64_t>{0}));
  EXPECT_EQ(code_of([&] { open_dataset(dir.path() + "@test"); }, "there are no test pictures"), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { open_dataset(dir.path() + "@2:5"); }, "there are no samples 2:5 (there are 3)"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(open_dataset(dir.file("train-images-idx3-ubyte.gz"))->fields().size(), 1u);  // the labels beside it are not called .gz
}

TEST(OpenDataset, NpzWithAndWithoutParts) {
  const auto stored = open_dataset(testdata("stored.npz"));
  EXPECT_EQ(stored->description(), "NPZ, 4 samples: x f32[3], y i64[] (3 classes)");
  EXPECT_EQ(open_dataset(testdata("stored.npz"), {.target = TargetKind::kValue})->fields()[1].dtype, DType::kF32);
  EXPECT_EQ(open_dataset(testdata("stored.npz"), {.label = "none"})->fields().size(), 2u);
  const auto test = open_dataset(testdata("deflated.npz") + "@test");
  EXPECT_EQ(test->size(), 2);
  EXPECT_EQ(to_double(test->read(std::vector<int64_t>{1})[0]), (std::vector<double>{103, 104, 105}));
  EXPECT_EQ(open_dataset(testdata("deflated.npz"))->size(), 4);
  EXPECT_EQ(code_of([] { open_dataset(testdata("stored.npz") + "@test"); }, "no parts"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([] { open_dataset(testdata("stored.npz"), {.label = "z"}); }, "no array \"z\""), ErrorCode::kInvalidArgument);
}

TEST(OpenDataset, NpyAlone) {
  const auto set = open_dataset(testdata("f4.npy") + "@1:2");
  EXPECT_EQ(set->description(), "NPY, 1 sample: input f32[3]");
  EXPECT_FALSE(set->target());
  EXPECT_EQ(to_double(set->read(std::vector<int64_t>{0})[0]), (std::vector<double>{3, 4, 5}));
}

TEST(OpenDataset, CsvOfAnyName) {
  const TemporaryDirectory dir;
  write_file_atomically(dir.file("table@home.txt"), "a,b,kind\n1,2,x\n3,4,y\n", Overwrite::kRefuse);
  const auto set = open_dataset(dir.file("table@home.txt"));
  EXPECT_EQ(set->description(), "CSV, 2 samples: input f32[2], kind i64[] (2 classes)");
  EXPECT_EQ(set->class_names(), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(open_dataset("csv:" + dir.file("table@home.txt") + "@:1")->size(), 1);
}

TEST(OpenDataset, FolderOfPictures) {
  const TemporaryDirectory dir;
  for (const char* name : {"cat", "ant"}) fs::create_directories(dir.file(name));
  fs::copy(testdata("rgb.jpg"), dir.file("cat/1.JPG"));
  fs::copy(testdata("grey.png"), dir.file("cat/2.png"));
  fs::copy(testdata("rgba.png"), dir.file("ant/1.png"));
  write_file_atomically(dir.file("ant/notes.txt"), "no picture", Overwrite::kRefuse);
  const auto set = open_dataset(dir.path(), {.preprocess = {.resize = 16, .crop = 12}});
  EXPECT_EQ(set->description(), "folder of pictures, 3 samples: images f32[3,12,12], labels i64[] (2 classes)");
  EXPECT_EQ(set->class_names(), (std::vector<std::string>{"ant", "cat"}));
  ThreadPool pool(2);
  const std::vector<int64_t> all = first(3);
  const std::vector<Tensor> batch = set->read(all, &pool), alone = set->read(all);
  EXPECT_EQ(to_int64(batch[1]), (std::vector<int64_t>{0, 1, 1}));
  EXPECT_TRUE(batch[0].equal(alone[0]));
  write_file_atomically(dir.file("cat/0.png"), "broken", Overwrite::kRefuse);
  const auto broken = open_dataset(dir.path(), {.preprocess = {.resize = 16, .crop = 12}});
  EXPECT_EQ(code_of([&] { broken->read(first(4), &pool); }, "cat/0.png: is neither JPEG nor PNG"), ErrorCode::kInvalidData);
}

TEST(OpenDataset, FolderWithLabels) {
  const TemporaryDirectory dir;
  fs::copy(testdata("rgb.jpg"), dir.file("a picture.jpg"));
  write_file_atomically(dir.file("labels.txt"), "7 a picture.jpg\r\n", Overwrite::kRefuse);
  EXPECT_EQ(open_dataset(dir.path())->description(), "pictures with labels.txt, 1 sample: images f32[3,24,40], labels i64[] (8 classes)");
  write_file_atomically(dir.file("labels.txt"), "7 a picture.jpg\nx b.jpg\n", Overwrite::kReplace);
  EXPECT_EQ(code_of([&] { open_dataset(dir.path()); }, "labels.txt, line 2"), ErrorCode::kInvalidData);
  write_file_atomically(dir.file("labels.txt"), "7 b.jpg\n", Overwrite::kReplace);
  EXPECT_EQ(code_of([&] { open_dataset(dir.path()); }, "there is no file \"b.jpg\""), ErrorCode::kNotFound);
}

TEST(OpenDataset, SaysWhatIsWrong) {
  const TemporaryDirectory dir;
  EXPECT_EQ(code_of([] { open_dataset("no/such/file"); }, "fashion-mnist"), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([] { open_dataset("np:file"); }, "did you mean"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { open_dataset(dir.path() + "@tset"); }, "@tset names no part"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { open_dataset(dir.path()); }, "no data set"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { open_dataset(testdata("rgb.png")); }, "no data set of a known form"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { open_dataset(testdata("f4.npy") + "@test"); }, "no part"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([] { open_dataset(testdata("images.idx") + "," + testdata("typec.idx")); }, "label -1 of sample 0"), ErrorCode::kInvalidData);
  const auto set = open_dataset(testdata("stored.npz"));
  EXPECT_EQ(code_of([&] { set->read(std::vector<int64_t>{4}); }, "no sample 4"), ErrorCode::kInvalidArgument);
  Tensor wrong(DType::kF32, {1, 2}), labels(DType::kI64, {1});
  const TensorView views[] = {wrong.mutable_view(), labels.mutable_view()};
  EXPECT_EQ(code_of([&] { set->read(std::vector<int64_t>{0}, views); }, "expected f32[1,3], found f32[1,2]"), ErrorCode::kInvalidArgument);
}

TEST(OpenDataset, FashionMnist) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist")) GTEST_SKIP() << "package dataset-fashion-mnist is not installed";
  const auto train = open_dataset("fashion-mnist"), test = open_dataset("fashion-mnist@test");
  EXPECT_EQ(train->description(), "IDX, 60000 samples: images f32[1,28,28], labels i64[] (10 classes)");
  EXPECT_EQ(test->size(), 10000);
  EXPECT_EQ(test->class_names()[9], "Ankle boot");
  const std::vector<Tensor> batch = test->read(first(10000));
  std::vector<int> counts(10);
  for (const int64_t label : batch[1].values<int64_t>()) ++counts[static_cast<size_t>(label)];
  EXPECT_EQ(counts, std::vector<int>(10, 1000));
  double sum = 0;
  for (const float v : batch[0].values<float>()) sum += v;
  EXPECT_NEAR(sum / static_cast<double>(batch[0].count()), 0.2868, 1e-4);  // the published mean of the test set
}

// The 250 pictures as Pillow and torchvision's rules read, resize and crop them, to the byte.
TEST(OpenDataset, ImageNetSample) {
  const std::string path = std::string(OMNI_SHARED_DIR) + "/data/imagenet-sample";
  if (!have(path)) GTEST_SKIP() << path << " is missing";
  const auto set = open_dataset(path, {.preprocess = {.resize = 256, .crop = 224, .scale = 1, .layout = PictureLayout::kNhwc}});
  ASSERT_EQ(set->size(), 250);
  ThreadPool pool(2);
  uint32_t crc = 0;
  for (int64_t i = 0; i < 250; i += 25) {
    std::vector<int64_t> indices = first(25);
    for (int64_t& index : indices) index += i;
    const Tensor images = set->read(indices, &pool)[0];
    std::vector<uint8_t> bytes;
    for (const float v : images.values<float>()) bytes.push_back(static_cast<uint8_t>(v));
    crc = static_cast<uint32_t>(::crc32(crc, bytes.data(), static_cast<uInt>(bytes.size())));
  }
  EXPECT_EQ(crc, 0x54c60379u);
}

}  // namespace
}  // namespace omni::formats
