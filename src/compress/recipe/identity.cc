// What a run is a function of, as hashes.
#include "compress/recipe/identity.h"

#include <algorithm>

#include "core/sha256.h"

namespace omni::compress {

namespace {

constexpr int64_t kSamples = 256;  // of the data: reading all of it can take longer than the run

void add(Sha256& hash, std::string_view text) {
  hash.update(std::as_bytes(std::span(text)));
  hash.update(std::as_bytes(std::span("\n", 1)));
}

}  // namespace

std::string data_identity(const train::SampleData& data) {
  Sha256 hash;
  const int64_t n = data.source->size();
  add(hash, std::to_string(n) + " " + data.target);
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < std::min(n, kSamples); ++i) indices.push_back(n <= kSamples ? i : i * (n - 1) / (kSamples - 1));
  for (const int64_t index : indices) {
    const std::vector<Tensor> samples = train::read_samples(*data.source, std::span(&index, 1));
    for (size_t i = 0; i < samples.size(); ++i) {
      add(hash, data.source->fields()[i].name + " " + std::string(dtype_name(samples[i].dtype())) + samples[i].shape().text());
      hash.update({static_cast<const std::byte*>(samples[i].data()), samples[i].bytes()});
    }
  }
  return to_hex(hash.finish());
}

std::string model_identity(const Graph& graph) {
  const std::string text = print(graph);  // names the bytes of every tensor
  return sha256_hex(std::as_bytes(std::span(text)));
}

std::string identity_key(std::span<const IdentityPart> parts) {
  Sha256 hash;
  for (const IdentityPart& part : parts) {
    add(hash, part.name);
    add(hash, std::to_string(part.value.size()));
    add(hash, part.value);
  }
  return to_hex(hash.finish());
}

}  // namespace omni::compress
