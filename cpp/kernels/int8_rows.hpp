// Packing and comparing of int8 rows, for the ISA files that have AVX-512.
#pragma once

#include <immintrin.h>

#include "kernels/int8.hpp"
#include "kernels/wide_sums.hpp"

namespace coterie::kernels {
namespace {

constexpr float kLeastToQuantise = 1e-30f;

// 16 values q.
inline __m512 widened_int8(const std::uint8_t* p) {
    const __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(bytes, _mm512_set1_epi32(kInt8Zero)));
}

// |y|^2 and |y - scale q|^2 of a packed row in float64.
inline void measure_int8(const float* x, index_t d, const float* mu, const std::uint8_t* packed, float scale,
                         double* squared_norm, double* squared_residual) noexcept {
    __m512d norm = _mm512_setzero_pd(), residual = _mm512_setzero_pd();
    for (index_t j = 0; j < d; j += 16) {
        const __m512 y = centred(x, mu, j, d);
        add_squares(y, norm);
        add_squares(_mm512_fnmadd_ps(_mm512_set1_ps(scale), widened_int8(packed + j), y), residual);
    }
    *squared_norm = _mm512_reduce_add_pd(norm);
    *squared_residual = _mm512_reduce_add_pd(residual);
}

inline void pack_int8_rows(const float* x, index_t ldx, index_t m, index_t d, const float* mu,
                           std::uint8_t* out, index_t ld_out, float* scale, double* squared_norm,
                           double* squared_residual) noexcept {
    for (index_t r = 0; r < m; ++r) {
        const float* const row = x + r * ldx;
        __m512 largest = _mm512_setzero_ps(), norm = _mm512_setzero_ps(), residual = _mm512_setzero_ps();
        for (index_t j = 0; j < d; j += 16) {
            const __m512 y = centred(row, mu, j, d);
            largest = _mm512_max_ps(largest, _mm512_abs_ps(y));
            norm = _mm512_fmadd_ps(y, y, norm);
        }
        const float most = _mm512_reduce_max_ps(largest), sum = _mm512_reduce_add_ps(norm);
        const bool is_zero = !(most >= kLeastToQuantise);
        scale[r] = is_zero ? 0.0f : most / kInt8Largest;
        const __m512 step = _mm512_set1_ps(scale[r]);
        const __m512 inverse = _mm512_set1_ps(is_zero ? 0.0f : kInt8Largest / most);
        for (index_t j = 0; j < ld_out; j += 16) {
            const __m512 y = centred(row, mu, j, d);
            const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(y, inverse));
            const __m512 lost = _mm512_fnmadd_ps(step, _mm512_cvtepi32_ps(q), y);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(out + r * ld_out + j),
                             _mm512_cvtepi32_epi8(_mm512_add_epi32(q, _mm512_set1_epi32(kInt8Zero))));
            residual = _mm512_fmadd_ps(lost, lost, residual);
        }
        squared_norm[r] = upper_bound(sum, d);
        squared_residual[r] = upper_bound(_mm512_reduce_add_ps(residual), d);
        if (!is_safe(sum))
            measure_int8(row, d, mu, out + r * ld_out, scale[r], &squared_norm[r], &squared_residual[r]);
    }
}

inline void compare_int8(const std::uint8_t* row, float scale, const float* a, const float* b, index_t d,
                         float* product, float* squared_distance) noexcept {
    compare_with([row](index_t j) { return widened_int8(row + j); }, a, b, d, product, squared_distance);
    *product *= scale;
}

}  // namespace
}  // namespace coterie::kernels
