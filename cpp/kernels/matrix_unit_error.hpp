// The error of bfloat16 scores that the matrix units of a GPU add.
#pragma once

#include <limits>

#include "core/types.hpp"
#include "kernels/rounding.hpp"

namespace coterie::kernels {

// bf16_error of bf16_pack.hpp for sums by matrix units, from upper bounds of the norms and residuals of a row and a column.
//
// They align the 16 products and the sum of one mma to the largest of them and cut what falls below its 24th bit, then cut the
// result: each of 18 roundings is below 2^-22 of the largest magnitude (a product of two significands can have one more bit),
// 72 u for every 16 dimensions with u = 2^-24. CUDA promises less than that and nothing else; Fasi, Higham, Mikaitis and
// Pranesh ("Numerical behavior of NVIDIA tensor cores", 2021) measured better. With a factor of 1.1, and what adding start
// rounds: 5 d + 80 roundings.
constexpr double matrix_unit_error(double row_norm, double row_residual, double column_norm,
                                   double column_residual, double largest_start, index_t d_padded) {
    const double n = static_cast<double>(d_padded), kept = row_norm + row_residual;
    const double magnitude = kept * (column_norm + column_residual) + largest_start;
    if (!(magnitude < kFilterLimit) || d_padded >= (index_t{1} << 20))
        return std::numeric_limits<double>::infinity();
    const double lost = row_residual * column_norm + kept * column_residual;
    return (lost + gamma(5 * n + 80, kFloatRoundoff) * magnitude + (n + 1) * 0x1p-125) * kUpward;
}

}  // namespace coterie::kernels
