// The similarities of sparse rows, as the join sees them: sums over common columns, bounds, and a final
// score.
//
// For rows x, y with sizes |x|, |y| (a norm), n(x, y) = sum over common columns, in increasing order, of
// term(x_j, y_j) in float64; score(n, |x|, |y|) is the canonical similarity. A measure also says which
// float32 weights approximate the rows in the filter, and what a partial sum can still become.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/types.hpp"

namespace coterie {

// <x,y> / (|x|_2 |y|_2), clamped to [-1, 1]; 0 when a norm is 0. Filter weights are x / |x|.
struct CosineMeasure {
    static constexpr bool kBilinear = true;  // a matrix product computes the sums
    static double size(SparseRow x) {
        double sum = 0;
        for (index_t p = 0; p < x.nnz; ++p) sum += static_cast<double>(x.data[p]) * x.data[p];
        return std::sqrt(sum);
    }
    static double term(double a, double b) { return a * b; }
    static double score(double n, double x_size, double y_size) { return clamped(n, x_size * y_size); }
    static double clamped(double n, double scale) {
        return scale == 0 ? 0 : std::clamp(n / scale, -1.0, 1.0);
    }

    static float filter_term(float a, float b) { return a * b; }
    // Multiplied into the row to give its filter weights; common_scale is not used.
    static double filter_scale(double size, double /*common_scale*/) { return size == 0 ? 0 : 1 / size; }
    static double filter_size(double /*size*/, double /*common_scale*/) { return 1; }
    // |sum over columns J of x_j y_j| <= |x_J|_2 |y_J|_2 <= |x_J|_2 for a unit y.
    static double add_rest(double rest, double weight) { return std::sqrt(rest * rest + weight * weight); }
    // The filter sum that a row with score theta or more must reach, for any y.
    static double least_sum(double theta, double /*x_size*/) { return theta; }
    static double least_sum(double theta, double /*x_size*/, double /*y_size*/) { return theta; }
    static double largest_size(double, double) { return std::numeric_limits<double>::infinity(); }
};

// sum min(x_j, y_j) / sum max(x_j, y_j) for non-negative rows, as n / (|x|_1 + |y|_1 - n); 0 when both are
// empty. On 0/1 rows it is the Jaccard index of the column sets, and every number below 2^53 in it is exact.
struct JaccardMeasure {
    static constexpr bool kBilinear = false;
    static double size(SparseRow x) {
        double sum = 0;
        for (index_t p = 0; p < x.nnz; ++p) sum += static_cast<double>(x.data[p]);
        return sum;
    }
    static double term(double a, double b) { return std::min(a, b); }
    static double score(double n, double x_size, double y_size) {
        const double most = x_size + y_size - n;
        return most <= 0 ? 0 : std::min(n / most, 1.0);
    }

    static float filter_term(float a, float b) { return std::min(a, b); }
    // One power of two for all rows brings the largest size into (1/2, 1], so that no float32 sum overflows.
    static double filter_scale(double /*size*/, double common_scale) { return common_scale; }
    static double filter_size(double size, double common_scale) { return size * common_scale; }
    static double add_rest(double rest, double weight) { return rest + weight; }
    // n / (|x| + |y| - n) >= theta iff n >= theta / (1 + theta) (|x| + |y|); and |y| >= n gives n >= theta
    // |x|.
    static double least_sum(double theta, double x_size) { return std::max(theta, 0.0) * x_size; }
    static double least_sum(double theta, double x_size, double y_size) {
        const double t = std::max(theta, 0.0);
        return t / (1 + t) * (x_size + y_size);
    }
    // |x| >= n gives |y| <= |x| / theta.
    static double largest_size(double theta, double x_size) {
        return theta > 0 ? x_size / theta : std::numeric_limits<double>::infinity();
    }
};

// The canonical score of two rows of the given sizes.
template <typename Measure>
double pair_score(SparseRow x, SparseRow y, double x_size, double y_size) {
    double n = 0;
    for (index_t p = 0, q = 0; p < x.nnz && q < y.nnz;) {
        if (x.indices[p] == y.indices[q]) n += Measure::term(x.data[p], y.data[q]);
        const bool step = x.indices[p] <= y.indices[q];
        q += y.indices[q] <= x.indices[p];
        p += step;
    }
    return Measure::score(n, x_size, y_size);
}

}  // namespace coterie
