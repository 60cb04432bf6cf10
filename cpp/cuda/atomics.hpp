// Atomic updates of a device's memory. All are associative and commutative on the values they are used for, so the
// order in which threads arrive changes no bit.
#pragma once

#include <cstdint>

#include "cuda/host_device.hpp"

namespace coterie::cuda {

// Each returns the value before.
COTERIE_HOST_DEVICE inline std::int64_t atomic_add(std::int64_t* place, std::int64_t value) {
#ifdef __CUDA_ARCH__
    return static_cast<std::int64_t>(
        atomicAdd(reinterpret_cast<unsigned long long*>(place), static_cast<unsigned long long>(value)));
#else
    const std::int64_t before = *place;
    *place += value;
    return before;
#endif
}

COTERIE_HOST_DEVICE inline std::int32_t atomic_add(std::int32_t* place, std::int32_t value) {
#ifdef __CUDA_ARCH__
    return atomicAdd(place, value);
#else
    const std::int32_t before = *place;
    *place += value;
    return before;
#endif
}

COTERIE_HOST_DEVICE inline std::uint32_t atomic_add(std::uint32_t* place, std::uint32_t value) {
#ifdef __CUDA_ARCH__
    return atomicAdd(place, value);
#else
    const std::uint32_t before = *place;
    *place += value;
    return before;
#endif
}

COTERIE_HOST_DEVICE inline void atomic_or(std::uint32_t* place, std::uint32_t bits) {
#ifdef __CUDA_ARCH__
    atomicOr(place, bits);
#else
    *place |= bits;
#endif
}

COTERIE_HOST_DEVICE inline void atomic_min(std::int64_t* place, std::int64_t value) {
#ifdef __CUDA_ARCH__
    atomicMin(reinterpret_cast<long long*>(place), static_cast<long long>(value));
#else
    if (value < *place) *place = value;
#endif
}

// value >= 0 and *place >= 0: as integers, the bits of such floats have the same order.
COTERIE_HOST_DEVICE inline void atomic_max_not_negative(float* place, float value) {
#ifdef __CUDA_ARCH__
    atomicMax(reinterpret_cast<int*>(place), __float_as_int(value));
#else
    if (value > *place) *place = value;
#endif
}

}  // namespace coterie::cuda
