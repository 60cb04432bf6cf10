// What the CUDA runtime hands out, released with its owner. A release cannot fail in a way that anyone could act on: a sticky
// error shows in the next call that is checked.
#pragma once

#include <cuda_runtime.h>

#include <memory>
#include <type_traits>

#include "cuda/check_cuda.cuh"

namespace coterie::cuda {

// The first call for a device makes its context, which takes memory.
inline void check_opened(cudaError_t error, int index) {
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        throw DeviceMemoryError(
            "device " + std::to_string(index) +
            " cannot be opened: that takes some hundred MiB and its memory is taken; nvidia-smi "
            "lists the processes that have it");
    }
    check_cuda(error, "opening the device");
}

// The thread's current device for as long as this lives.
class UseDevice {
  public:
    explicit UseDevice(int index) : index_(index) {
        check_cuda(cudaGetDevice(&before_), "cudaGetDevice");
        if (before_ != index_) check_opened(cudaSetDevice(index_), index_);
    }
    ~UseDevice() {
        if (before_ != index_ && cudaSetDevice(before_) != cudaSuccess) cudaGetLastError();
    }
    UseDevice(const UseDevice&) = delete;
    UseDevice& operator=(const UseDevice&) = delete;

  private:
    int index_, before_ = 0;
};

template <auto kRelease>
struct Release {
    template <typename T>
    void operator()(T* owned) const {
        kRelease(owned);
    }
};

using Stream = std::unique_ptr<std::remove_pointer_t<cudaStream_t>, Release<cudaStreamDestroy>>;
using Event = std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, Release<cudaEventDestroy>>;
using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, Release<cudaGraphDestroy>>;
using GraphExec = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, Release<cudaGraphExecDestroy>>;
using Pinned = std::unique_ptr<char, Release<cudaFreeHost>>;

// A queue that does not wait for the default one.
inline Stream make_stream(const char* what) {
    cudaStream_t stream = nullptr;
    check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), what);
    return Stream(stream);
}

inline Event make_event() {
    cudaEvent_t event = nullptr;
    check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreate");
    return Event(event);
}

inline Pinned make_pinned(std::size_t bytes, const char* what) {
    void* memory = nullptr;
    const cudaError_t error = cudaMallocHost(&memory, bytes);
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        throw DeviceMemoryError(std::string(what) + ": the host cannot lock " + std::to_string(bytes >> 20) +
                                " MiB of its memory (a limit of the container, or ulimit -l)");
    }
    check_cuda(error, what);
    return Pinned(static_cast<char*>(memory));
}

}  // namespace coterie::cuda
