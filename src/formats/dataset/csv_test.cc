#include "formats/dataset/csv.h"

#include <gtest/gtest.h>

#include "formats/dataset/testdata_test.h"

namespace omni::formats {
namespace {

CsvTable parse(std::string_view text, std::string_view label = "", TargetKind kind = TargetKind::kAuto) { return parse_csv(text, label, kind, "a.csv"); }

using Values = std::vector<double>;
using Words = std::vector<std::string>;

TEST(Csv, NumbersWithoutHeader) {
  const CsvTable t = parse("1,2.5,0\n-3e1, +4 ,2\r\n\n5,6,1");
  EXPECT_EQ(to_double(t.features), (Values{1, 2.5, -30, 4, 5, 6}));
  EXPECT_EQ(t.features.shape(), (Shape{3, 2}));
  EXPECT_EQ(t.target.dtype(), DType::kI64);
  EXPECT_EQ(to_double(t.target), (Values{0, 2, 1}));
  EXPECT_EQ(t.columns, (Words{"column 1", "column 2"}));
}

TEST(Csv, HeaderAndLabelByName) {
  for (const char* label : {"class", "2"}) {
    const CsvTable t = parse("\xef\xbb\xbf\"width, cm\",class,height\n1,red,2\n3,\"blue \"\"light\"\"\",4\n5,red,6\n", label);
    EXPECT_EQ(t.columns, (Words{"width, cm", "height"}));
    EXPECT_EQ(t.target_name, "class");
    EXPECT_EQ(to_double(t.features), (Values{1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(t.class_names, (Words{"blue \"light\"", "red"}));
    EXPECT_EQ(to_double(t.target), (Values{1, 0, 1}));
  }
}

TEST(Csv, WordsInTheTargetAreNoHeader) {
  const CsvTable t = parse("5.1,3.5,setosa\n4.9,3.0,virginica\n");
  EXPECT_EQ(t.features.shape(), (Shape{2, 2}));
  EXPECT_EQ(t.class_names, (Words{"setosa", "virginica"}));
}

TEST(Csv, KindsOfTarget) {
  EXPECT_EQ(parse("1,0.5\n2,1\n").target.dtype(), DType::kF32);
  EXPECT_EQ(parse("1,-1\n2,1\n").target.dtype(), DType::kF32);
  EXPECT_EQ(parse("1,3\n2,1\n", "", TargetKind::kValue).target.dtype(), DType::kF32);
  const CsvTable none = parse("1,3\n2,1\n", "none");
  EXPECT_EQ(none.features.shape(), (Shape{2, 2}));
  EXPECT_EQ(none.target_name, "");
  EXPECT_EQ(code_of([] { parse("1,0.5\n", "", TargetKind::kLabel); }, "not class labels"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { parse("1,a\n", "", TargetKind::kValue); }, "holds words"), ErrorCode::kInvalidData);
}

TEST(Csv, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(code_of([] { parse("1,2\n3\n"); }, "a.csv, line 2: 1 fields where the first line has 2"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { parse("a,b,c\n1,2,3\n\n1,x,3\n"); }, "a.csv, line 4, column 2: \"x\" is not a finite f32 number"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { parse("1,,3\n2,2,2\n", "none"); }), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { parse("1,2,3\n2,,2\n"); }, "line 2, column 2: a value is missing"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { parse("1,2,3\n2,nan,2\n"); }), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { parse("1,2,3\n2,1e300,2\n"); }), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { parse("1,\"2\n"); }, "without end"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { parse("1,\"2\"x\n"); }, "behind a quoted field"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { parse(""); }, "no rows"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { parse("a,b\n"); }, "no rows below the header"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { parse("1\n2\n"); }, "only column"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([] { parse("width,height\n1,2\n", "heigt"); }, "did you mean height?"), ErrorCode::kInvalidArgument);
}

TEST(Csv, DamageIsAnError) {
  const std::string text = "\"a\"\"\",b,c\r\n1,2,x\n\n3.5,-1e3,\"y\nz\"\n";
  const auto bytes = std::as_bytes(std::span(text));
  expect_robust({bytes.begin(), bytes.end()}, [](std::span<const std::byte> damaged) {
    parse_csv({reinterpret_cast<const char*>(damaged.data()), damaged.size()}, "", TargetKind::kAuto, "damaged");
  });
}

}  // namespace
}  // namespace omni::formats
