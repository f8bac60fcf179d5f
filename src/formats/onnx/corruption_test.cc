// Whatever the bytes are, import gives a graph or an Error. The fuzz target goes on where this stops.
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/rng.h"
#include "formats/onnx/export.h"
#include "formats/onnx/test_ops_test.h"

namespace omni::formats {
namespace {

// One of everything: bodies, a function, typed and raw tensors, an old opset.
std::string sample() {
  test::ModelText m(10);
  m.input("c", {}, 9).input("x", {"N", "4"}).output("z").output("u");
  m.initializer("w", {4}, {1, 2, 3, 4});
  onnx::TensorProto& raw = m.initializer("r", {2, 4}, {});
  raw.set_raw_data(std::string(32, '\1'));
  onnx::NodeProto& shift = m.node("Shift", {"x"}, {"s"}, "shift");
  onnx::AttributeProto& amount = *shift.add_attribute();
  amount.set_name("amount");
  amount.set_type(onnx::AttributeProto::INT);
  amount.set_i(3);
  onnx::NodeProto& choose = m.node("Choose", {"c"}, {"z"}, "choose");
  for (const char* name : {"then_branch", "else_branch"}) {
    onnx::AttributeProto& a = *choose.add_attribute();
    a.set_name(name);
    a.set_type(onnx::AttributeProto::GRAPH);
    test::ModelText::node(*a.mutable_g()->add_node(), "Join", {"s", "w", "x"}, {"y"});
    a.mutable_g()->add_output()->set_name("y");
  }
  m.node("Call", {"x"}, {"u"}).set_domain("f");
  onnx::FunctionProto& f = *m.model.add_functions();
  f.set_name("Call");
  f.set_domain("f");
  f.add_input("a");
  f.add_output("b");
  test::ModelText::node(*f.add_node(), "Unknown", {"a"}, {"b"});
  return m.bytes();
}

// True if it imported; what imports must also verify, print and export.
bool survives(const std::string& bytes) {
  try {
    const Graph g = test::import_bytes(bytes);
    verify(g);
    (void)print(g);
    (void)export_onnx(g);
    return true;
  } catch (const Error& error) {
    EXPECT_FALSE(error.summary().empty());
    EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what();
    return false;
  }
}

TEST(Corruption, TheSampleItselfIsFine) { EXPECT_TRUE(survives(sample())); }

TEST(Corruption, TruncatedAnywhere) {
  const std::string whole = sample();
  for (size_t n = 0; n < whole.size(); ++n) survives(whole.substr(0, n));
}

TEST(Corruption, EveryByteChanged) {
  const std::string whole = sample();
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int change : {0x01, 0x08, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ change);
      survives(damaged);
    }
  }
}

TEST(Corruption, PartsMovedAndRandomBytes) {
  const std::string whole = sample();
  const RandomStream random(1, "corruption");
  for (uint64_t i = 0; i < 500; ++i) {
    const size_t from = random.below(4 * i, whole.size()), to = random.below(4 * i + 2, whole.size()), size = random.below(4 * i + 4, 40);
    std::string damaged = whole;
    damaged.replace(to, std::min(size, whole.size() - to), whole.substr(from, size));
    survives(damaged);
    std::string noise(size, '\0');
    for (size_t k = 0; k < size; ++k) noise[k] = static_cast<char>(random.bits(1000 * i + k));
    survives(noise);
  }
}

}  // namespace
}  // namespace omni::formats
