#include "formats/package/package.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>

#include "core/crc32c.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/sha256.h"
#include "core/temporary_directory_test.h"
#include "formats/package/package_layout.h"
#include "graph/test_ops_test.h"

namespace omni::formats {
namespace {

using graph::Dim;
using graph::Graph;
using graph::kNone;
using graph::Role;
using graph::Type;
using graph::ValueId;

ErrorCode code_of(const std::function<void()>& f, const std::string& part_of_message = "") {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(part_of_message), std::string::npos) << e.what();
    return e.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kInternal;
}

Tensor ramp(DType dtype, Shape shape) {
  std::vector<double> values;
  for (int64_t i = 0; i < shape.count(); ++i) values.push_back(static_cast<double>(i % 7));
  return from_double(dtype, shape, values);
}

// Everything that a graph can have.
Graph rich_graph(const std::string& name) {
  Graph g(name);
  const Dim n = g.dims().symbol("batch size");
  const ValueId x = g.add_input("x", Type(DType::kF32, {n, g.dims().floor_div(g.dims().add(n, 3), 2), 4}));
  const ValueId y = g.add_input("in/put \"2\"", Type(DType::kF32, Shape{1, 1, 4}));
  const ValueId any = g.add_input("any", Type::unranked(DType::kI64));
  const ValueId w = g.add_state("w", ramp(DType::kF32, {5, 4}), Role::kParameter);
  const ValueId moment = g.add_state("m", Tensor(DType::kF32, {5, 4}), Role::kMoment, w);
  const ValueId big = g.add_constant("big", ramp(DType::kF32, {5, 4}));  // the bytes of w
  for (const DType t : {DType::kF16, DType::kBF16, DType::kF64, DType::kI8, DType::kU8, DType::kI16, DType::kU32, DType::kI64, DType::kBool, DType::kI4}) {
    g.add_output(g.add_constant("c_" + std::string(dtype_name(t)), ramp(t, {3, 43})));
  }
  const std::vector<std::string> words = {"one", "", "drei"};
  g.add_output(g.add_constant("words", Tensor::strings({3}, words)));
  g.add_output(g.add_constant("empty", Tensor(DType::kF32, {0, 7})));
  g.add_output(g.add_constant("scalar", Tensor::scalar(-0.0f)));
  const graph::Attributes attributes = {
      {"axis", int64_t{-1}},      {"minus_zero", -0.0f},    {"nan", std::numeric_limits<float>::quiet_NaN()}, {"text", std::string("a\0b\xff", 4)},
      {"ints", std::vector<int64_t>{1, -2, int64_t{1} << 60}}, {"floats", std::vector<float>{}}, {"words", std::vector<std::string>{"", "x"}},
      {"tensor", ramp(DType::kU8, {200})}};
  const auto mixed = g.add(graph::test::kMix, {x, kNone, y}, attributes, {.name = "first node", .output_names = {"r", "second"}});
  g.value(mixed[0]).layout = graph::Layout::kChannelsLast;
  Graph body("then", g.dim_table());
  const ValueId formal = body.add_input("formal", Type(DType::kF32, {n}));
  const ValueId inner = body.add1(graph::test::kMix, {formal}, {}, {.output_names = {"inner"}});
  body.add_output(inner);
  graph::AddOptions options{.name = "branch", .output_names = {"", "b"}};
  options.bodies.push_back(std::make_unique<Graph>(std::move(body)));
  options.captures.push_back(1);
  const auto branched = g.add(graph::test::kBranch, {any, mixed[1]}, {}, std::move(options));
  g.add(graph::test::kLog, {big}, {}, {.output_names = {"logged"}});
  const ValueId next = g.add1(graph::test::kMix, {w, moment}, {}, {.output_names = {"w1"}});
  const ValueId ok = g.add_constant("ok", Tensor::scalar(true));
  g.add_commit({w, next, ok});
  g.add_commit({moment, next, kNone});
  g.add_output(mixed[0]);
  g.add_output(branched[1]);
  g.metadata["producer"] = "a test";
  g.metadata["opset"] = "17";
  g.doc = "documentation";
  return g;
}

Package rich_package() {
  Package p;
  p.metadata = {{std::string(kMetaTool), "omni 0.1.0"}, {"accuracy", "0.91"}};
  p.graphs.push_back(std::make_shared<Graph>(rich_graph("infer")));
  p.graphs.push_back(std::make_shared<Graph>(rich_graph("train step")));
  return p;
}

void expect_same(const Package& a, const Package& b) {
  EXPECT_EQ(a.metadata, b.metadata);
  ASSERT_EQ(a.graphs.size(), b.graphs.size());
  for (size_t i = 0; i < a.graphs.size(); ++i) {
    EXPECT_EQ(graph::print(*a.graphs[i]), graph::print(*b.graphs[i]));
    EXPECT_EQ(a.graphs[i]->metadata, b.graphs[i]->metadata);
    EXPECT_EQ(a.graphs[i]->doc, b.graphs[i]->doc);
  }
}

class PackageFile : public testing::Test {
 protected:
  std::vector<std::byte> saved(const Package& package) {
    save_package(path_, package, Overwrite::kReplace);
    return read_file(path_, 1 << 24);
  }
  static Package parse(std::span<const std::byte> bytes) { return parse_package(bytes, nullptr, graph::test::lookup, "a.omni"); }

