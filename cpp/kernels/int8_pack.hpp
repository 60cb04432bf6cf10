// What every op on the int8 filter shares: the sizes and the tiles of packed columns, and the bound of a score's error.
#pragma once

#include <cstdint>

#include "core/types.hpp"
#include "kernels/bf16_pack.hpp"
#include "kernels/int8.hpp"

namespace coterie::kernels {

inline index_t int8_depth(index_t d) {
    return ceil_div(d, kInt8Depth) * kInt8Depth;
}
// Bytes of packed columns.
inline index_t int8_packed_size(index_t k_padded, index_t d_padded) {
    return k_padded * d_padded;
}

// Largest code of Int8Table::pack_difference: its sum with a row's q stays below 2^31.
inline int int8_largest_code(index_t d_padded) {
    const index_t most = ((index_t{1} << 31) - 1) / (kInt8Largest * d_padded);
    return static_cast<int>(most < 32767 ? most : 32767);
}

// Lays kInt8Columns rows of Int8Table::pack_rows, d_padded bytes each, out as the tiles of one block of columns; offset:
// [kInt8Columns], that of Int8Columns.
void pack_int8_tiles(const std::uint8_t* rows, index_t d_padded, std::int8_t* tiles,
                     std::int32_t* offset) noexcept;

// | score - (<y', z'> + start) | for every score of Int8Table::score_block with |start| <= largest_start: four roundings after an
// exact sum, and gradual underflow of the product of the scales. Infinity where a score may overflow.
double int8_sum_error(const Bf16Size& row, const Bf16Size& column, double largest_start,
                      index_t d_padded) noexcept;

}  // namespace coterie::kernels
