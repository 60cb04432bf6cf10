// Packing of rows into bfloat16, for the ISA files that have AVX-512.
#pragma once

#include <immintrin.h>

#include "kernels/bf16.hpp"
#include "kernels/wide_sums.hpp"

namespace coterie::kernels {
namespace {

// Round to nearest even on the bits, as VCVTNEPS2BF16 does for normal numbers; magnitudes below 2^-126 become zero.
inline __m512i bf16_bits(__m512 y) {
    const __m512i bits = _mm512_castps_si512(y);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded =
        _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF))), 16);
    const __m512i exponent = _mm512_and_si512(rounded, _mm512_set1_epi32(0x7F80));
    return _mm512_maskz_mov_epi32(_mm512_test_epi32_mask(exponent, exponent), rounded);
}

inline __m512 widened_bf16(const std::uint16_t* p) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

// |y|^2 and |y - y'|^2 of a packed row in float64.
inline void measure_bf16(const float* x, index_t d, const float* mu, const std::uint16_t* packed,
                         double* squared_norm, double* squared_residual) noexcept {
    __m512d norm = _mm512_setzero_pd(), residual = _mm512_setzero_pd();
    for (index_t j = 0; j < d; j += 16) {
        const __m512 y = centred(x, mu, j, d);
        add_squares(y, norm);
        add_squares(_mm512_sub_ps(y, widened_bf16(packed + j)), residual);
    }
    *squared_norm = _mm512_reduce_add_pd(norm);
    *squared_residual = _mm512_reduce_add_pd(residual);
}

inline void pack_rows(const float* x, index_t ldx, index_t m, index_t d, const float* mu, std::uint16_t* out,
                      index_t ld_out, double* squared_norm, double* squared_residual) noexcept {
    for (index_t r = 0; r < m; ++r) {
        __m512 norm = _mm512_setzero_ps(), residual = _mm512_setzero_ps();
        for (index_t j = 0; j < ld_out; j += 16) {
            const __m512 y = centred(x + r * ldx, mu, j, d);
            const __m512i bits = bf16_bits(y);
            const __m512 lost = _mm512_sub_ps(y, _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16)));  // exact
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + r * ld_out + j),
                                _mm512_cvtepi32_epi16(bits));
            norm = _mm512_fmadd_ps(y, y, norm);
            residual = _mm512_fmadd_ps(lost, lost, residual);
        }
        const float sum = _mm512_reduce_add_ps(norm);
        squared_norm[r] = upper_bound(sum, d);
        squared_residual[r] = upper_bound(_mm512_reduce_add_ps(residual), d);
        if (!is_safe(sum))
            measure_bf16(x + r * ldx, d, mu, out + r * ld_out, &squared_norm[r], &squared_residual[r]);
    }
}

inline void compare_bf16(const std::uint16_t* row, const float* a, const float* b, index_t d, float* product,
                         float* squared_distance) noexcept {
    compare_with([row](index_t j) { return widened_bf16(row + j); }, a, b, d, product, squared_distance);
}

}  // namespace
}  // namespace coterie::kernels
