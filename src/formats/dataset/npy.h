// NPY, one array of NumPy: versions 1.0, 2.0 and 3.0, C and Fortran order, either byte order.
// Source: NumPy Enhancement Proposal 1. Types: f2 f4 f8, i1 i2 i4 i8, u1 u2 u4 u8, b1, and S and U (string tensors).
//
// Written are version 1.0 files in C order, strings as S. NumPy has no bf16 and no 4-bit types: they are written as the f32 and int8/uint8 of the same values.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "core/atomic_file.h"
#include "core/tensor.h"

namespace omni::formats {

using namespace core;

bool is_npy(std::span<const std::byte> bytes);

// The whole of `bytes`. Arrays that are stored as a tensor is (C order, this machine's byte order, aligned) are not copied where `keeper` keeps the
// bytes alive. Throws Error: kInvalidData (no NPY, header and data that do not agree), kUnsupported (objects, records, complex numbers, …).
Tensor parse_npy(std::span<const std::byte> bytes, std::shared_ptr<const void> keeper, const std::string& where);
// Mapped. Throws as map_file and parse_npy do.
Tensor load_npy(const std::string& path);

// What stands before the data in a file of `tensor`, whose type must be one that NumPy has.
std::string npy_header(const Tensor& tensor);
// Throws as AtomicFile does.
void save_npy(const std::string& path, const Tensor& tensor, Overwrite overwrite);

}  // namespace omni::formats
