// Packing of rows into bfloat16, for the ISA files that have AVX-512.
#pragma once

#include <immintrin.h>

#include "kernels/bf16.hpp"

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

inline void add_squares(__m512 v, __m512d& sum) {
    const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
    const __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
    sum = _mm512_fmadd_pd(low, low, sum);
    sum = _mm512_fmadd_pd(high, high, sum);
}

inline void pack_rows(const float* x, index_t ldx, index_t m, index_t d, const float* mu, std::uint16_t* out,
                      index_t ld_out, double* squared_norm, double* squared_residual) noexcept {
    for (index_t r = 0; r < m; ++r) {
        __m512d norm = _mm512_setzero_pd(), residual = _mm512_setzero_pd();
        for (index_t j = 0; j < ld_out; j += 16) {
            const index_t left = d - j < 0 ? 0 : (d - j < 16 ? d - j : 16);
            const auto mask = static_cast<__mmask16>((1u << left) - 1);
            const __m512 y = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + r * ldx + j),
                                           _mm512_maskz_loadu_ps(mask, mu + j));
            const __m512i bits = bf16_bits(y);
            const __m512 kept = _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + r * ld_out + j),
                                _mm512_cvtepi32_epi16(bits));
            add_squares(y, norm);
            add_squares(_mm512_sub_ps(y, kept), residual);  // exact: kept is a rounding of y
        }
        squared_norm[r] = _mm512_reduce_add_pd(norm);
        squared_residual[r] = _mm512_reduce_add_pd(residual);
    }
}

}  // namespace
}  // namespace coterie::kernels
