// The bfloat16 filter: layouts shared by the AMX and the AVX512-BF16 kernels, and by the op that calls them.
//
// Rows:      [n][d_padded] bfloat16, d_padded a multiple of kBf16Depth, zero beyond d; groups of kBf16Rows rows are scored.
// Centroids: tiles of kBf16Depth dimensions x kBf16Columns columns, 1 KiB each: [pair of dimensions][column][2].
//            Column block b, depth block t: packed + (b * (d_padded / kBf16Depth) + t) * 512.
// Columns come in pairs of blocks: k_padded is a multiple of 2 * kBf16Columns.
#pragma once

#include <cstdint>

#include "core/types.hpp"
#include "kernels/wanted.hpp"

namespace coterie::kernels {

inline constexpr index_t kBf16Rows = 32;
inline constexpr index_t kBf16Columns = 16;
inline constexpr index_t kBf16Depth = 32;
inline constexpr index_t kBf16Tile = kBf16Depth * kBf16Columns;

// A cache line of one row, so that no row of a tile straddles two.
struct alignas(64) Bf16Line {
    std::uint16_t values[kBf16Depth];
};

struct Bf16Table {
    double products_per_cycle;  // of one core, roughly: for the choice of a filter
    // y = x - mu (float32), out = bf16(y) to nearest, denormals to zero; m rows, ldx and ld_out elements apart. Columns d ..
    // d_padded of out become zero. squared_norm[r] >= |y_r|^2 and squared_residual[r] >= |y_r - out_r|^2 up to float64 roundings, both close.
    void (*pack_rows)(const float* x, index_t ldx, index_t m, index_t d, const float* mu, std::uint16_t* out,
                      index_t ld_out, double* squared_norm, double* squared_residual) noexcept;
    // scores[r * ld + c] ~ <rows_r, c_c> + start[c] for kBf16Rows rows and k_padded columns; the float32 sum of d_padded
    // products, each exact, starting from start[c]; results below 2^-126 may be flushed to zero.
    void (*score_block)(const std::uint16_t* rows, index_t ld_rows, const std::uint16_t* packed,
                        const float* start, index_t k_padded, index_t d_padded, float* scores,
                        index_t ld) noexcept;
    // The scores of score_block that are wanted; the others are never in memory all at once.
    void (*find_wanted)(const std::uint16_t* rows, index_t ld_rows, const std::uint16_t* packed,
                        const float* start, index_t k_padded, index_t d_padded, const ScoreCuts& cuts,
                        const ScoreHits& hits) noexcept;
    // product ~ <row, a - b> and squared_distance ~ |a - b|^2 in float32.
    void (*compare)(const std::uint16_t* row, const float* a, const float* b, index_t d, float* product,
                    float* squared_distance) noexcept;
};

}  // namespace coterie::kernels
