// What every op on the bfloat16 filter shares: the sizes and the tiles of packed columns, and the bound of a score's error.
#pragma once

#include <cstdint>

#include "core/types.hpp"
#include "kernels/bf16.hpp"

namespace coterie::kernels {

inline index_t bf16_depth(index_t d) {
    return ceil_div(d, kBf16Depth) * kBf16Depth;
}
inline index_t bf16_columns(index_t k) {
    return ceil_div(k, 2 * kBf16Columns) * 2 * kBf16Columns;
}
// Elements of packed columns.
inline index_t bf16_packed_size(index_t k_padded, index_t d_padded) {
    return k_padded * d_padded;
}

// Lays kBf16Columns packed rows, d_padded elements each, out as the tiles of one block of columns.
void pack_bf16_tiles(const std::uint16_t* rows, index_t d_padded, std::uint16_t* tiles) noexcept;

// Upper bounds of |y| and |y - y'| for one or more vectors y = x - mu with y' = bf16(float32(y)).
struct Bf16Size {
    double norm = 0;
    double residual = 0;
    // From what Bf16Table::pack_rows measured of float32(y).
    void include(double squared_norm, double squared_residual) noexcept;
    void include(const Bf16Size& other) noexcept;
};

// | score - (<y', z'> + start) | for every score of Bf16Table::score_block with |start| <= largest_start: the float32 sum
// (gamma_{n+3}: products, sums and the rounding of start) and gradual underflow. Infinity where the sum may overflow.
double bf16_sum_error(const Bf16Size& row, const Bf16Size& column, double largest_start,
                      index_t d_padded) noexcept;

// | <y, z> - <y', z'> | = | <y - y', z> + <y', z - z'> |.
double lost_in_packing(const Bf16Size& row, const Bf16Size& column) noexcept;

// | score - (<y, z> + start) |: both.
double bf16_error(const Bf16Size& row, const Bf16Size& column, double largest_start,
                  index_t d_padded) noexcept;

}  // namespace coterie::kernels
