// The search of a block of scores for wanted ones, for the ISA files that have AVX-512.
#pragma once

#include <immintrin.h>

#include "kernels/bf16.hpp"
#include "kernels/int8.hpp"
#include "kernels/wanted.hpp"

namespace coterie::kernels {
namespace {

// Rows and columns searched at once, for either format; 4 bytes each stay in the first-level cache.
constexpr index_t kBlockRows = kBf16Rows, kBlockColumns = 2 * kBf16Columns;
static_assert(kInt8Rows == kBlockRows && 2 * kInt8Columns == kBlockColumns);

template <typename T>
struct alignas(64) Block {
    T values[kBlockRows * kBlockColumns];
};

// The wanted scores of a block whose columns begin at c; score(r, h) gives 16 of them, half h of row r.
template <typename Score>
inline void collect_wanted(const Score& score, index_t c, const ScoreCuts& cuts,
                           const ScoreHits& hits) noexcept {
    constexpr int kHalf = kBlockColumns / 2;
    const __m512i places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512 least[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    if (cuts.column != nullptr)
        for (int h = 0; h < 2; ++h) least[h] = _mm512_loadu_ps(cuts.column + c + h * kHalf);
    for (index_t r = 0; r < kBlockRows; ++r) {
        const __m512 cut = _mm512_set1_ps(cuts.row[r]);
        const __m512 half[2] = {score(r, 0), score(r, 1)};
        __mmask16 wanted[2];
        for (int h = 0; h < 2; ++h) {
            wanted[h] = _mm512_cmp_ps_mask(half[h], cut, _CMP_GE_OQ);
            if (cuts.column != nullptr)
                wanted[h] |= _mm512_cmp_ps_mask(_mm512_add_ps(half[h], _mm512_set1_ps(cuts.offset[r])),
                                                least[h], _CMP_GE_OQ);
        }
        if ((wanted[0] | wanted[1]) == 0) continue;
        for (int h = 0; h < 2; ++h) {
            const int n = __builtin_popcount(wanted[h]);
            const auto first_n = static_cast<__mmask16>((1u << n) - 1);
            const index_t place = r * hits.capacity + hits.count[r];
            const __m512i column =
                _mm512_add_epi32(places, _mm512_set1_epi32(static_cast<int>(c) + h * kHalf));
            _mm512_mask_storeu_epi32(hits.column + place, first_n,
                                     _mm512_maskz_compress_epi32(wanted[h], column));
            _mm512_mask_storeu_ps(hits.score + place, first_n, _mm512_maskz_compress_ps(wanted[h], half[h]));
            hits.count[r] += n;
        }
    }
}

inline void collect_wanted(const Block<float>& block, index_t c, const ScoreCuts& cuts,
                           const ScoreHits& hits) noexcept {
    collect_wanted(
        [&](index_t r, int h) {
            return _mm512_load_ps(block.values + r * kBlockColumns + h * (kBlockColumns / 2));
        },
        c, cuts, hits);
}

}  // namespace
}  // namespace coterie::kernels
