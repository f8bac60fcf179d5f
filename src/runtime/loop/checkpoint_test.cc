#include "runtime/loop/checkpoint.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/atomic_file.h"
#include "core/crc32c.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/rng.h"
#include "core/temporary_directory_test.h"

namespace omni::runtime {
namespace {

Checkpoint example() {
  StateSet states;
  states.add("w", Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}), Role::kParameter);
  states.add("count", Tensor::scalar<int64_t>(-7), Role::kObserver);
  states.add("empty", Tensor(DType::kF16, {0, 4}), Role::kBuffer);
  states.add("packed", Tensor(DType::kI4, {5}), Role::kMask);
  Checkpoint c = make_checkpoint(states, Isa::kAvx2);
  c.step = 1234567890123;
  c.epoch = 3;
  c.values["best"] = 0.25;
  c.values["options"] = std::string("\0\xff binary", 9);
  c.values["patience"] = int64_t{-5};
  return c;
}

std::vector<std::byte> bytes_of(const Checkpoint& c) {
  const core::TemporaryDirectory directory;
  save_checkpoint(directory.file("c"), c);
  return read_file(directory.file("c"), 1 << 20);
}

TEST(Checkpoint, ComesBackAsItWas) {
  const core::TemporaryDirectory directory;
  const Checkpoint saved = example();
  save_checkpoint(directory.file("c"), saved);
  save_checkpoint(directory.file("c"), saved);
  const Checkpoint c = load_checkpoint(directory.file("c"));
  EXPECT_EQ(c.step, saved.step);
  EXPECT_EQ(c.epoch, 3);
  EXPECT_EQ(c.isa, Isa::kAvx2);
  EXPECT_EQ(c.kernel_version, kKernelVersion);
  EXPECT_EQ(c.values, saved.values);
  EXPECT_EQ(c.get_float("best", 0), 0.25);
  EXPECT_EQ(c.get_int("patience", 0), -5);
  EXPECT_EQ(c.get_int("best", 9), 9);
  ASSERT_EQ(c.states.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(c.states[i].name, saved.states[i].name);
    EXPECT_EQ(c.states[i].role, saved.states[i].role);
    EXPECT_TRUE(c.states[i].tensor.equal(saved.states[i].tensor));
  }
}

TEST(Checkpoint, RestoresASetOfTheSameStatesOnly) {
  StateSet states;
  states.add("w", Tensor::of<float>({2}, {0, 0}));
  StateSet other = states;
  other.set("w", Tensor::of<float>({2}, {1, 2}));
  restore(states, make_checkpoint(other, Isa::kScalar));
  EXPECT_TRUE(states.get("w").equal(other.get("w")));
  other.add("more", Tensor::of<float>({1}, {0}));
  EXPECT_THROW(restore(states, make_checkpoint(other, Isa::kScalar)), Error);
  EXPECT_THROW(restore(other, make_checkpoint(states, Isa::kScalar)), Error);
}

TEST(Checkpoint, EveryTruncationIsAnError) {
  const std::vector<std::byte> bytes = bytes_of(example());
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_THROW((void)parse_checkpoint(std::span(bytes).first(n)), Error) << n;
  EXPECT_NO_THROW((void)parse_checkpoint(bytes));
}

TEST(Checkpoint, EveryFlippedByteIsAnErrorOrPadding) {
  const std::vector<std::byte> bytes = bytes_of(example());
  int accepted = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::vector<std::byte> wrong = bytes;
    wrong[i] ^= std::byte{0x10};
    try {
      const Checkpoint c = parse_checkpoint(wrong);
      EXPECT_EQ(c.values, example().values);
      for (size_t s = 0; s < 4; ++s) EXPECT_TRUE(c.states[s].tensor.equal(example().states[s].tensor));
      ++accepted;
    } catch (const Error&) {
    }
  }
  EXPECT_LT(accepted, 64 * 6) << "only the zeros between sections are not checked";
}

// The index with right checksums around wrong contents: what the bounds checks are for.
TEST(Checkpoint, LiesWithRightChecksumsAreErrors) {
  const std::vector<std::byte> good = bytes_of(example());
  uint64_t index_bytes;
  std::memcpy(&index_bytes, good.data() + 16, 8);
  int accepted = 0;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    std::vector<std::byte> bytes = good;
    const core::RandomStream random(seed, "lies");
    for (uint64_t k = 0; k <= seed % 3; ++k) bytes[64 + random.below(3 * k, index_bytes)] = static_cast<std::byte>(random.bits(100 + k));
    const uint32_t index_crc = crc32c(std::span(bytes).subspan(64, index_bytes));
    std::memcpy(bytes.data() + 32, &index_crc, 4);
    const uint32_t header_crc = crc32c(std::span(bytes).first(36));
    std::memcpy(bytes.data() + 36, &header_crc, 4);
    try {
      (void)parse_checkpoint(bytes);
      ++accepted;  // a changed name or step is a right file
    } catch (const Error&) {
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 2500);
}

TEST(Checkpoint, SaysWhatIsWrong) {
  const core::TemporaryDirectory directory;
  const std::string path = directory.file("c");
  write_file_atomically(path, "something else entirely, long enough", Overwrite::kReplace);
  try {
    (void)load_checkpoint(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), path + ": this is no checkpoint");
  }
  Checkpoint c = example();
  EXPECT_NO_THROW(require_resumable(c, Isa::kAvx2));
  try {
    require_resumable(c, Isa::kScalar);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.summary(), "the training ran with avx2 kernels, now it would go on with scalar: the result would not be the same");
  }
  c.kernel_version = kKernelVersion + 1;
  EXPECT_THROW(require_resumable(c, Isa::kAvx2), Error);
}

}  // namespace
}  // namespace omni::runtime
