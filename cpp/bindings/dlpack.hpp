// The part of the DLPack ABI (dlpack.h, version 0 and 1 of the protocol) that reading a float32 matrix takes.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "core/check.hpp"
#include "core/types.hpp"

namespace coterie {

namespace py = pybind11;

// A matrix that another library lent for as long as this lives: DLManagedTensor of dlpack.h behind a capsule.
class LentMatrix {
  public:
    static constexpr std::int32_t kHost = 1, kCuda = 2, kCudaHost = 3, kCudaManaged = 13;

    LentMatrix(const py::capsule& capsule, const char* name) {
        require(std::string(capsule.name()) == "dltensor", name,
                "expected a DLPack capsule that nobody has used");
        tensor_ = capsule.get_pointer<Managed>();
        PyCapsule_SetName(capsule.ptr(), "used_dltensor");  // from here on we release it
        const Tensor& t = tensor_->tensor;
        try {
            require(t.n_dimensions == 2, name, "expected a two-dimensional array; got ", t.n_dimensions,
                    " dimensions");
            require(t.type.code == 2 && t.type.bits == 32 && t.type.lanes == 1, name,
                    "an array on a device must be float32");
            require(t.strides == nullptr || t.shape[1] <= 1 || t.strides[1] == 1, name,
                    "the rows of an array on a device must be contiguous");
            require(t.strides == nullptr || t.shape[0] <= 1 || t.strides[0] >= t.shape[1], name,
                    "the rows of an array on a device must not overlap");
        } catch (...) {
            release();
            throw;
        }
    }
    ~LentMatrix() { release(); }
    LentMatrix(const LentMatrix&) = delete;
    LentMatrix& operator=(const LentMatrix&) = delete;

    MatrixView<const float> view() const {
        const Tensor& t = tensor_->tensor;
        const index_t stride = t.strides == nullptr || t.shape[0] <= 1 ? t.shape[1] : t.strides[0];
        return {reinterpret_cast<const float*>(static_cast<const char*>(t.data) + t.byte_offset), t.shape[0],
                t.shape[1], stride};
    }
    std::int32_t device_type() const { return tensor_->tensor.device.type; }
    std::int32_t device_index() const { return tensor_->tensor.device.index; }

  private:
    struct Place {
        std::int32_t type, index;
    };
    struct Type {
        std::uint8_t code, bits;
        std::uint16_t lanes;
    };
    struct Tensor {
        void* data;
        Place device;
        std::int32_t n_dimensions;
        Type type;
        std::int64_t *shape, *strides;
        std::uint64_t byte_offset;
    };
    struct Managed {
        Tensor tensor;
        void* context;
        void (*deleter)(Managed*);
    };

    void release() {
        if (tensor_ != nullptr && tensor_->deleter != nullptr) tensor_->deleter(tensor_);
        tensor_ = nullptr;
    }

    Managed* tensor_ = nullptr;
};

}  // namespace coterie
