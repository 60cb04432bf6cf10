#include "similarity/dense_filter.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

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

bool DenseFilter::has(PackedFormat format) {
    const kernels::Table& t = kernels::active();
    return format == PackedFormat::int8 ? t.int8 != nullptr : t.bf16 != nullptr;
}

double DenseFilter::products_per_cycle(PackedFormat format) {
    const kernels::Table& t = kernels::active();
    return format == PackedFormat::int8 ? t.int8->products_per_cycle : t.bf16->products_per_cycle;
}

DenseFilter::DenseFilter(MatrixView<const float> x, const std::vector<double>& x_norms,
                         MatrixView<const float> y, const std::vector<double>& y_norms, PackedFormat format,
                         int n_threads)
    : format_(format),
      d_(y.cols),
      d_padded_(format == PackedFormat::int8 ? kernels::int8_depth(d_) : kernels::bf16_depth(d_)),
      row_lines_(d_padded_ / (format == PackedFormat::int8 ? kernels::kInt8Depth : kernels::kBf16Depth)),
      n_columns_(kernels::bf16_columns(y.rows)) {
    sample_mean(y, y_norms);
    const std::vector<double> residuals = pack_columns(y, y_norms, n_threads);
    row_size_ = x.data == y.data && x.rows == y.rows ? column_size_ : size_of(x, x_norms, n_threads);
    lower_starts(residuals);
    error_bound_ = bound();
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

// Returns what packing loses of each row of y.
std::vector<double> DenseFilter::pack_columns(MatrixView<const float> y, const std::vector<double>& norms,
                                              int n_threads) {
    constexpr index_t kBlock = kernels::kBf16Columns;
    packed_.resize(static_cast<std::size_t>(n_columns_ * row_lines_));
    start_.assign(static_cast<std::size_t>(n_columns_), kernels::kPadScore);
    if (format_ == PackedFormat::int8) {
        scale_.assign(static_cast<std::size_t>(n_columns_), 0.0f);
        offset_.resize(static_cast<std::size_t>(n_columns_));
    }
    std::vector<double> residuals(static_cast<std::size_t>(y.rows));
    std::vector<kernels::Bf16Size> parts(static_cast<std::size_t>(ceil_div(n_columns_, kRowsPerTask)));
    parallel_for_rows(n_columns_, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        kernels::Bf16Size& part = parts[static_cast<std::size_t>(begin / kRowsPerTask)];
        std::vector<float> unit(static_cast<std::size_t>(d_));
        std::vector<PackedLine> rows(static_cast<std::size_t>(kBlock * row_lines_));
        for (index_t first = begin; first < end; first += kBlock) {
            const index_t n = std::clamp<index_t>(y.rows - first, 0, kBlock);
            for (index_t r = 0; r < n; ++r) {
                const index_t j = first + r;
                float scale = 0;
                kernels::Bf16Size size;
                const double start =
                    pack(y.row(j), norms[j], unit.data(), &rows[r * row_lines_], &scale, size);
                if (format_ == PackedFormat::int8) scale_[j] = scale;
                start_[j] = static_cast<float>(start - squared_mean_);
                residuals[j] = size.residual;
                part.include(size);
            }
            const int zero = format_ == PackedFormat::int8 ? kernels::kInt8Zero : 0;
            std::memset(rows.data() + n * row_lines_, zero,
                        static_cast<std::size_t>((kBlock - n) * row_lines_) * sizeof(PackedLine));
            pack_tiles(rows, first);
        }
    });
    for (const kernels::Bf16Size& part : parts) column_size_.include(part);
    return residuals;
}

void DenseFilter::lower_starts(const std::vector<double>& residuals) {
    const double longest = row_size_.norm + row_size_.residual;
    for (std::size_t j = 0; j < residuals.size(); ++j) {
        start_[j] = static_cast<float>(start_[j] - longest * (column_size_.residual - residuals[j]));
        largest_start_ = std::max(largest_start_, std::abs(double{start_[j]}) * kernels::kUpward);
    }
}

