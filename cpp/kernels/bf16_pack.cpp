#include "kernels/bf16_pack.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/rounding.hpp"

namespace coterie::kernels {

void pack_bf16_tiles(const std::uint16_t* rows, index_t d_padded, std::uint16_t* tiles) noexcept {
    for (index_t j = 0; j < d_padded; j += 2) {
        for (index_t c = 0; c < kBf16Columns; ++c)
            std::memcpy(tiles + j * kBf16Columns + 2 * c, rows + c * d_padded + j, 2 * sizeof *tiles);
    }
}

void Bf16Size::include(double squared_norm, double squared_residual) noexcept {
    const double longest = std::sqrt(squared_norm) * kUpward * (1 + 2 * kFloatRoundoff);
    norm = std::max(norm, longest);
    residual = std::max(residual, std::sqrt(squared_residual) * kUpward + kFloatRoundoff * longest);
}

void Bf16Size::include(const Bf16Size& other) noexcept {
    norm = std::max(norm, other.norm);
    residual = std::max(residual, other.residual);
}

double bf16_sum_error(const Bf16Size& row, const Bf16Size& column, double largest_start,
                      index_t d_padded) noexcept {
    const auto n = static_cast<double>(d_padded);
    const double magnitude = (row.norm + row.residual) * (column.norm + column.residual) + largest_start;
    if (!(magnitude < kFilterLimit) || d_padded >= (index_t{1} << 22))
        return std::numeric_limits<double>::infinity();
    return (gamma(n + 3, kFloatRoundoff) * magnitude + (n + 1) * 0x1p-125) * kUpward;
}

double bf16_error(const Bf16Size& row, const Bf16Size& column, double largest_start,
                  index_t d_padded) noexcept {
    return lost_in_packing(row, column) + bf16_sum_error(row, column, largest_start, d_padded);
}

double lost_in_packing(const Bf16Size& row, const Bf16Size& column) noexcept {
    return (row.residual * column.norm + (row.norm + row.residual) * column.residual) * kUpward;
}

}  // namespace coterie::kernels
