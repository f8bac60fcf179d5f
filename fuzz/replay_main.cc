// Runs a fuzz target without libFuzzer: every file of the folders named, then each of them cut and changed in ways that depend on its bytes alone.
//   fuzz_NAME [--changes N] FILE|FOLDER …
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/rng.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
// Of targets that know how to change what they take; every second change is theirs.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) __attribute__((weak));

namespace {

namespace fs = std::filesystem;

using Bytes = std::vector<uint8_t>;

Bytes read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

Bytes changed_by_target(Bytes bytes, unsigned int seed) {
  const size_t size = bytes.size();
  bytes.resize(2 * size + 1024);
  bytes.resize(LLVMFuzzerCustomMutator(bytes.data(), size, bytes.size(), seed));
  return bytes;
}

// One to four edits: a byte set, a bit flipped, a run removed, a run repeated, the end cut.
Bytes changed(Bytes bytes, const omni::core::RandomStream& random) {
  const uint64_t edits = 1 + random.below(0, 4);
  for (uint64_t e = 0; e < edits && !bytes.empty(); ++e) {
    const uint64_t at = random.below(10 * e + 1, bytes.size()), kind = random.below(10 * e + 2, 5);
    const uint64_t run = std::min<uint64_t>(1 + random.below(10 * e + 3, 16), bytes.size() - at);
    const auto first = bytes.begin() + static_cast<long>(at), last = first + static_cast<long>(run);
    if (kind == 0) *first = static_cast<uint8_t>(random.bits(10 * e + 8));
    if (kind == 1) *first = static_cast<uint8_t>(*first ^ (1u << random.below(10 * e + 4, 8)));
    if (kind == 2) bytes.erase(first, last);
    if (kind == 3) {
      const Bytes piece(first, last);
      bytes.insert(last, piece.begin(), piece.end());
    }
    if (kind == 4) bytes.resize(at);
  }
  return bytes;
}

void run(const Bytes& bytes) {
  const Bytes exact(bytes);  // no spare capacity behind the end, so that a sanitizer sees a read past it
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t changes = 0, files = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--changes" && i + 1 < argc) {
      changes = std::strtoull(argv[++i], nullptr, 10);
      continue;
    }
    std::vector<fs::path> paths;
    if (fs::is_directory(argv[i])) {
      for (const auto& entry : fs::directory_iterator(argv[i])) paths.push_back(entry.path());
      std::sort(paths.begin(), paths.end());
    } else {
      paths.push_back(argv[i]);
    }
    for (const fs::path& path : paths) {
      const Bytes bytes = read(path);
      run(bytes);
      for (uint64_t c = 0; c < changes; ++c) {
        const omni::core::RandomStream random(1, path.filename().string(), c);
        run(LLVMFuzzerCustomMutator != nullptr && c % 2 == 0 ? changed_by_target(bytes, random.bits(0)) : changed(bytes, random));
      }
      ++files;
    }
  }
  run({});
  std::printf("%llu files, %llu changes of each\n", static_cast<unsigned long long>(files), static_cast<unsigned long long>(changes));
  return files == 0 ? 1 : 0;
}
