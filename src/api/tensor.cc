#include <cstring>

#include "api/access.h"

namespace omni {

Tensor::Tensor() : impl_(std::make_shared<Impl>()) {}

Tensor::Tensor(DType type, std::span<const int64_t> shape) : impl_(std::make_shared<Impl>()) {
  if (type == DType::kString) throw Error(ErrorCode::kInvalidArgument, "tensors of strings come from files and runs only", "Tensor");
  impl_->tensor = core::Tensor(api::to_core(type), api::shape_of(shape));
  impl_->own = true;
}

Tensor Tensor::copy(DType type, std::span<const int64_t> shape, std::span<const std::byte> bytes) {
  return Access::tensor(core::Tensor::from_bytes(api::to_core(type), api::shape_of(shape), bytes));
}

Tensor Tensor::borrow(DType type, std::span<const int64_t> shape, std::span<const std::byte> bytes) {
  const core::Shape dims = api::shape_of(shape);
  const core::DType dtype = api::to_core(type);
  const size_t needed = core::packed_bytes(dtype, static_cast<size_t>(dims.count()));
  if (type == DType::kString || bytes.size() != needed) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string(dtype_name(type)) + dims.text() + " takes " + std::to_string(needed) + " bytes, got " + std::to_string(bytes.size()),
                "Tensor");
  }
  return Access::tensor(core::Tensor::view(dtype, dims, bytes.data(), nullptr));
}

Tensor Tensor::load(const std::string& path) { return Access::tensor(formats::load_npy(path)); }

Tensor Tensor::load_picture(const std::string& path, const Preprocess& preprocess) {
  return Access::tensor(formats::load_picture(path, api::to_core(preprocess)));
}

void Tensor::save(const std::string& path, bool overwrite) const { formats::save_npy(path, impl_->tensor, api::overwrite(overwrite)); }

DType Tensor::dtype() const { return api::to_public(impl_->tensor.dtype()); }
std::span<const int64_t> Tensor::shape() const { return impl_->tensor.shape().dims(); }
int64_t Tensor::count() const { return impl_->tensor.count(); }

std::span<const std::byte> Tensor::bytes() const { return {static_cast<const std::byte*>(impl_->tensor.data()), impl_->tensor.bytes()}; }

std::span<std::byte> Tensor::mutable_bytes() {
  const core::Tensor& old = impl_->tensor;
  if (old.dtype() == core::DType::kString) throw Error(ErrorCode::kInvalidArgument, "tensors of strings cannot be changed", "Tensor");
  if (!impl_->own || impl_.use_count() > 1) {
    auto fresh = std::make_shared<Impl>();
    fresh->tensor = core::Tensor::from_bytes(old.dtype(), old.shape(), bytes());
    fresh->own = true;
    impl_ = std::move(fresh);
  }
  return {static_cast<std::byte*>(impl_->tensor.mutable_data()), impl_->tensor.bytes()};
}

void Tensor::require(DType type) const {
  if (dtype() == type) return;
  throw Error(ErrorCode::kInvalidArgument, "the tensor is " + type_text() + ", its elements are asked for as " + std::string(dtype_name(type)),
              "Tensor");
}

std::vector<double> Tensor::to_doubles() const { return core::to_double(impl_->tensor); }

Tensor Tensor::reshaped(std::span<const int64_t> shape) const {
  std::vector<int64_t> dims(shape.begin(), shape.end());
  int64_t known = 1, open = -1;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == -1 && open < 0) {
      open = static_cast<int64_t>(i);
    } else if (dims[i] < 0 || __builtin_mul_overflow(known, dims[i], &known)) {
      throw Error(ErrorCode::kInvalidArgument, "no shape of a tensor: one size may be -1, the others are not negative", "Tensor::reshaped");
    }
  }
  if (open >= 0 && known > 0) dims[static_cast<size_t>(open)] = count() / known;
  return Access::tensor(impl_->tensor.reshaped(core::Shape(dims)));
}

std::string Tensor::type_text() const { return std::string(dtype_name(dtype())) + impl_->tensor.shape().text(); }

}  // namespace omni
