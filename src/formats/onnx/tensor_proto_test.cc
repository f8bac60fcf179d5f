#include "formats/onnx/tensor_proto.h"

#include <gtest/gtest.h>

#include <bit>
#include <fstream>

#include "core/error.h"
#include "core/temporary_directory_test.h"
#include "formats/onnx/test_ops_test.h"
#include "ops/onnx_dtype.h"

namespace omni::formats {
namespace {

using onnx::TensorProto;
using test::error_of;

TensorProto proto_of(DType dtype, const std::vector<int64_t>& dims) {
  TensorProto proto;
  proto.set_data_type(static_cast<int>(ops::to_onnx(dtype)));
  for (const int64_t d : dims) proto.add_dims(d);
  return proto;
}

TEST(TensorProto, TypedFieldsOfEveryElementType) {
  const std::vector<double> small = {0, 1, 5, 7};
  for (int i = 0; i < kDTypeCount; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (dtype == DType::kString) continue;
    SCOPED_TRACE(dtype_name(dtype));
    const Tensor expected = from_double(dtype, Shape{2, 2}, small);
    TensorProto proto = proto_of(dtype, {2, 2});
    const auto* bytes = static_cast<const uint8_t*>(expected.data());
    for (size_t k = 0; k < 4; ++k) {
      switch (dtype) {
        case DType::kF32: proto.add_float_data(static_cast<float>(small[k])); break;
        case DType::kF64: proto.add_double_data(small[k]); break;
        case DType::kI64: proto.add_int64_data(static_cast<int64_t>(small[k])); break;
        case DType::kU64:
        case DType::kU32: proto.add_uint64_data(static_cast<uint64_t>(small[k])); break;
        case DType::kF16:
        case DType::kBF16: proto.add_int32_data(reinterpret_cast<const uint16_t*>(bytes)[k]); break;
        case DType::kI4:
        case DType::kU4:
          if (k < 2) proto.add_int32_data(bytes[k]);
          break;
        case DType::kBool: proto.add_int32_data(small[k] != 0 ? 3 : 0); break;
        default: proto.add_int32_data(static_cast<int32_t>(small[k])); break;
      }
    }
    EXPECT_TRUE(read_tensor(proto).equal(expected));
    proto.add_int32_data(1);
    proto.add_float_data(1);
    proto.add_double_data(1);
    proto.add_int64_data(1);
    proto.add_uint64_data(1);
    EXPECT_NE(error_of([&] { read_tensor(proto); }), "") << "one value too many";
  }
}

TEST(TensorProto, RawDataOfEveryElementTypeAndBack) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const DType dtype = static_cast<DType>(i);
    if (dtype == DType::kString) continue;
    SCOPED_TRACE(dtype_name(dtype));
    const Tensor expected = from_double(dtype, Shape{3, 1}, std::vector<double>{1, 0, 7});
    TensorProto proto;
    write_tensor(expected, "t", proto);
    EXPECT_EQ(proto.data_type(), ops::to_onnx(dtype));
    EXPECT_EQ(proto.name(), "t");
    EXPECT_TRUE(read_tensor(proto).equal(expected));
    proto.mutable_raw_data()->push_back('\0');
    EXPECT_NE(error_of([&] { read_tensor(proto); }).find("bytes for a tensor"), std::string::npos);
  }
}

TEST(TensorProto, NegativeValuesInNarrowTypes) {
  TensorProto proto = proto_of(DType::kI8, {2});
  proto.add_int32_data(-128);
  proto.add_int32_data(-1);
  EXPECT_EQ(to_int64(read_tensor(proto)), (std::vector<int64_t>{-128, -1}));
  proto = proto_of(DType::kI16, {1});
  proto.add_int32_data(-3);
  EXPECT_EQ(to_int64(read_tensor(proto)), (std::vector<int64_t>{-3}));
}

TEST(TensorProto, Strings) {
  const std::vector<std::string> words = {"a", "", std::string("b\0c", 3)};
  TensorProto proto;
  write_tensor(Tensor::strings(Shape{3}, words), "", proto);
  const Tensor read = read_tensor(proto);
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(read.string_at(i), words[static_cast<size_t>(i)]);
  proto.add_string_data("d");
  EXPECT_NE(error_of([&] { read_tensor(proto); }), "");
}

TEST(TensorProto, EmptyAndScalar) {
  EXPECT_EQ(read_tensor(proto_of(DType::kF32, {0, 4})).count(), 0);
  TensorProto proto = proto_of(DType::kF32, {});
  proto.add_float_data(2.5f);
  EXPECT_EQ(read_tensor(proto).shape().rank(), 0);
  EXPECT_NE(error_of([&] { read_tensor(proto_of(DType::kF32, {})); }), "");
}

TEST(TensorProto, BoolsBecomeZeroOrOne) {
  TensorProto proto = proto_of(DType::kBool, {3});
  proto.set_raw_data(std::string("\0\x80\x01", 3));
  const Tensor read = read_tensor(proto);
  EXPECT_EQ(static_cast<const uint8_t*>(read.data())[1], 1);
}

TEST(TensorProto, LargeDataIsAView) {
  auto message = std::make_shared<TensorProto>(proto_of(DType::kF32, {2048}));
  message->set_raw_data(std::string(8192, '\x01'));
  const Tensor view = read_tensor(*message, {nullptr, message});
  EXPECT_EQ(view.data(), message->raw_data().data());
  EXPECT_EQ(message.use_count(), 2);
}

