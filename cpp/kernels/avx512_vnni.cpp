// AVX512-VNNI: VPDPBUSD multiplies quads of bytes, so one line of a packed tile (16 columns x 4 dimensions) is one operand.
#include <immintrin.h>

#include "kernels/int8_rows.hpp"
#include "kernels/tables.hpp"
#include "kernels/wanted_rows.hpp"

namespace coterie::kernels {
namespace {

constexpr int kRowsAtOnce =
    8;  // x 2 column blocks: 16 accumulators, enough for 2 ports x 5 cycles of latency

// Sums keep one type from their start to their conversion. As __m512i they are eight integers in the loop and sixteen after it,
// and GCC copies every one of them twice in each turn, which costs three tenths of the rate.
using Sums = std::int32_t __attribute__((vector_size(64)));

inline Sums load_sums(const std::int32_t* p) {
    return reinterpret_cast<Sums>(_mm512_loadu_si512(p));
}
inline Sums add_products(Sums sums, __m512i x, __m512i z) {
    return reinterpret_cast<Sums>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sums), x, z));
}

// Scores of 16 columns from their sums.
struct Scaled {
    __m512 scale, start;

    Scaled(const Int8Columns& columns, index_t c)
        : scale(_mm512_loadu_ps(columns.scale + c)), start(_mm512_loadu_ps(columns.start + c)) {}
    __m512 operator()(Sums sums, float row_scale) const {
        return _mm512_fmadd_ps(_mm512_cvtepi32_ps(reinterpret_cast<__m512i>(sums)),
                               _mm512_mul_ps(_mm512_set1_ps(row_scale), scale), start);
    }
};

void score_rows(const std::uint8_t* rows, index_t ld_rows, const float* row_scale, const Int8Columns& columns,
                index_t c, index_t d_padded, float* scores, index_t ld) noexcept {
    const std::int8_t* left = columns.packed + c * d_padded;
    const std::int8_t* right = left + kInt8Columns * d_padded;
    Sums left_sum[kRowsAtOnce], right_sum[kRowsAtOnce];
    for (int r = 0; r < kRowsAtOnce; ++r) {
        left_sum[r] = load_sums(columns.offset + c);
        right_sum[r] = load_sums(columns.offset + c + kInt8Columns);
    }
    for (index_t j = 0; j < d_padded; j += 4, left += 4 * kInt8Columns, right += 4 * kInt8Columns) {
        const __m512i a = _mm512_loadu_si512(left), b = _mm512_loadu_si512(right);
        for (int r = 0; r < kRowsAtOnce; ++r) {
            std::int32_t quad;
            __builtin_memcpy(&quad, rows + r * ld_rows + j, sizeof quad);
            const __m512i x = _mm512_set1_epi32(quad);
            left_sum[r] = add_products(left_sum[r], x, a);
            right_sum[r] = add_products(right_sum[r], x, b);
        }
    }
    const Scaled left_score(columns, c), right_score(columns, c + kInt8Columns);
    for (int r = 0; r < kRowsAtOnce; ++r) {
        _mm512_storeu_ps(scores + r * ld + c, left_score(left_sum[r], row_scale[r]));
        _mm512_storeu_ps(scores + r * ld + c + kInt8Columns, right_score(right_sum[r], row_scale[r]));
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
