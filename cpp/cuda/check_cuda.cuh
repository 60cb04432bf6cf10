// Errors of the CUDA runtime as exceptions, in words.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "cuda/device.hpp"

namespace coterie::cuda {

// A sentence about an error of the runtime.
std::string explain(cudaError_t error);

inline void check_cuda(cudaError_t error, const char* what) {
    if (error == cudaSuccess) return;
    cudaGetLastError();  // a sticky one stays, the others must not be reported twice
    throw DeviceError(std::string(what) + ": " + explain(error));
}

}  // namespace coterie::cuda
