// AVX512-BF16: VDPBF16PS multiplies pairs, so one line of a packed tile (16 columns x 2 dimensions) is one operand.
#include <immintrin.h>

#include "kernels/bf16_rows.hpp"
#include "kernels/tables.hpp"
#include "kernels/wanted_rows.hpp"

namespace coterie::kernels {
namespace {

constexpr int kRowsAtOnce =
    8;  // x 2 column blocks: 16 accumulators, enough for 2 ports x 6 cycles of latency

void score_rows(const std::uint16_t* rows, index_t ld_rows, const std::uint16_t* left,
                const std::uint16_t* right, const float* start, index_t d_padded, float* scores,
                index_t ld) noexcept {
    __m512 acc[kRowsAtOnce][2];
    for (auto& row : acc) {
        row[0] = _mm512_loadu_ps(start);
        row[1] = _mm512_loadu_ps(start + kBf16Columns);
    }
    for (index_t j = 0; j < d_padded; j += 2, left += 2 * kBf16Columns, right += 2 * kBf16Columns) {
        const auto a = reinterpret_cast<__m512bh>(_mm512_loadu_si512(left));
        const auto b = reinterpret_cast<__m512bh>(_mm512_loadu_si512(right));
        for (int r = 0; r < kRowsAtOnce; ++r) {
            std::int32_t pair;
            __builtin_memcpy(&pair, rows + r * ld_rows + j, sizeof pair);
            const auto x = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
            acc[r][0] = _mm512_dpbf16_ps(acc[r][0], x, a);
            acc[r][1] = _mm512_dpbf16_ps(acc[r][1], x, b);
        }
    }
    for (int r = 0; r < kRowsAtOnce; ++r) {
        _mm512_storeu_ps(scores + r * ld, acc[r][0]);
        _mm512_storeu_ps(scores + r * ld + kBf16Columns, acc[r][1]);
    }
}

void score_block(const std::uint16_t* rows, index_t ld_rows, const std::uint16_t* packed, const float* start,
                 index_t k_padded, index_t d_padded, float* scores, index_t ld) noexcept {
    for (index_t c = 0; c < k_padded; c += 2 * kBf16Columns) {
        const std::uint16_t* const left = packed + c * d_padded;
        for (index_t r = 0; r < kBf16Rows; r += kRowsAtOnce)
            score_rows(rows + r * ld_rows, ld_rows, left, left + kBf16Columns * d_padded, start + c, d_padded,
                       scores + r * ld + c, ld);
    }
}

void find_wanted(const std::uint16_t* rows, index_t ld_rows, const std::uint16_t* packed, const float* start,
                 index_t k_padded, index_t d_padded, const ScoreCuts& cuts, const ScoreHits& hits) noexcept {
    Block<float> block;
    for (index_t c = 0; c < k_padded; c += kBlockColumns) {
        score_block(rows, ld_rows, packed + c * d_padded, start + c, kBlockColumns, d_padded, block.values,
                    kBlockColumns);
        collect_wanted(block, c, cuts, hits);
    }
}

}  // namespace

const Bf16Table* avx512_bf16_table() {
    static constexpr Bf16Table table = {48, pack_rows, score_block, find_wanted, compare_bf16};
    return &table;
}

}  // namespace coterie::kernels
