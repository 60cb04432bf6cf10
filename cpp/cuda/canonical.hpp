// The canonical arithmetic in the form that device programs use: the formulas of kernels::Table in the same order, so the
// same bits (KERNELS contract, section 1); and bfloat16.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/types.hpp"
#include "cuda/host_device.hpp"

namespace coterie::cuda {

// Eight threads share a canonical sum: thread l adds the terms of j = l mod 8 in increasing j, then one folds.
inline constexpr int kLanes = 8;

COTERIE_HOST_DEVICE inline double dot_lane(const float* x, const float* y, index_t d, int lane) {
    double sum = 0;
    for (index_t j = lane; j < d; j += kLanes) sum += static_cast<double>(x[j]) * static_cast<double>(y[j]);
    return sum;
}

COTERIE_HOST_DEVICE inline double squared_distance_lane(const float* x, const float* y, index_t d, int lane) {
    double sum = 0;
    for (index_t j = lane; j < d; j += kLanes) {
        const double difference = static_cast<double>(x[j]) - static_cast<double>(y[j]);
        const double square = difference * difference;
        sum += square;
    }
    return sum;
}

COTERIE_HOST_DEVICE inline double fold(const double* p) {
    return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7]));
}

COTERIE_HOST_DEVICE inline bool is_finite(double v) {
    return v - v == 0;
}

COTERIE_HOST_DEVICE inline std::uint32_t bits_of(float v) {
#ifdef __CUDA_ARCH__
    return __float_as_uint(v);
#else
    std::uint32_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    return bits;
#endif
}

COTERIE_HOST_DEVICE inline float float_of(std::uint32_t bits) {
#ifdef __CUDA_ARCH__
    return __uint_as_float(bits);
#else
    float v;
    std::memcpy(&v, &bits, sizeof v);
    return v;
#endif
}

// One instruction without a branch on a device; of two numbers, not of NaN.
COTERIE_HOST_DEVICE inline float larger(float a, float b) {
#ifdef __CUDA_ARCH__
    return fmaxf(a, b);
#else
    return a < b ? b : a;
#endif
}
COTERIE_HOST_DEVICE inline float smaller(float a, float b) {
#ifdef __CUDA_ARCH__
    return fminf(a, b);
#else
    return b < a ? b : a;
#endif
}

// To nearest even; magnitudes below 2^-126 become zero. Of a finite value; the largest ones become infinite.
COTERIE_HOST_DEVICE inline std::uint16_t to_bf16(float v) {
    const std::uint32_t bits = bits_of(v);
    const std::uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
    return static_cast<std::uint16_t>((rounded & 0x7F80u) == 0 ? 0u : rounded);
}

COTERIE_HOST_DEVICE inline float from_bf16(std::uint16_t v) {
    return float_of(static_cast<std::uint32_t>(v) << 16);
}

}  // namespace coterie::cuda
