#include "device/probe_networks.h"

#include <algorithm>

#include "device/probe_builder.h"

namespace omni::device {

namespace {

using Sizes = ProbeBuilder::Sizes;

std::string type_name(Arithmetic a) { return a == Arithmetic::kFloat ? "_f32" : a == Arithmetic::kStatic ? "_int8" : "_dynamic_int8"; }

void add_dense_pictures(std::vector<ProbeNetwork>& list, Arithmetic a) {
  const std::string type = type_name(a);
  list.push_back(ProbeBuilder("window" + type, a, {1, 3, 96, 96})
                     .conv(16, 3, 2)
                     .conv(32, 3)
                     .conv(64, 3, 2)
                     .conv(64, 3)
                     .conv(128, 3, 2)
                     .conv(128, 3)
                     .conv(256, 3, 2)
                     .conv(256, 3)
                     .unary(ops::kGlobalAveragePool)
                     .done());
  list.push_back(ProbeBuilder("wide" + type, a, {1, 3, 192, 192})
                     .conv(48, 7, 2)
                     .pool(ops::kMaxPool, 3, 2)
                     .residual([](ProbeBuilder& b) { b.conv(48, 3).conv(48, 3, 1, After::kNothing); }, After::kRelu)
                     .conv(96, 3, 2)
                     .residual([](ProbeBuilder& b) { b.conv(96, 3).conv(96, 3, 1, After::kNothing); }, After::kRelu)
                     .conv(384, 3, 2)
                     .conv(384, 3)
                     .conv(512, 3, 2)
                     .conv(512, 3)
                     .done());
  list.push_back(ProbeBuilder("points" + type, a, {1, 64, 28, 28}).points({256, 64, 128}).conv(128, 1, 2).points({512, 128}).conv(256, 1, 2).points({1024, 256, 2048}).done());
  list.push_back(ProbeBuilder("early" + type, a, {1, 64, 56, 56})
                     .conv(256)
                     .conv(64)
                     .conv(64, 3)
                     .residual([](ProbeBuilder& b) { b.conv(64, 1, 1, After::kNothing); }, After::kRelu)
                     .conv(128, 3, 2)
                     .done());
  list.push_back(ProbeBuilder("small" + type, a, {1, 1, 24, 24})
                     .conv(8, 3)
                     .pool(ops::kMaxPool, 2, 2)
                     .conv(16, 5)
                     .pool(ops::kMaxPool, 2, 2)
                     .conv(32, 3)
                     .reshape({1, 1152})
                     .dense(96)
                     .dense(32)
                     .dense(8, After::kNothing)
                     .done());
  list.push_back(ProbeBuilder("little" + type, a, {1, 3, 32, 32})
                     .conv(16, 3)
                     .residual([](ProbeBuilder& b) { b.conv(16, 3).conv(16, 3, 1, After::kNothing); }, After::kRelu)
                     .conv(24, 5, 2)
                     .conv(40, 3)
                     .conv(64, 3, 2)
                     .conv(64, 3)
                     .unary(ops::kGlobalAveragePool)
                     .done());
  list.push_back(ProbeBuilder("patches" + type, a, {1, 3, 96, 96}).conv(128, 12, 12, After::kNothing, 1, 0).done());
  list.push_back(ProbeBuilder("grey" + type, a, {1, 1, 28, 28}).conv(24, 5).conv(48, 5).pool(ops::kMaxPool, 2, 2).conv(64, 5).pool(ops::kMaxPool, 2, 2).done());
}

void add_light_pictures(std::vector<ProbeNetwork>& list, Arithmetic a) {
  const std::string type = type_name(a);
  list.push_back(ProbeBuilder("mobile" + type, a, {1, 3, 160, 160})
                     .conv(32, 3, 2, After::kRelu6)
                     .depthwise(3, 1, After::kRelu6)
                     .conv(16, 1, 1, After::kNothing)
                     .conv(64, 1, 1, After::kRelu6)
                     .depthwise(3, 2, After::kRelu6)
                     .conv(24, 1, 1, After::kNothing)
                     .residual([](ProbeBuilder& b) { b.conv(120).depthwise(3).conv(24, 1, 1, After::kNothing); })
                     .conv(120)
                     .depthwise(5, 2)
                     .conv(48, 1, 1, After::kNothing)
                     .residual([](ProbeBuilder& b) { b.conv(240).depthwise(5).conv(48, 1, 1, After::kNothing); })
                     .conv(384)
                     .depthwise(3, 2)
                     .conv(96, 1, 1, After::kNothing)
                     .conv(576)
                     .depthwise(3)
                     .conv(96, 1, 1, After::kNothing)
                     .conv(576)
                     .depthwise(5, 2)
                     .conv(160, 1, 1, After::kNothing)
                     .conv(960)
                     .depthwise(3)
                     .conv(320, 1, 1, After::kNothing)
                     .conv(1024)
                     .unary(ops::kGlobalAveragePool)
                     .done());
  list.push_back(ProbeBuilder("large" + type, a, {1, 3, 224, 224}).conv(24, 3, 2).depthwise(3).conv(72).depthwise(3, 2).conv(32, 1, 1, After::kNothing).conv(144).depthwise(5, 2).done());
  list.push_back(ProbeBuilder("tiny" + type, a, {1, 3, 32, 32})
                     .conv(16, 3)
                     .depthwise(3)
                     .conv(24)
                     .depthwise(3, 2)
                     .conv(48)
                     .depthwise(3)
                     .conv(64)
                     .depthwise(3, 2)
                     .conv(96)
                     .done());
  list.push_back(ProbeBuilder("excite" + type, a, {1, 24, 56, 56})
                     .conv(96, 1, 1, After::kSwish)
                     .depthwise(3, 1, After::kSwish)
                     .excite(8)
                     .conv(40, 1, 2, After::kNothing)
                     .conv(240, 1, 1, After::kSwish)
                     .depthwise(5, 2, After::kHardSwish)
                     .excite(24)
                     .conv(112, 1, 1, After::kNothing)
                     .done());
}

void add_rows(std::vector<ProbeNetwork>& list, Arithmetic a) {
  const std::string type = type_name(a);
  list.push_back(ProbeBuilder("single" + type, a, {1, 512}).dense(1024).dense(512).dense(256).dense(128).dense(16, After::kNothing).done());
  list.push_back(ProbeBuilder("pixels" + type, a, {1, 768}).dense(256).dense(96).dense(10, After::kNothing).done());
  list.push_back(ProbeBuilder("rows" + type, a, {16, 256}).dense(512).dense(1024).dense(256).dense(64).dense(10, After::kNothing).done());
  list.push_back(ProbeBuilder("many" + type, a, {128, 192}).dense(768, After::kNothing).dense(384).dense(1536).dense(128).done());
  list.push_back(ProbeBuilder("few" + type, a, {4, 512}).dense(512).dense(1536).dense(256).done());
}

// [1, tokens, width] through an encoder's layer.
ProbeNetwork encoder(const std::string& name, Arithmetic a, int64_t tokens, int64_t width, int64_t heads) {
  return ProbeBuilder(name + type_name(a), a, {1, tokens, width})
      .residual([&](ProbeBuilder& b) { b.attention(heads); })
      .layer_norm()
      .residual([&](ProbeBuilder& b) { b.dense(4 * width, After::kNothing).unary(ops::kGelu).dense(width, After::kNothing); })
      .layer_norm()
      .done();
}

void add_recurrent(std::vector<ProbeNetwork>& list) {
  const auto network = [&](int64_t steps, int64_t batch, int64_t width, int64_t hidden, bool both_ways) {
    const std::string size = std::to_string(steps) + "x" + std::to_string(batch) + "x" + std::to_string(hidden);
    const auto start = [&](const char* name) { return ProbeBuilder(name + size, Arithmetic::kFloat, {steps, batch, width}); };
    list.push_back(start("lstm_").recurrent(ops::kLSTM, 4, hidden, both_ways).recurrent(ops::kLSTM, 4, hidden, both_ways).done());
    list.push_back(start("gru_").recurrent(ops::kGRU, 3, hidden, both_ways).recurrent(ops::kGRU, 3, hidden, both_ways).done());
  };
  network(16, 1, 40, 64, false);
  network(12, 1, 80, 128, true);
  network(32, 2, 64, 96, false);
  network(20, 4, 96, 160, true);
  network(10, 1, 256, 256, false);
}

// Rows through weights of `bytes` together, so that each run reads them from where they are after the others passed.
void add_streamed(std::vector<ProbeNetwork>& list, int64_t bytes) {
  for (const Arithmetic a : {Arithmetic::kFloat, Arithmetic::kStatic}) {
    const int64_t width = 1024, inner = a == Arithmetic::kFloat ? 2048 : 4096;
    const int64_t pairs = std::max<int64_t>(1, bytes / (2 * width * inner * (a == Arithmetic::kFloat ? 4 : 1)));
    for (const int64_t rows : {int64_t{1}, int64_t{6}}) {
      ProbeBuilder builder("streamed_" + std::to_string(rows) + type_name(a), a, {rows, width});
      for (int64_t i = 0; i < pairs; ++i) builder.dense(inner, After::kNothing).dense(width, After::kNothing);
      list.push_back(builder.done());
    }
  }
}

void add_elements(std::vector<ProbeNetwork>& list) {
  for (const int64_t size : {int64_t{256}, int64_t{8192}, int64_t{131072}, int64_t{1048576}}) {
    const int64_t row = size / 16;
    list.push_back(ProbeBuilder("elements_" + std::to_string(size), Arithmetic::kFloat, {1, size})
                       .with(ops::kMul, {1, size})
                       .unary(ops::kSigmoid)
                       .with(ops::kAdd, {1, size})
                       .unary(ops::kTanh)
                       .with(ops::kDiv, {1, size})
                       .unary(ops::kExp)
                       .with(ops::kSub, {1, 1})
                       .unary(ops::kSoftmax, {{"axis", int64_t{-1}}})
                       .reshape({16, row})
                       .unary(ops::kTranspose, {{"perm", Sizes{1, 0}}})
                       .unary(ops::kErf)
                       .with(ops::kPow, {1, 1})
                       .unary(ops::kSqrt)
                       .unary(ops::kRelu)
                       .join()
                       .slice(16)
                       .gather(16)
                       .where()
                       .clip()
                       .unary(ops::kGelu)
                       .unary(ops::kReduceMean, {{"keepdims", int64_t{1}}})
                       .done());
    const int64_t side = size == 256 ? 4 : size == 8192 ? 14 : size == 131072 ? 56 : 96;
    list.push_back(ProbeBuilder("moves_" + std::to_string(side), Arithmetic::kFloat, {1, 32, side, side})
                       .conv(32, 1, 1, After::kSwish)
                       .pool(ops::kMaxPool, 2, 2)
                       .widen(16)
                       .join()
                       .conv(16, 3, 1, After::kHardSwish)
                       .resize("linear")
                       .conv(8)
                       .pool(ops::kAveragePool, 2, 2)
                       .resize("nearest")
                       .conv(8)
                       .done());
    list.push_back(ProbeBuilder("moves_int8_" + std::to_string(side), Arithmetic::kStatic, {1, 32, side, side})
                       .conv(32)
                       .join()
                       .conv(16)
                       .pool(ops::kMaxPool, 2, 2)
                       .widen(16)
                       .done());
  }
}

}  // namespace

std::vector<ProbeNetwork> probe_networks(int64_t streamed_bytes) {
  std::vector<ProbeNetwork> list;
  for (const Arithmetic a : {Arithmetic::kFloat, Arithmetic::kStatic}) {
    add_dense_pictures(list, a);
    add_light_pictures(list, a);
    add_rows(list, a);
    list.push_back(encoder("tokens", a, 64, 256, 4));
    list.push_back(encoder("words", a, 16, 96, 3));
    list.push_back(encoder("patches", a, 160, 128, 2));
    list.push_back(encoder("wide_words", a, 24, 512, 8));
    list.push_back(encoder("next_words", a, 3, 512, 8));
  }
  list.push_back(ProbeBuilder("little_dynamic_int8", Arithmetic::kDynamic, {1, 3, 32, 32}).conv(16, 3).conv(32, 3, 2).depthwise(3).conv(48).conv(64, 3, 2).depthwise(3).conv(128).done());
  list.push_back(ProbeBuilder("rows_dynamic_int8", Arithmetic::kDynamic, {1, 512}).dense(1024).dense(256).dense(16, After::kNothing).done());
  list.push_back(encoder("words_dynamic", Arithmetic::kDynamic, 24, 256, 4));
  add_recurrent(list);
  add_streamed(list, streamed_bytes);
  add_elements(list);
  return list;
}

}  // namespace omni::device
