// A training's whole memory in one file, from which it goes on to the same bytes. Byte by byte: docs/checkpoint-format.md.
//
// Saving is atomic: after a crash the file is the old one or the new one. Loading checks every bound and every checksum before anything is used.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/isa.h"
#include "runtime/state_set.h"

namespace omni::runtime {

// Raised whenever some kernel's float results change for the same input: a training does not go on across it.
inline constexpr uint32_t kKernelVersion = 1;

using CheckpointValue = std::variant<int64_t, double, std::string>;  // a string may hold any bytes

struct CheckpointState {
  std::string name;
  Role role = Role::kParameter;
  Tensor tensor;
};

struct Checkpoint {
  std::vector<CheckpointState> states;  // in the order of their names
  int64_t step = 0;                     // steps done
  int64_t epoch = 0;                    // epochs done
  Isa isa = Isa::kScalar;
  uint32_t kernel_version = kKernelVersion;
  std::map<std::string, CheckpointValue, std::less<>> values;  // best accuracy, metric sums, options, hashes

  int64_t get_int(std::string_view name, int64_t fallback) const;
  double get_float(std::string_view name, double fallback) const;
  std::string get_string(std::string_view name, std::string fallback = {}) const;
};

// All states of the set, ready to be saved (bytes are shared).
Checkpoint make_checkpoint(const StateSet& states, Isa isa);
// The checkpoint's states into the set, all or nothing: the names, dtypes and shapes must be the set's. Throws Error.
void restore(StateSet& states, const Checkpoint& checkpoint);

// Replaces what is there. Throws Error (kMachine …).
void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);
// Throws Error: kNotFound, kInvalidData (truncated, corrupted, no checkpoint), kUnsupported (a newer version).
Checkpoint load_checkpoint(const std::string& path);
// The same from bytes; what tensors hold of them is copied.
Checkpoint parse_checkpoint(std::span<const std::byte> bytes);

// Throws Error (kInvalidArgument) when another instruction set or kernel version would change the bytes, saying how to go on.
void require_resumable(const Checkpoint& checkpoint, Isa isa);

}  // namespace omni::runtime
