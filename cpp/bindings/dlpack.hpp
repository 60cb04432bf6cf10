// The part of the DLPack ABI (dlpack.h, version 0 and 1 of the protocol) that lending a float32 matrix takes, either way.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/check.hpp"
#include "core/types.hpp"
#include "cuda/device.hpp"

namespace coterie {

namespace py = pybind11;

namespace dlpack {

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

inline constexpr std::int32_t kHost = 1, kCuda = 2, kCudaManaged = 13;
inline constexpr Type kFloat32 = {2, 32, 1};

}  // namespace dlpack

// A matrix that another library lent for as long as this lives: DLManagedTensor of dlpack.h behind a capsule.
class LentMatrix {
  public:
    LentMatrix(const py::capsule& capsule, const char* name) {
        require(std::string(capsule.name()) == "dltensor", name,
                "expected a DLPack capsule that nobody has used");
        tensor_ = capsule.get_pointer<dlpack::Managed>();
        PyCapsule_SetName(capsule.ptr(), "used_dltensor");  // from here on we release it
        const dlpack::Tensor& t = tensor_->tensor;
        try {
            require(t.n_dimensions == 2, name, "expected a two-dimensional array; got ", t.n_dimensions,
                    " dimensions");
            require(t.type.code == dlpack::kFloat32.code && t.type.bits == 32 && t.type.lanes == 1, name,
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
        const dlpack::Tensor& t = tensor_->tensor;
        const index_t stride = t.strides == nullptr || t.shape[0] <= 1 ? t.shape[1] : t.strides[0];
        return {reinterpret_cast<const float*>(static_cast<const char*>(t.data) + t.byte_offset), t.shape[0],
                t.shape[1], stride};
    }
    // Whether the matrix lies in this device's memory; of the emulation, on the host.
    void check_place(const cuda::Device& device, const char* name) const {
        const dlpack::Place& place = tensor_->tensor.device;
        const bool is_there = device.is_emulated()
                                  ? place.type == dlpack::kHost
                                  : (place.type == dlpack::kCuda || place.type == dlpack::kCudaManaged) &&
                                        place.index == device.index();
        require(is_there, name, "the array is on device ", place.index, " of DLPack type ", place.type,
                " and not on ", device.name(), " number ", device.index());
    }

  private:
    void release() {
        if (tensor_ != nullptr && tensor_->deleter != nullptr) tensor_->deleter(tensor_);
        tensor_ = nullptr;
    }

    dlpack::Managed* tensor_ = nullptr;
};

// A capsule that lends a contiguous matrix on a device; owner is kept until the borrower is done.
inline py::capsule lend_matrix(std::shared_ptr<void> owner, const cuda::Device& device, float* data,
                               index_t rows, index_t columns) {
    struct Lent {
        dlpack::Managed managed;
        std::int64_t shape[2];
        std::shared_ptr<void> owner;
    };
    auto* const lent = new Lent{{}, {rows, columns}, std::move(owner)};
    const dlpack::Place place = {device.is_emulated() ? dlpack::kHost : dlpack::kCuda, device.index()};
    lent->managed = {{data, place, 2, dlpack::kFloat32, lent->shape, nullptr, 0},
                     lent,
                     [](dlpack::Managed* managed) { delete static_cast<Lent*>(managed->context); }};
    return py::capsule(&lent->managed, "dltensor", [](PyObject* capsule) {
        if (!PyCapsule_IsValid(capsule, "dltensor")) return;  // the borrower releases it
        auto* const managed = static_cast<dlpack::Managed*>(PyCapsule_GetPointer(capsule, "dltensor"));
        managed->deleter(managed);
    });
}

}  // namespace coterie
