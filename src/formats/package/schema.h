// The generated schema, and the proof that its numbers are those of our own enumerations.
#pragma once

#include <schema/package_generated.h>

#include "graph/graph.h"

namespace omni::formats {

// One assertion a row would be longer and say no more: the last member of each, and its count.
static_assert(static_cast<int>(fb::ElementType::MAX) == core::kDTypeCount - 1 && static_cast<int>(fb::ElementType::String) == static_cast<int>(core::DType::kString));
static_assert(static_cast<int>(fb::ElementType::BF16) == static_cast<int>(core::DType::kBF16) && static_cast<int>(fb::ElementType::F64) == static_cast<int>(core::DType::kF64));
static_assert(static_cast<int>(fb::ElementType::I8) == static_cast<int>(core::DType::kI8) && static_cast<int>(fb::ElementType::U16) == static_cast<int>(core::DType::kU16));
static_assert(static_cast<int>(fb::ElementType::I32) == static_cast<int>(core::DType::kI32) && static_cast<int>(fb::ElementType::I64) == static_cast<int>(core::DType::kI64));
static_assert(static_cast<int>(fb::ElementType::Bool) == static_cast<int>(core::DType::kBool) && static_cast<int>(fb::ElementType::I4) == static_cast<int>(core::DType::kI4));
static_assert(static_cast<int>(fb::TypeKind::OptionalSequence) == static_cast<int>(graph::TypeKind::kOptionalSequence));
static_assert(static_cast<int>(fb::Layout::ChannelsLast) == static_cast<int>(graph::Layout::kChannelsLast));
static_assert(static_cast<int>(fb::Encoding::Coded) == static_cast<int>(graph::Encoding::kCoded));
static_assert(static_cast<int>(fb::Role::Cache) == static_cast<int>(graph::Role::kCache) && static_cast<int>(fb::Role::Moment) == static_cast<int>(graph::Role::kMoment));
static_assert(static_cast<int>(fb::ValueKind::Result) == static_cast<int>(graph::ValueKind::kResult));
static_assert(static_cast<int>(fb::AttributeKind::Tensor) == static_cast<int>(graph::AttributeKind::kTensor));

inline constexpr uint32_t kAbsent = 0xffffffff;  // no value, no section

}  // namespace omni::formats