void DenseFilter::pack_tiles(const std::vector<PackedLine>& rows, index_t first) {
    PackedLine* const tiles = &packed_[static_cast<std::size_t>(first * row_lines_)];
    if (format_ == PackedFormat::int8) {
        kernels::pack_int8_tiles(rows[0].bytes, d_padded_, reinterpret_cast<std::int8_t*>(tiles),
                                 &offset_[static_cast<std::size_t>(first)]);
    } else {
        kernels::pack_bf16_tiles(reinterpret_cast<const std::uint16_t*>(rows.data()), d_padded_,
                                 reinterpret_cast<std::uint16_t*>(tiles));
    }
}

double DenseFilter::pack(const float* x, double norm, float* unit, PackedLine* out, float* scale,
                         kernels::Bf16Size& size) const {
    const kernels::Table& t = kernels::active();
    double squared_norm, squared_residual;
    unit_row(x, norm, d_, unit);
    if (format_ == PackedFormat::int8) {
        t.int8->pack_rows(unit, d_, 1, d_, mean_.data(), out->bytes, d_padded_, scale, &squared_norm,
                          &squared_residual);
    } else {
        t.bf16->pack_rows(unit, d_, 1, d_, mean_.data(), reinterpret_cast<std::uint16_t*>(out), d_padded_,
                          &squared_norm, &squared_residual);
    }
    size.include(squared_norm, squared_residual);
    return t.dot(mean_.data(), unit, d_);
}

double DenseFilter::pack_row(const float* x, double norm, float* unit, PackedLine* out, float* scale) const {
    kernels::Bf16Size size;
    const double offset = pack(x, norm, unit, out, scale, size);
    return offset - (row_size_.residual - size.residual) * column_size_.norm;
}

kernels::Bf16Size DenseFilter::size_of(MatrixView<const float> x, const std::vector<double>& norms,
                                       int n_threads) const {
    std::vector<kernels::Bf16Size> parts(static_cast<std::size_t>(ceil_div(x.rows, kRowsPerTask)));
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        std::vector<float> unit(static_cast<std::size_t>(d_));
        std::vector<PackedLine> row(static_cast<std::size_t>(row_lines_));
        float scale;
        for (index_t i = begin; i < end; ++i)
            pack(x.row(i), norms[i], unit.data(), row.data(), &scale, parts[begin / kRowsPerTask]);
    });
    kernels::Bf16Size size;
    for (const kernels::Bf16Size& part : parts) size.include(part);
    return size;
}

// u = 2^-24: two unit rows rounded to float32 are off by 2 u together, adding the offset to a float32 by 4 u, lowering a start by
// 2 u; four sums of d products in float64 (start, offset, |mu|^2, canonical score) by (d + 8) 2^-53 each.
double DenseFilter::bound() const {
    const double summed = format_ == PackedFormat::int8
                              ? kernels::int8_sum_error(row_size_, column_size_, largest_start_, d_padded_)
                              : kernels::bf16_sum_error(row_size_, column_size_, largest_start_, d_padded_);
    return kernels::lost_in_packing(row_size_, column_size_) + summed + 0x1p-21 +
           static_cast<double>(d_ + 8) * 0x1p-50;
}

void DenseFilter::find_wanted(const PackedLine* rows, const float* scales, index_t first, index_t n,
                              const kernels::ScoreCuts& cuts, const kernels::ScoreHits& hits) const {
    const kernels::Table& t = kernels::active();
    const PackedLine* const tiles = &packed_[static_cast<std::size_t>(first * row_lines_)];
    const float* const start = start_.data() + first;
    if (format_ == PackedFormat::int8) {
        const kernels::Int8Columns columns = {reinterpret_cast<const std::int8_t*>(tiles),
                                              offset_.data() + first, scale_.data() + first, start};
        t.int8->find_wanted(rows->bytes, d_padded_, scales, columns, n, d_padded_, cuts, hits);
    } else {
        t.bf16->find_wanted(reinterpret_cast<const std::uint16_t*>(rows), d_padded_,
                            reinterpret_cast<const std::uint16_t*>(tiles), start, n, d_padded_, cuts, hits);
    }
}

}  // namespace coterie
