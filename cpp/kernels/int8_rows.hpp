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

// The largest magnitude of x - mu, and its squared length in float32.
struct Extent {
    float most, square;
};
inline Extent extent_of(const float* x, index_t d, const float* mu) noexcept {
    __m512 most = _mm512_setzero_ps(), square = _mm512_setzero_ps();
    for (index_t j = 0; j < d; j += 16) {
        const __m512 y = centred(x, mu, j, d);
        most = _mm512_max_ps(most, _mm512_abs_ps(y));
        square = _mm512_fmadd_ps(y, y, square);
    }
    return {_mm512_reduce_max_ps(most), _mm512_reduce_add_ps(square)};
}

inline void pack_int8_rows(const float* x, index_t ldx, index_t m, index_t d, const float* mu,
                           std::uint8_t* out, index_t ld_out, float* scale, double* squared_norm,
                           double* squared_residual) noexcept {
    for (index_t r = 0; r < m; ++r) {
        const float* const row = x + r * ldx;
        const auto [most, sum] = extent_of(row, d, mu);
        __m512 residual = _mm512_setzero_ps();
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

inline bool pack_difference_int16(const float* a, const float* b, index_t d, int largest, std::int16_t* codes,
                                  index_t d_padded, float* step, std::int32_t* sum, double* squared_norm,
                                  double* squared_residual) noexcept {
    const auto [top, square] = extent_of(a, d, b);
    if (!is_safe(square)) return false;
    __m512 residual = _mm512_setzero_ps();
    *step = top / static_cast<float>(largest);
    const __m512 unit = _mm512_set1_ps(*step), inverse = _mm512_set1_ps(static_cast<float>(largest) / top);
    __m512i total = _mm512_setzero_si512();
    for (index_t j = 0; j < d_padded; j += 16) {
        const __m512 z = centred(a, b, j, d);
        const __m512i code = _mm512_cvtps_epi32(_mm512_mul_ps(z, inverse));
        const __m512 lost = _mm512_fnmadd_ps(unit, _mm512_cvtepi32_ps(code), z);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + j), _mm512_cvtepi32_epi16(code));
        total = _mm512_add_epi32(total, code);
        residual = _mm512_fmadd_ps(lost, lost, residual);
    }
    *sum = _mm512_reduce_add_epi32(total);
    *squared_norm = upper_bound(square, d);
    *squared_residual = upper_bound(_mm512_reduce_add_ps(residual), d);
    return true;
}

inline std::uint32_t multiply_int16(const std::uint8_t* row, const std::int16_t* codes,
                                    index_t d_padded) noexcept {
    const auto product = [&](index_t j) {
        const __m512i bytes =
            _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + j)));
        return _mm512_madd_epi16(bytes, _mm512_loadu_si512(codes + j));
    };
    __m512i even = _mm512_setzero_si512(), odd = even;
    for (index_t j = 0; j < d_padded; j += kInt8Depth) {
        even = _mm512_add_epi32(even, product(j));
        odd = _mm512_add_epi32(odd, product(j + kInt8Depth / 2));
    }
    return static_cast<std::uint32_t>(_mm512_reduce_add_epi32(_mm512_add_epi32(even, odd)));
}

}  // namespace
}  // namespace coterie::kernels
