// NPZ: a ZIP archive of NPY files, stored or deflated, ZIP64 too.
// Source: PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace omni::formats {

using namespace core;

bool is_zip(std::span<const std::byte> bytes);

// The arrays in the order of the archive, ".npy" cut from their names; other members are skipped. CRC-32 of every array is checked. Stored
// arrays may stay in `bytes`, which `keeper` then keeps alive. Throws Error: kInvalidData, kUnsupported (encryption, another compression).
std::vector<std::pair<std::string, Tensor>> parse_npz(std::span<const std::byte> bytes, std::shared_ptr<const void> keeper, const std::string& where);
std::vector<std::pair<std::string, Tensor>> load_npz(const std::string& path);

}  // namespace omni::formats