TEST(TensorProto, RefusesWhatDoesNotFit) {
  EXPECT_NE(error_of([] { read_tensor(proto_of(DType::kF32, {-1})); }), "");
  EXPECT_NE(error_of([] { read_tensor(proto_of(DType::kF32, {int64_t{1} << 40, int64_t{1} << 40})); }), "");
  EXPECT_NE(error_of([] { read_tensor(proto_of(DType::kF32, {1, 1, 1, 1, 1, 1, 1, 1, 1})); }), "");
  TensorProto proto = proto_of(DType::kF32, {1});
  proto.set_data_type(TensorProto::FLOAT8E4M3FN);
  ErrorCode code{};
  EXPECT_NE(error_of([&] { read_tensor(proto); }, &code).find("FLOAT8E4M3FN"), std::string::npos);
  EXPECT_EQ(code, ErrorCode::kUnsupported);
}

TEST(SparseTensorProto, LinearAndCoordinateIndices) {
  onnx::SparseTensorProto sparse;
  sparse.add_dims(2);
  sparse.add_dims(3);
  *sparse.mutable_values() = proto_of(DType::kF32, {2});
  sparse.mutable_values()->add_float_data(5);
  sparse.mutable_values()->add_float_data(7);
  *sparse.mutable_indices() = proto_of(DType::kI64, {2});
  sparse.mutable_indices()->add_int64_data(1);
  sparse.mutable_indices()->add_int64_data(5);
  const Tensor expected = Tensor::of<float>(Shape{2, 3}, {0, 5, 0, 0, 0, 7});
  EXPECT_TRUE(read_sparse_tensor(sparse).equal(expected));
  *sparse.mutable_indices() = proto_of(DType::kI64, {2, 2});
  for (const int64_t i : {0, 1, 1, 2}) sparse.mutable_indices()->add_int64_data(i);
  EXPECT_TRUE(read_sparse_tensor(sparse).equal(expected));
  sparse.mutable_indices()->set_int64_data(3, 3);
  EXPECT_NE(error_of([&] { read_sparse_tensor(sparse); }).find("index outside"), std::string::npos);
  sparse.set_dims(0, int64_t{1} << 40);
  EXPECT_NE(error_of([&] { read_sparse_tensor(sparse); }).find("256 MiB"), std::string::npos);
}

class ExternalData : public ::testing::Test {
 protected:
  ExternalData() {
    std::ofstream(folder_.file("w.bin"), std::ios::binary) << std::string(64, '\0') << std::string("\0\0\x80\x3f\0\0\0\x40", 8);
    std::ofstream(folder_.file("model.onnx")) << "x";
  }
  static TensorProto external(const std::string& location, const std::string& offset, const std::string& length) {
    TensorProto proto = proto_of(DType::kF32, {2});
    proto.set_data_location(TensorProto::EXTERNAL);
    for (const auto& [key, value] : {std::pair("location", location), std::pair("offset", offset), std::pair("length", length)}) {
      if (value.empty()) continue;
      onnx::StringStringEntryProto& entry = *proto.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
    return proto;
  }
  std::string failure(const TensorProto& proto) {
    ExternalFiles files(folder_.file("model.onnx"), "");
    return error_of([&] { read_tensor(proto, {&files, nullptr}); });
  }
  TemporaryDirectory folder_;
};

TEST_F(ExternalData, IsMapped) {
  ExternalFiles files(folder_.file("model.onnx"), "");
  const Tensor a = read_tensor(external("w.bin", "64", "8"), {&files, nullptr});
  EXPECT_TRUE(a.equal(Tensor::of<float>(Shape{2}, {1, 2})));
  const Tensor b = read_tensor(external("./w.bin", "64", ""), {&files, nullptr});
  EXPECT_TRUE(b.equal(a));
  const Tensor unaligned = read_tensor(external("w.bin", "62", ""), {&files, nullptr});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(unaligned.data()) % 4, 0u);
}

TEST_F(ExternalData, StaysInTheFolder) {
  for (const char* location : {"../w.bin", "/etc/passwd", "a/../../w.bin", ".."}) {
    EXPECT_NE(failure(external(location, "0", "8")).find("folder"), std::string::npos) << location;
  }
  std::filesystem::create_symlink("/etc/passwd", folder_.file("link"));
  EXPECT_NE(failure(external("link", "0", "8")).find("model's folder"), std::string::npos);
  EXPECT_NE(failure(external("", "0", "8")), "");
  EXPECT_NE(failure(external("none.bin", "0", "8")).find("missing"), std::string::npos);
}

TEST_F(ExternalData, LinkedModelsKeepTheirDataBesideTheRealFile) {
  const TemporaryDirectory names;
  std::filesystem::create_symlink(folder_.file("model.onnx"), names.file("m.onnx"));
  std::filesystem::create_symlink(folder_.file("w.bin"), names.file("w.bin"));
  ExternalFiles files(names.file("m.onnx"), "");
  EXPECT_EQ(read_tensor(external("w.bin", "64", "8"), {&files, nullptr}).count(), 2);
}

TEST_F(ExternalData, IsBoundsChecked) {
  EXPECT_NE(failure(external("w.bin", "65", "8")).find("end of"), std::string::npos);
  EXPECT_NE(failure(external("w.bin", "18446744073709551608", "8")).find("end of"), std::string::npos);
  EXPECT_NE(failure(external("w.bin", "-1", "8")).find("not a number"), std::string::npos);
  EXPECT_NE(failure(external("w.bin", "0", "12")).find("takes 8"), std::string::npos);
}

TEST_F(ExternalData, NeedsAFolder) {
  ExternalFiles files("", "");
  EXPECT_NE(error_of([&] { read_tensor(external("w.bin", "0", "8"), {&files, nullptr}); }).find("from its path"), std::string::npos);
  ExternalFiles given("", folder_.path());
  EXPECT_EQ(read_tensor(external("w.bin", "64", "8"), {&given, nullptr}).count(), 2);
}

}  // namespace
}  // namespace omni::formats
