#include "kernels/int8_pack.hpp"

#include <algorithm>
#include <limits>

#include "kernels/rounding.hpp"

namespace coterie::kernels {

void pack_int8_tiles(const std::uint8_t* rows, index_t d_padded, std::int8_t* tiles,
                     std::int32_t* offset) noexcept {
    std::fill(offset, offset + kInt8Columns, 0);
    for (index_t j = 0; j < d_padded; j += 4) {
        for (index_t c = 0; c < kInt8Columns; ++c) {
            for (index_t l = 0; l < 4; ++l) {
                const int q = int{rows[c * d_padded + j + l]} - kInt8Zero;
                tiles[j * kInt8Columns + 4 * c + l] = static_cast<std::int8_t>(q);
                offset[c] -= kInt8Zero * q;
            }
        }
    }
}

double int8_sum_error(const Bf16Size& row, const Bf16Size& column, double largest_start,
                      index_t d_padded) noexcept {
    const double magnitude = (row.norm + row.residual) * (column.norm + column.residual) + largest_start;
    if (!(magnitude < kFilterLimit) || d_padded > kInt8MostFeatures)
        return std::numeric_limits<double>::infinity();
    return (gamma(6, kFloatRoundoff) * magnitude + static_cast<double>(d_padded + 1) * 0x1p-125) * kUpward;
}

}  // namespace coterie::kernels
