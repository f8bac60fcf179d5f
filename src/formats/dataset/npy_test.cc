#include "formats/dataset/npy.h"

#include <gtest/gtest.h>

#include <sstream>

#include "core/temporary_directory_test.h"
#include "formats/dataset/testdata_test.h"

namespace omni::formats {
namespace {

std::string descr(DType t) {
  return std::string(1, is_float(t) ? 'f' : t == DType::kBool ? 'b' : is_signed_integer(t) ? 'i' : 'u') + std::to_string(dtype_size(t));
}

// Files of NumPy 2.4 with the values 0, 1, 2, … in C order.
TEST(Npy, ReadsWhatNumPyWrites) {
  std::ifstream cases(testdata("arrays.txt"));
  int count = 0;
  for (std::string line; std::getline(cases, line); ++count) {
    std::istringstream words(line);
    std::string name, type;
    words >> name >> type;
    std::vector<int64_t> dims;
    for (int64_t d; words >> d;) dims.push_back(d);
    const Tensor t = load_npy(testdata(name + ".npy"));
    EXPECT_EQ(descr(t.dtype()), type) << name;
    EXPECT_EQ(t.shape(), Shape(dims)) << name;
    const std::vector<double> values = to_double(t);
    for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], static_cast<double>(i)) << name;
  }
  EXPECT_EQ(count, 18);
  for (const char* name : {"version2.npy", "version3.npy"}) EXPECT_TRUE(load_npy(testdata(name)).equal(load_npy(testdata("f4.npy")))) << name;
}

TEST(Npy, ReadsStrings) {
  const Tensor words = load_npy(testdata("words.npy"));
  ASSERT_EQ(words.shape(), (Shape{2, 2}));
  EXPECT_EQ(words.string_at(1), "Grüße");
  EXPECT_EQ(words.string_at(2), "世界🙂");
  EXPECT_EQ(words.string_at(3), "");
  const Tensor bytes = load_npy(testdata("bytes.npy"));
  EXPECT_EQ(bytes.string_at(0), "one");
  EXPECT_EQ(bytes.string_at(1), "three");
}

TEST(Npy, WritesTheBytesOfNumPy) {
  const core::TemporaryDirectory dir;
  for (const char* name : {"f4", "f8", "f2", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "b1", "scalar", "empty", "vector", "bytes"}) {
    const std::string original = testdata(std::string(name) + ".npy"), copy = dir.file(name);
    save_npy(copy, load_npy(original), Overwrite::kRefuse);
    EXPECT_EQ(read_file(copy, 10000), read_file(original, 10000)) << name;
  }
}

TEST(Npy, WritesTypesThatNumPyLacks) {
  const core::TemporaryDirectory dir;
  const std::vector<double> values = {-2, 0.5, 3};
  save_npy(dir.file("bf16"), from_double(DType::kBF16, {3}, values), Overwrite::kRefuse);
  EXPECT_TRUE(load_npy(dir.file("bf16")).equal(from_double(DType::kF32, {3}, values)));
  const std::vector<double> integers = {-8, 7, 1};
  save_npy(dir.file("i4"), from_double(DType::kI4, {3}, integers), Overwrite::kRefuse);
  EXPECT_TRUE(load_npy(dir.file("i4")).equal(from_double(DType::kI8, {3}, integers)));
  EXPECT_EQ(code_of([&] { save_npy(dir.file("i4"), Tensor(DType::kF32, {1}), Overwrite::kRefuse); }), ErrorCode::kExists);
}

TEST(Npy, MappedArraysAreNotCopied) {
  const MappedFile file = map_file(testdata("f4.npy"));
  EXPECT_EQ(parse_npy(file.bytes, file.keeper, "").data(), file.bytes.data() + 128);
}

std::vector<std::byte> file_of(const std::string& header, size_t data) {
  std::string text = std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size() & 0xff) + static_cast<char>(header.size() >> 8) + header;
  text.append(data, '\0');
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(Npy, SaysWhatIsWrong) {
  const auto parse = [](const std::string& header, size_t data) {
    return [=] { parse_npy(file_of(header, data), nullptr, "a.npy"); };
  };
  EXPECT_EQ(code_of(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 13), "a.npy: the header promises [3] elements of 4 bytes, the file holds 13"),
            ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 3)}", 12)), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 12), "out of range"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4)), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(parse("{'descr': '<f4', 'fortran_order': False}", 4), "is missing"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(parse("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", 4), "character 34"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(parse("{'descr': '|O', 'fortran_order': False, 'shape': ()}", 8), "objects"), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(parse("{'descr': '<c8', 'fortran_order': False, 'shape': ()}", 8), "c8"), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(parse("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", 4), "records"), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(parse("{'descr': '|b1', 'fortran_order': False, 'shape': (1,)}", 2)), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { load_npy(testdata("make.py")); }, "is no NPY file"), ErrorCode::kInvalidData);
}

TEST(Npy, DamageIsAnError) {
  for (const char* name : {"f4.npy", "words.npy", "i2_fortran.npy", "version3.npy", "b1.npy"}) {
    expect_robust(testdata_bytes(name), [](std::span<const std::byte> bytes) { parse_npy(bytes, nullptr, "damaged"); });
  }
}

}  // namespace
}  // namespace omni::formats