  TemporaryDirectory dir_;
  std::string path_ = dir_.file("a.omni");
};

TEST_F(PackageFile, RoundTrip) {
  const Package package = rich_package();
  const std::vector<std::byte> bytes = saved(package);
  EXPECT_TRUE(is_package(bytes));
  const Package loaded = load_package(path_, graph::test::lookup);
  expect_same(package, loaded);
  expect_same(package, parse(bytes));
  ASSERT_TRUE(loaded.find("train step"));
  EXPECT_FALSE(loaded.find("train"));
  const Graph& g = *loaded.graphs[0];
  EXPECT_EQ(g.value(g.find("m")).of, g.find("w"));
  EXPECT_TRUE(g.value(g.find("scalar")).data.equal(Tensor::scalar(-0.0f)));
  EXPECT_TRUE(g.value(g.find("words")).data.equal(package.graphs[0]->value(package.graphs[0]->find("words")).data));
}

TEST_F(PackageFile, BytesAreDeterministicAndStable) {
  const std::vector<std::byte> bytes = saved(rich_package());
  EXPECT_EQ(bytes, saved(rich_package()));
  // What was loaded is written again as it was.
  const Package loaded = parse(bytes);
  EXPECT_EQ(bytes, saved(loaded));
}

TEST_F(PackageFile, TensorsAreMappedAlignedAndStoredOnce) {
  const std::vector<std::byte> bytes = saved(rich_package());
  const Package loaded = load_package(path_, graph::test::lookup);
  const Graph &a = *loaded.graphs[0], &b = *loaded.graphs[1];
  const void* w = a.value(a.find("w")).data.data();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(w) % 64, 0u);
  EXPECT_EQ(w, a.value(a.find("big")).data.data());
  EXPECT_EQ(w, b.value(b.find("w")).data.data());
  EXPECT_EQ(verify_package(path_, graph::test::lookup).sections, 12u);  // w, m, nine of all types (i8 and u8 have the same bytes), the attribute
}

// Two tensors that code to the same bytes, then others that must not be taken for them.
TEST_F(PackageFile, CodedTensorsAreTheirOwn) {
  auto g = std::make_shared<Graph>("main");
  for (int i = 0; i < 6; ++i) {
    Tensor t(DType::kF32, Shape{300, 300});
    for (float& v : t.mutable_values<float>()) v = static_cast<float>(i / 2);
    g->add_output(g->add_constant("c" + std::to_string(i), std::move(t)));
  }
  Package package;
  package.metadata[std::string(kMetaCoding)] = kRangeCoding;
  package.graphs = {g};
  save_package(path_, package, Overwrite::kReplace);
  const Package back = load_package(path_, graph::test::lookup);
  for (int i = 0; i < 6; ++i) {
    const std::string name = "c" + std::to_string(i);
    EXPECT_TRUE(back.graphs[0]->value(back.graphs[0]->find(name)).data.equal(g->value(g->find(name)).data)) << name;
  }
  EXPECT_LT(core::map_file(path_).bytes.size(), 8000U);
}

TEST_F(PackageFile, KeepsTheFileAlive) {
  saved(rich_package());
  Tensor w;
  {
    const Package loaded = load_package(path_, graph::test::lookup);
    w = loaded.graphs[0]->value(loaded.graphs[0]->find("w")).data;
  }
  EXPECT_TRUE(w.equal(ramp(DType::kF32, {5, 4})));
}

TEST_F(PackageFile, VerifyFindsChangedSections) {
  std::vector<std::byte> bytes = saved(rich_package());
  const PackageSummary summary = verify_package(path_, graph::test::lookup);
  EXPECT_EQ(summary.version, 1u);
  EXPECT_EQ(summary.graphs, 2u);
  EXPECT_EQ(summary.bytes, bytes.size());
  bytes.back() ^= std::byte{1};
  parse(bytes);
  EXPECT_EQ(code_of([&] { verify_package(bytes, graph::test::lookup, "a.omni"); }, "a.omni: broken package: the checksum of section"), ErrorCode::kInvalidData);
}

