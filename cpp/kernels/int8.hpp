// The int8 filter: layouts shared by the AMX and the AVX512-VNNI kernels, and by the op that calls them.
//
// Rows:      [n][d_padded] bytes, q + 128 with y ~ row_scale q and |q| <= 127 (the units multiply unsigned by signed bytes);
//            d_padded a multiple of kInt8Depth, q = 0 beyond d; groups of kInt8Rows rows are scored.
// Centroids: z ~ column_scale q, q in tiles of kInt8Depth dimensions x kInt8Columns columns, 1 KiB each: [quad of
//            dimensions][column][4]. Column block b, depth block t: packed + (b * (d_padded / kInt8Depth) + t) * 1024.
// Columns come in pairs of blocks: k_padded is a multiple of 2 * kInt8Columns.
#pragma once

#include <cstdint>

#include "core/types.hpp"
#include "kernels/wanted.hpp"

namespace coterie::kernels {

inline constexpr index_t kInt8Rows = 32;
inline constexpr index_t kInt8Columns = 16;
inline constexpr index_t kInt8Depth = 64;
inline constexpr index_t kInt8Tile = kInt8Depth * kInt8Columns;
inline constexpr int kInt8Largest = 127, kInt8Zero = 128;
// Sums of products and offsets stay below 2^31.
inline constexpr index_t kInt8MostFeatures = 1 << 15;

struct Int8Columns {
    const std::int8_t* packed;
    const std::int32_t* offset;  // [k_padded] -kInt8Zero times the sum of the column's q
    const float* scale;          // [k_padded]
    const float* start;          // [k_padded]
};

struct Int8Table {
    double products_per_cycle;  // of one core, roughly: for the choice of a filter
    // y = x - mu (float32), scale = max_j |y_j| / 127, q_j = y_j / scale to nearest; a row of less than 1e-30 becomes zero.
    // m rows, ldx and ld_out elements apart. squared_norm[r] and squared_residual[r]: as Bf16Table::pack_rows.
    void (*pack_rows)(const float* x, index_t ldx, index_t m, index_t d, const float* mu, std::uint8_t* out,
                      index_t ld_out, float* scale, double* squared_norm, double* squared_residual) noexcept;
    // scores[r * ld + c] ~ row_scale[r] column.scale[c] <q_r, q_c> + column.start[c] for kInt8Rows rows and k_padded columns;
    // the sum is exact, then come four float32 roundings.
    void (*score_block)(const std::uint8_t* rows, index_t ld_rows, const float* row_scale,
                        const Int8Columns& columns, index_t k_padded, index_t d_padded, float* scores,
                        index_t ld) noexcept;
    // The scores of score_block that are wanted; the others are never in memory all at once.
    void (*find_wanted)(const std::uint8_t* rows, index_t ld_rows, const float* row_scale,
                        const Int8Columns& columns, index_t k_padded, index_t d_padded, const ScoreCuts& cuts,
                        const ScoreHits& hits) noexcept;
    // product ~ <y', a - b> and squared_distance ~ |a - b|^2 in float32, y' = scale q.
    void (*compare)(const std::uint8_t* row, float scale, const float* a, const float* b, index_t d,
                    float* product, float* squared_distance) noexcept;
    // z = a - b (float32), step = max_j |z_j| / largest, codes[j] = z_j / step to nearest, zero from d to d_padded, and sum that
    // of the codes. squared_norm >= |z|^2 and squared_residual >= |z - step codes|^2, both close. False where squares of z may
    // leave the range of float32: nothing is written then.
    bool (*pack_difference)(const float* a, const float* b, index_t d, int largest, std::int16_t* codes,
                            index_t d_padded, float* step, std::int32_t* sum, double* squared_norm,
                            double* squared_residual) noexcept;
    // sum_j row[j] codes[j] modulo 2^32.
    std::uint32_t (*multiply)(const std::uint8_t* row, const std::int16_t* codes, index_t d_padded) noexcept;
};

}  // namespace coterie::kernels
