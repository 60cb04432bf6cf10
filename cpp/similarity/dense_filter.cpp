#include "similarity/dense_filter.hpp"

#include <algorithm>
#include <cmath>

#include "core/parallel.hpp"
#include "kernels/kernels.hpp"
#include "kernels/rounding.hpp"

namespace coterie {
namespace {

// Any mu keeps the scores right; the mean of so many rows keeps the bound small.
constexpr index_t kSampleRows = 2048;
constexpr index_t kRowsPerTask = 256;

}  // namespace

void unit_row(const float* x, double norm, index_t d, float* out) {
    if (norm == 0) {
        std::fill(out, out + d, 0.0f);
        return;
    }
    const double scale = 1 / norm;
    for (index_t j = 0; j < d; ++j) out[j] = static_cast<float>(x[j] * scale);
}

DenseFilter::DenseFilter(MatrixView<const float> y, const std::vector<double>& norms, int n_threads)
    : d_(y.cols), d_padded_(kernels::bf16_depth(y.cols)), n_columns_(kernels::bf16_columns(y.rows)) {
    sample_mean(y, norms);
    pack_columns(y, norms, n_threads);
}

void DenseFilter::sample_mean(MatrixView<const float> y, const std::vector<double>& norms) {
    const index_t step = std::max<index_t>(1, y.rows / kSampleRows);
    std::vector<double> sum(static_cast<std::size_t>(d_), 0.0);
    std::vector<float> unit(static_cast<std::size_t>(d_));
    double count = 0;
    for (index_t j = 0; j < y.rows; j += step, ++count) {
        unit_row(y.row(j), norms[j], d_, unit.data());
        for (index_t c = 0; c < d_; ++c) sum[c] += unit[c];
    }
    mean_.resize(static_cast<std::size_t>(d_));
    for (index_t c = 0; c < d_; ++c) mean_[c] = static_cast<float>(sum[c] / std::max(count, 1.0));
    squared_mean_ = kernels::active().dot(mean_.data(), mean_.data(), d_);
}

void DenseFilter::pack_columns(MatrixView<const float> y, const std::vector<double>& norms, int n_threads) {
    constexpr index_t kBlock = kernels::kBf16Columns;
    const index_t lines = ceil_div(kernels::bf16_packed_size(n_columns_, d_padded_), kernels::kBf16Depth);
    packed_.resize(static_cast<std::size_t>(lines));
    start_.assign(static_cast<std::size_t>(n_columns_), kernels::kPadScore);
    struct Part {
        kernels::Bf16Size size;
        double largest_start = 0;
    };
    std::vector<Part> parts(static_cast<std::size_t>(ceil_div(n_columns_, kRowsPerTask)));
    parallel_for_rows(n_columns_, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        Part& part = parts[static_cast<std::size_t>(begin / kRowsPerTask)];
        std::vector<float> unit(static_cast<std::size_t>(d_));
        std::vector<std::uint16_t> rows(static_cast<std::size_t>(kBlock * d_padded_));
        for (index_t first = begin; first < end; first += kBlock) {
            for (index_t r = 0; r < kBlock; ++r) {
                const index_t j = first + r;
                std::uint16_t* const row = rows.data() + r * d_padded_;
                if (j >= y.rows) {
                    std::fill(row, row + d_padded_, std::uint16_t{0});
                    continue;
                }
                const double start =
                    pack_row(y.row(j), norms[j], unit.data(), row, part.size) - squared_mean_;
                start_[j] = static_cast<float>(start);
                part.largest_start = std::max(part.largest_start, std::abs(start));
            }
            kernels::pack_bf16_tiles(
                rows.data(), d_padded_,
                packed_[static_cast<std::size_t>(first * d_padded_ / kernels::kBf16Depth)].values);
        }
    });
    for (const Part& part : parts) {
        column_size_.include(part.size);
        largest_start_ = std::max(largest_start_, part.largest_start * kernels::kUpward);
    }
}

double DenseFilter::pack_row(const float* x, double norm, float* unit, std::uint16_t* out,
                             kernels::Bf16Size& size) const {
    double squared_norm, squared_residual;
    unit_row(x, norm, d_, unit);
    kernels::active().bf16->pack_rows(unit, d_, 1, d_, mean_.data(), out, d_padded_, &squared_norm,
                                      &squared_residual);
    size.include(squared_norm, squared_residual);
    return kernels::active().dot(mean_.data(), unit, d_);
}

kernels::Bf16Size DenseFilter::size_of(MatrixView<const float> x, const std::vector<double>& norms,
                                       int n_threads) const {
    std::vector<kernels::Bf16Size> parts(static_cast<std::size_t>(ceil_div(x.rows, kRowsPerTask)));
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        std::vector<float> unit(static_cast<std::size_t>(d_));
        std::vector<std::uint16_t> row(static_cast<std::size_t>(d_padded_));
        for (index_t i = begin; i < end; ++i)
            pack_row(x.row(i), norms[i], unit.data(), row.data(), parts[begin / kRowsPerTask]);
    });
    kernels::Bf16Size size;
    for (const kernels::Bf16Size& part : parts) size.include(part);
    return size;
}

// u = 2^-24: two unit rows rounded to float32 are off by 2 u together, adding the offset to a float32 by 4 u; four sums of d
// products in float64 (start, offset, |mu|^2, canonical score) by (d + 8) 2^-53 each.
double DenseFilter::error_bound(const kernels::Bf16Size& rows) const {
    return kernels::bf16_error(rows, column_size_, largest_start_, d_padded_) + 0x1p-21 +
           static_cast<double>(d_ + 8) * 0x1p-50;
}

void DenseFilter::find_wanted(const std::uint16_t* rows, index_t first, index_t n,
                              const kernels::Bf16Cuts& cuts, const kernels::Bf16Hits& hits) const {
    const auto line = static_cast<std::size_t>(first * d_padded_ / kernels::kBf16Depth);
    kernels::active().bf16->find_wanted(rows, d_padded_, packed_[line].values, start_.data() + first, n,
                                        d_padded_, cuts, hits);
}

}  // namespace coterie
