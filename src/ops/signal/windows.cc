// HannWindow, HammingWindow, BlackmanWindow and MelWeightMatrix (ai.onnx 17): tables computed from a few numbers.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/half.h"
#include "core/kernel_args.h"
#include "ops/elementwise.h"
#include "ops/onnx_dtype.h"

namespace omni::ops {

namespace {

constexpr Formal kSize[] = {{"size"}};
constexpr Formal kMelInputs[] = {{"num_mel_bins"}, {"dft_length"}, {"sample_rate"}, {"lower_edge_hertz"}, {"upper_edge_hertz"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kWindowAttributes[] = {{"output_datatype", AttributeKind::kInt}, {"periodic", AttributeKind::kInt}};
constexpr AttributeDef kMelAttributes[] = {{"output_datatype", AttributeKind::kInt}};
constexpr OpVersion k17[] = {{17}};
constexpr int64_t kMaxSize = int64_t{1} << 31;

DType stated_type(InferContext& c) {
  const std::optional<DType> type = from_onnx(c.attributes.get_int("output_datatype", 1));
  if (!type || (!is_float(*type) && dtype_bits(*type) < 8) || *type == DType::kString || *type == DType::kBool)
    c.fail("output_datatype is no number type that is known");
  return *type;
}

Dim stated_size(InferContext& c, int i, int64_t least) {
  const Contents* size = c.contents(i);
  if (c.input(i).dtype != DType::kI64 && c.input(i).dtype != DType::kI32) c.fail("a size is not i32 or i64");
  const Dim d = size != nullptr && size->size() == 1 ? size->front() : c.dims.fresh();
  if (d.is_constant() && (d.value < least || d.value > kMaxSize)) c.fail("a size of " + std::to_string(d.value));
  return d;
}

void infer_window(InferContext& c) {
  const DType type = stated_type(c);
  c.set(0, Type(type, std::vector<Dim>{stated_size(c, 0, 0)}));
}

void infer_mel(InferContext& c) {
  const DType type = stated_type(c);
  const Dim bins = stated_size(c, 0, 1), length = stated_size(c, 1, 1);
  c.set(0, Type(type, std::vector<Dim>{c.dims.add(c.dims.floor_div(length, 2), 1), bins}));
}

void store(const TensorView& y, int64_t i, double v) {
  switch (y.dtype) {
    case DType::kF32: y.as<float>()[i] = static_cast<float>(v); break;
    case DType::kF64: y.as<double>()[i] = v; break;
    case DType::kF16: y.as<uint16_t>()[i] = f32_to_f16(static_cast<float>(v)); break;
    case DType::kBF16: y.as<uint16_t>()[i] = f32_to_bf16(static_cast<float>(v)); break;
    default:  // the values are in [0, 1]
      switch (dtype_size(y.dtype)) {
        case 1: y.as<int8_t>()[i] = static_cast<int8_t>(v); break;
        case 2: y.as<int16_t>()[i] = static_cast<int16_t>(v); break;
        case 4: y.as<int32_t>()[i] = static_cast<int32_t>(v); break;
        default: y.as<int64_t>()[i] = static_cast<int64_t>(v); break;
      }
  }
}

// a0 - a1 cos(2πi/n) + a2 cos(4πi/n), over the size (periodic) or the size less one.
struct WindowParams {
  double a0, a1, a2;
  bool periodic;
};

void run_window(const KernelArgs& k) noexcept {
  const WindowParams& p = *static_cast<const WindowParams*>(k.params);
  const TensorView& y = k.outputs[0];
  const int64_t size = y.count();
  const double n = static_cast<double>(p.periodic ? size : std::max<int64_t>(1, size - 1));
  for (int64_t i = 0; i < size; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / n;
    store(y, i, p.a0 - p.a1 * std::cos(angle) + p.a2 * std::cos(2 * angle));
  }
}

Binding window(const PlannedNode& n, double a0, double a1, double a2) {
  return {run_window, std::make_shared<WindowParams>(WindowParams{a0, a1, a2, n.attributes.get_int("periodic", 1) != 0}), 0};
}
Binding bind_hann(const PlannedNode& n) { return window(n, 0.5, 0.5, 0); }
Binding bind_hamming(const PlannedNode& n) { return window(n, 25.0 / 46, 1 - 25.0 / 46, 0); }
Binding bind_blackman(const PlannedNode& n) { return window(n, 0.42, 0.5, 0.08); }

double number_in(const ConstTensorView& t) {
  switch (t.dtype) {
    case DType::kF32: return static_cast<double>(*t.as<float>());
    case DType::kF64: return *t.as<double>();
    case DType::kF16: return static_cast<double>(f16_to_f32(*t.as<uint16_t>()));
    case DType::kBF16: return static_cast<double>(bf16_to_f32(*t.as<uint16_t>()));
    case DType::kI32: return static_cast<double>(*t.as<int32_t>());
    default: return static_cast<double>(*t.as<int64_t>());
  }
}

// The spectrum's bin at edge i of the mel bands: edges are spaced evenly on the mel scale, over bands + 2 of them as ONNX's reference has it.
int64_t edge(const KernelArgs& k, int64_t i, int64_t bands) {
  const double low = 2595 * std::log10(1 + number_in(k.inputs[3]) / 700), high = 2595 * std::log10(1 + number_in(k.inputs[4]) / 700);
  const double mel = low + static_cast<double>(i) * (high - low) / static_cast<double>(bands + 2);
  const double hertz = 700 * (std::pow(10.0, mel / 2595) - 1);
  return static_cast<int64_t>(std::floor((number_in(k.inputs[1]) + 1) * hertz / number_in(k.inputs[2])));
}

void run_mel(const KernelArgs& k) noexcept {
  const TensorView& y = k.outputs[0];
  const int64_t bins = y.shape[0], bands = y.shape[1];
  if (!(number_in(k.inputs[2]) > 0)) return k.status->fail(0, "the sample rate is not above 0");
  for (int64_t i = 0; i < y.count(); ++i) store(y, i, 0);
  for (int64_t i = 0; i < bands; ++i) {
    const int64_t left = edge(k, i, bands), centre = edge(k, i + 1, bands), right = edge(k, i + 2, bands);
    if (left < 0 || right < centre || centre < left || right > bins)
      return k.status->fail(i, "the frequencies reach outside of the spectrum", right, bins);
    for (int64_t j = left; j <= centre && j < bins; ++j) {
      store(y, j * bands + i, centre == left ? 1 : static_cast<double>(j - left) / static_cast<double>(centre - left));
    }
    for (int64_t j = centre; j < right; ++j) store(y, j * bands + i, static_cast<double>(right - j) / static_cast<double>(right - centre));
  }
}

Binding bind_mel(const PlannedNode& n) {
  for (int i = 0; i < 5; ++i) {
    const DType t = n.input(i).dtype;
    if (n.input(i).shape.count() != 1 || (!is_float(t) && t != DType::kI32 && t != DType::kI64)) n.unsupported("every input is one number");
  }
  return {run_mel, nullptr, 0};
}

constexpr OpDef window_op(std::string_view name, Binding (*bind)(const PlannedNode&)) {
  return {.name = name, .inputs = kSize, .outputs = kOutputs, .attributes = kWindowAttributes, .versions = k17, .infer = infer_window, .bind = bind};
}

}  // namespace

constinit const OpDef kHannWindow = window_op("HannWindow", bind_hann);
constinit const OpDef kHammingWindow = window_op("HammingWindow", bind_hamming);
constinit const OpDef kBlackmanWindow = window_op("BlackmanWindow", bind_blackman);
constinit const OpDef kMelWeightMatrix = {.name = "MelWeightMatrix",
                                          .inputs = kMelInputs,
                                          .outputs = kOutputs,
                                          .attributes = kMelAttributes,
                                          .versions = k17,
                                          .infer = infer_mel,
                                          .bind = bind_mel};

}  // namespace omni::ops