TEST_F(PackageFile, RefusesWhatItCannotHold) {
  Package empty;
  EXPECT_EQ(code_of([&] { save_package(path_, empty, Overwrite::kReplace); }, "without a graph"), ErrorCode::kInvalidArgument);
  Package twins = rich_package();
  twins.graphs.push_back(twins.graphs[0]);
  EXPECT_EQ(code_of([&] { save_package(path_, twins, Overwrite::kReplace); }, "two graphs"), ErrorCode::kInvalidArgument);
  saved(rich_package());
  EXPECT_EQ(code_of([&] { save_package(path_, rich_package(), Overwrite::kRefuse); }), ErrorCode::kExists);
}

TEST_F(PackageFile, SaysWhatIsWrong) {
  const std::vector<std::byte> good = saved(rich_package());
  const auto changed = [&](size_t at, uint32_t value, bool seal) {
    std::vector<std::byte> bytes = good;
    std::memcpy(bytes.data() + at, &value, sizeof value);
    const uint32_t crc = crc32c(std::span(bytes).first(60));
    if (seal) std::memcpy(bytes.data() + 60, &crc, sizeof crc);
    return [bytes] { parse(bytes); };
  };
  EXPECT_EQ(code_of(changed(0, 0, true), "is no .omni package"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(changed(8, 2, false), "the header's checksum is wrong"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(changed(8, 2, true), "package version 2 (this tool reads up to 1); update omni"), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(changed(16, 1 << 29, true), "makes no sense"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(changed(100, 7, false), "the index's checksum is wrong"), ErrorCode::kInvalidData);
  std::vector<std::byte> longer = good;
  longer.push_back(std::byte{0});
  EXPECT_EQ(code_of([&] { parse(longer); }, "its header says"), ErrorCode::kInvalidData);
  const auto no_operators = [](std::string_view, std::string_view) -> const graph::OpDef* { return nullptr; };
  EXPECT_EQ(code_of([&] { parse_package(good, nullptr, no_operators, "a.omni"); }, "a.omni, graph \"infer\", node \"first node\": there is no operator \"test.domain.Mix\""),
            ErrorCode::kUnsupported);
}

// Every prefix and every changed byte gives an Error, or the same graphs where padding or a tensor's bytes changed.
TEST_F(PackageFile, DamageIsAnError) {
  Package small;
  small.graphs.push_back(std::make_shared<Graph>("main"));
  {
    Graph g("main");
    const ValueId x = g.add_input("x", Type(DType::kF32, {g.dims().symbol("N"), 4}));
    const ValueId w = g.add_constant("w", ramp(DType::kF32, {5, 4}));
    g.add_output(g.add1(graph::test::kMix, {x, w}, {{"axis", int64_t{1}}}, {.name = "mix"}));
    small.graphs[0] = std::make_shared<Graph>(std::move(g));
  }
  const std::vector<std::byte> good = saved(small);
  for (size_t n = 0; n < good.size(); ++n) {
    const std::vector<std::byte> cut(good.begin(), good.begin() + static_cast<long>(n));
    EXPECT_EQ(code_of([&] { parse(cut); }), ErrorCode::kInvalidData) << n;
  }
  std::vector<std::byte> bytes = good;
  const PackageHeader header = read_header(good, "");
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= std::byte{0xff};
    if (i < kHeaderBytes + header.index_size) {
      EXPECT_ANY_THROW(parse(bytes)) << i;
    } else {
      EXPECT_EQ(parse(bytes).graphs.size(), 1u) << i;
    }
    bytes[i] ^= std::byte{0xff};
  }
}

// The same with the checksums made right again, so that the damage reaches the reader behind them.
TEST_F(PackageFile, DamageBehindTheChecksums) {
  std::vector<std::byte> bytes = saved(rich_package());
  PackageHeader header = read_header(bytes, "");
  size_t errors = 0;
  for (size_t i = kHeaderBytes; i < kHeaderBytes + header.index_size; ++i) {
    for (const std::byte mask : {std::byte{0xff}, std::byte{1}, std::byte{0x80}}) {
      bytes[i] ^= mask;
      header.index_crc = crc32c(std::span<const std::byte>(bytes).subspan(kHeaderBytes, static_cast<size_t>(header.index_size)));
      const auto sealed = header_bytes(header);
      std::memcpy(bytes.data(), sealed.data(), sealed.size());
      try {
        const Package package = parse(bytes);
        for (const auto& g : package.graphs) graph::print(*g);
      } catch (const Error& e) {
        EXPECT_NE(e.code(), ErrorCode::kInternal) << e.what();
        ++errors;
      }
      bytes[i] ^= mask;
    }
  }
  EXPECT_GT(errors, header.index_size);
}

}  // namespace
}  // namespace omni::formats
