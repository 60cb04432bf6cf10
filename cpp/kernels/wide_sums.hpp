// What the packing of rows into either small format shares, for the ISA files that have AVX-512.
#pragma once

#include <immintrin.h>

#include "core/types.hpp"

namespace coterie::kernels {
namespace {

inline __mmask16 first_lanes(index_t j, index_t d) {
    const index_t left = d - j < 0 ? 0 : (d - j < 16 ? d - j : 16);
    return static_cast<__mmask16>((1u << left) - 1);
}

// x - mu from feature j on, zero beyond d.
inline __m512 centred(const float* x, const float* mu, index_t j, index_t d) {
    const __mmask16 mask = first_lanes(j, d);
    return _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + j), _mm512_maskz_loadu_ps(mask, mu + j));
}

// A sum of squares in float32, made an upper bound; below or above these the squares may leave the range and the sum is
// taken in float64.
constexpr float kLeastSquareSum = 1e-12f, kLargestSquareSum = 1e30f;

inline bool is_safe(float sum) {
    return sum >= kLeastSquareSum && sum <= kLargestSquareSum;
}

// Covers the roundings of a sum of d squares in 16 lanes, and squares of what was lost that fell below the range.
inline double upper_bound(float sum, index_t d) {
    return double{sum} * (1 + (static_cast<double>(d) / 16 + 16) * 0x1p-23) +
           static_cast<double>(d) * 0x1p-148;
}

inline void add_squares(__m512 v, __m512d& sum) {
    const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
    const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
    sum = _mm512_fmadd_pd(low, low, sum);
    sum = _mm512_fmadd_pd(high, high, sum);
}

// <y', a - b> and |a - b|^2 for the row y' whose 16 values from feature j on widen(j) gives.
template <typename Widen>
inline void compare_with(const Widen& widen, const float* a, const float* b, index_t d, float* product,
                         float* squared_distance) noexcept {
    __m512 dot[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()}, square[2] = {dot[0], dot[0]};
    const auto add = [&](int lane, index_t j, __m512 difference) {
        dot[lane] = _mm512_fmadd_ps(widen(j), difference, dot[lane]);
        square[lane] = _mm512_fmadd_ps(difference, difference, square[lane]);
    };
    index_t j = 0;
    for (; j + 32 <= d; j += 32) {
        add(0, j, _mm512_sub_ps(_mm512_loadu_ps(a + j), _mm512_loadu_ps(b + j)));
        add(1, j + 16, _mm512_sub_ps(_mm512_loadu_ps(a + j + 16), _mm512_loadu_ps(b + j + 16)));
    }
    for (; j < d; j += 16) add(0, j, centred(a, b, j, d));
    *product = _mm512_reduce_add_ps(_mm512_add_ps(dot[0], dot[1]));
    *squared_distance = _mm512_reduce_add_ps(_mm512_add_ps(square[0], square[1]));
}

}  // namespace
}  // namespace coterie::kernels
