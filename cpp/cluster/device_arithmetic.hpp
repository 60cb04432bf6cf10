// The canonical arithmetic and the bounds of the filter in the form that device programs use: the same formulas in the
// same order as kernels::Table, LabelBounds' neighbours and filter.cpp, so the same bits (KERNELS contract, section 1).
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "core/types.hpp"
#include "cuda/canonical.hpp"
#include "kernels/matrix_unit_error.hpp"

namespace coterie::cluster::device {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr float kFloatInfinity = std::numeric_limits<float>::infinity();

using cuda::dot_lane;
using cuda::fold;
using cuda::from_bf16;
using cuda::is_finite;
using cuda::kLanes;
using cuda::squared_distance_lane;
using cuda::to_bf16;

COTERIE_HOST_DEVICE inline double sparse_dot(const SparseRow& row, const float* terms, index_t ld,
                                             index_t c) {
    double sum = 0;
    for (index_t p = 0; p < row.nnz; ++p)
        sum += static_cast<double>(row.data[p]) * static_cast<double>(terms[row.indices[p] * ld + c]);
    return sum;
}

// round(w (x / norm) scale), as Table::move_row does it.
COTERIE_HOST_DEVICE inline std::int64_t quantised(float x, double norm, double w, double scale) {
    const double unit = norm == 1.0 ? static_cast<double>(x)
                                    : static_cast<double>(static_cast<float>(static_cast<double>(x) / norm));
    const double weighted = w * unit;
    return static_cast<std::int64_t>(llrint(weighted * scale));
}

// ---- bounds ----

COTERIE_HOST_DEVICE inline double larger(double a, double b) {
    return a < b ? b : a;
}
COTERIE_HOST_DEVICE inline double smaller(double a, double b) {
    return b < a ? b : a;
}

COTERIE_HOST_DEVICE inline float above(double value) {
    return nextafterf(static_cast<float>(value), kFloatInfinity);
}

// Upper bounds of |y| and |y - bf16(y)| from the measured sums of squares: kernels::Bf16Size::include.
COTERIE_HOST_DEVICE inline double norm_above(double squared_norm) {
    return sqrt(squared_norm) * kernels::kUpward * (1 + 2 * kernels::kFloatRoundoff);
}
COTERIE_HOST_DEVICE inline double residual_above(double squared_residual, double norm) {
    return sqrt(squared_residual) * kernels::kUpward + kernels::kFloatRoundoff * norm;
}

// What all columns (centroids) of a filter have in common.
struct ColumnSummary {
    double largest_norm;      // max_c |c|, rounded upward
    double largest_bias;      // max_c half_norm
    double centred_norm;      // max_c |c - mu|
    double centred_residual;  // max_c of what bfloat16 lost of it
    double largest_start;     // max_c |start_c|
    double shift;             // min_c of the biases, which belongs to the row
};

// canonical_error of filter.cpp.
COTERIE_HOST_DEVICE inline double canonical_error(const ColumnSummary& columns, double norm,
                                                  index_t n_products) {
    return kernels::gamma(static_cast<double>(n_products) + 3, kernels::kDoubleRoundoff) *
           (norm * columns.largest_norm + columns.largest_bias) * kernels::kUpward;
}

// RowBound::error of filter.cpp's bfloat16 filter, for sums by matrix units. row_norm, row_residual: of x - mu;
// raw_norm: |x|; mean_norm: |mu|.
COTERIE_HOST_DEVICE inline double bf16_bound(const ColumnSummary& columns, double row_norm,
                                             double row_residual, double raw_norm, double mean_norm,
                                             index_t d_padded) {
    if (!(raw_norm * columns.largest_norm < kernels::kFilterLimit)) return kInfinity;
    const double biased = kernels::gamma(static_cast<double>(d_padded) + 8, kernels::kDoubleRoundoff) *
                          (mean_norm * (columns.largest_norm + mean_norm) + columns.largest_bias);
    return kernels::matrix_unit_error(row_norm, row_residual, columns.centred_norm, columns.centred_residual,
                                      columns.largest_start, d_padded) +
           biased * kernels::kUpward + canonical_error(columns, raw_norm, d_padded);
}

// float32_bound of filter.cpp, for CSR rows.
COTERIE_HOST_DEVICE inline double float32_bound(const ColumnSummary& columns, double norm,
                                                index_t n_products) {
    const double n = static_cast<double>(n_products);
    const double magnitude = norm * columns.largest_norm + columns.largest_bias;
    if (!(magnitude < kernels::kFilterLimit) || n_products >= (index_t{1} << 22)) return kInfinity;
    const double error =
        kernels::gamma(n + 3, kernels::kFloatRoundoff) * magnitude * kernels::kUpward + (n + 1) * 0x1p-148;
    return error + canonical_error(columns, norm, n_products);
}

// Rounded downward to float32.
COTERIE_HOST_DEVICE inline float float_below(double exact) {
    const auto rounded = static_cast<float>(exact);
    return static_cast<double>(rounded) <= exact ? rounded : nextafterf(rounded, -kFloatInfinity);
}
COTERIE_HOST_DEVICE inline float threshold_below(float score, double slack) {
    return float_below(static_cast<double>(score) - slack);
}

}  // namespace coterie::cluster::device
