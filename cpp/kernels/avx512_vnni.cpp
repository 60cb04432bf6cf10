// AVX512-VNNI: VPDPBUSD multiplies quads of bytes, so one line of a packed tile (16 columns x 4 dimensions) is one operand.
#include <immintrin.h>

#include "kernels/int8_rows.hpp"
#include "kernels/tables.hpp"
#include "kernels/wanted_rows.hpp"

namespace coterie::kernels {
namespace {

constexpr int kRowsAtOnce =
    8;  // x 2 column blocks: 16 accumulators, enough for 2 ports x 5 cycles of latency

void score_rows(const std::uint8_t* rows, index_t ld_rows, const float* row_scale, const Int8Columns& columns,
                index_t c, index_t d_padded, float* scores, index_t ld) noexcept {
    const std::int8_t* left = columns.packed + c * d_padded;
    const std::int8_t* right = left + kInt8Columns * d_padded;
    __m512i acc[kRowsAtOnce][2];
    for (auto& row : acc) {
        row[0] = _mm512_loadu_si512(columns.offset + c);
        row[1] = _mm512_loadu_si512(columns.offset + c + kInt8Columns);
    }
    for (index_t j = 0; j < d_padded; j += 4, left += 4 * kInt8Columns, right += 4 * kInt8Columns) {
        const __m512i a = _mm512_loadu_si512(left), b = _mm512_loadu_si512(right);
        for (int r = 0; r < kRowsAtOnce; ++r) {
            std::int32_t quad;
            __builtin_memcpy(&quad, rows + r * ld_rows + j, sizeof quad);
            const __m512i x = _mm512_set1_epi32(quad);
            acc[r][0] = _mm512_dpbusd_epi32(acc[r][0], x, a);
            acc[r][1] = _mm512_dpbusd_epi32(acc[r][1], x, b);
        }
    }
    for (int half = 0; half < 2; ++half) {
        const index_t first = c + half * kInt8Columns;
        const __m512 scale = _mm512_loadu_ps(columns.scale + first);
        const __m512 start = _mm512_loadu_ps(columns.start + first);
        for (int r = 0; r < kRowsAtOnce; ++r)
            _mm512_storeu_ps(scores + r * ld + first,
                             _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc[r][half]),
                                             _mm512_mul_ps(_mm512_set1_ps(row_scale[r]), scale), start));
    }
}

void score_block(const std::uint8_t* rows, index_t ld_rows, const float* row_scale,
                 const Int8Columns& columns, index_t k_padded, index_t d_padded, float* scores,
                 index_t ld) noexcept {
    for (index_t c = 0; c < k_padded; c += 2 * kInt8Columns)
        for (index_t r = 0; r < kInt8Rows; r += kRowsAtOnce)
            score_rows(rows + r * ld_rows, ld_rows, row_scale + r, columns, c, d_padded, scores + r * ld, ld);
}

void find_wanted(const std::uint8_t* rows, index_t ld_rows, const float* row_scale,
                 const Int8Columns& columns, index_t k_padded, index_t d_padded, const ScoreCuts& cuts,
                 const ScoreHits& hits) noexcept {
    Block<float> block;
    for (index_t c = 0; c < k_padded; c += kBlockColumns) {
        const Int8Columns part = {columns.packed + c * d_padded, columns.offset + c, columns.scale + c,
                                  columns.start + c};
        score_block(rows, ld_rows, row_scale, part, kBlockColumns, d_padded, block.values, kBlockColumns);
        collect_wanted(block, c, cuts, hits);
    }
}

}  // namespace

const Int8Table* avx512_vnni_table() {
    static constexpr Int8Table table = {110,          pack_int8_rows,        score_block,   find_wanted,
                                        compare_int8, pack_difference_int16, multiply_int16};
    return &table;
}

}  // namespace coterie::kernels
