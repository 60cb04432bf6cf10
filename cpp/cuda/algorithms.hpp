// Sorts and sums over a device's memory: CUB on a CUDA device, the standard library in its emulation. All are stable and
// exact, so both give the same.
#pragma once

#include <cstdint>

#include "cuda/device.hpp"

namespace coterie::cuda {

// Orders the first n keys by their lowest n_bits, equal ones as they lie; values go with their keys. What lies behind
// them is lost.
void sort_pairs(Device& device, DeviceArray<std::uint64_t>& keys, DeviceArray<std::uint32_t>& values,
                index_t n, int n_bits);
void sort_keys(Device& device, DeviceArray<std::uint64_t>& keys, index_t n, int n_bits);

// out[i] = in[0] + ... + in[i - 1], for i = 0 .. n.
void running_sum(Device& device, const std::uint32_t* in, std::int64_t* out, index_t n);

// The same on a CUDA device (cuda_algorithms.cu, no_cuda.cpp).
void cuda_sort_pairs(Device& device, DeviceArray<std::uint64_t>& keys, DeviceArray<std::uint32_t>& values,
                     index_t n, int n_bits);
void cuda_sort_keys(Device& device, DeviceArray<std::uint64_t>& keys, index_t n, int n_bits);
void cuda_running_sum(Device& device, const std::uint32_t* in, std::int64_t* out, index_t n);

}  // namespace coterie::cuda
