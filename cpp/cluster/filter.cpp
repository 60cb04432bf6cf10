#include "cluster/filter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "kernels/bf16_pack.hpp"
#include "kernels/rounding.hpp"

namespace coterie::cluster {
namespace {

using kernels::gamma;
using kernels::kDoubleRoundoff;
using kernels::kFilterLimit;
using kernels::kFloatRoundoff;
using kernels::kUpward;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr index_t kScoresInCache = 1 << 18;

// The float32 filter: gamma_{n+3} covers products, sums, the rounding of the bias and its subtraction; the
// last term gradual underflow of the products.
RowBound float32_bound(const CentroidNorms& centroids, double squared_norm, index_t n_products) {
    const double norm = std::sqrt(squared_norm), n = static_cast<double>(n_products);
    const double magnitude = norm * centroids.largest_norm + centroids.largest_bias;
    if (!(magnitude < kFilterLimit) || n_products >= (index_t{1} << 22)) return {kInfinity, squared_norm, 0};
    const double error = gamma(n + 3, kFloatRoundoff) * magnitude * kUpward + (n + 1) * 0x1p-148;
    return {error + canonical_error(centroids, norm, n_products), squared_norm, 1e-12 * squared_norm};
}

// A float32 at or a little above value >= 0.
float above(double value) {
    return kernels::next_above(static_cast<float>(value));
}

bool is_run(const index_t* rows, index_t m) {
    return rows[m - 1] - rows[0] == m - 1;
}

}  // namespace

double canonical_error(const CentroidNorms& centroids, double norm, index_t n_products) {
    return gamma(static_cast<double>(n_products) + 3, kDoubleRoundoff) *
           (norm * centroids.largest_norm + centroids.largest_bias) * kUpward;
}

index_t Filter<Sparse>::rows_per_block() const {
    return std::clamp<index_t>(kScoresInCache / k_padded(), 1, 32);
}

void Filter<Sparse>::score(const index_t* rows, index_t m, FilterScratch& scratch) const {
    const kernels::Table& t = kernels::active();
    for (index_t r = 0; r < m; ++r) {
        const SparseRow row = sparse_row(samples_.x, rows[r]);
        t.score_sparse_row(row, centroids_.values.data(), centroids_.ld, centroids_.bias.data(), k_padded(),
                           scratch.scores.data() + r * k_padded());
        scratch.bounds[static_cast<std::size_t>(r)] =
            float32_bound(centroids_, samples_.squared_norm[static_cast<std::size_t>(rows[r])], row.nnz);
    }
}

Filter<Dense>::Filter(const Samples<Dense>& samples, const Centroids<Dense>& centroids, const Bf16Rows* bf16)
    : samples_(samples), centroids_(centroids), bf16_(bf16) {
    if (bf16_ != nullptr) {
        k_padded_ = kernels::bf16_columns(centroids.k);
        rows_per_block_ = kernels::kBf16Rows;
        pack_bf16();
    } else {
        k_padded_ = centroids.k_padded;
        rows_per_block_ = std::clamp<index_t>(kScoresInCache / k_padded_, 8, 64);
    }
}

void Filter<Dense>::score(const index_t* rows, index_t m, FilterScratch& scratch) const {
    if (bf16_ != nullptr) {
        score_bf16(rows, m, scratch);
    } else {
        score_float32(rows, m, scratch);
    }
}

void Filter<Dense>::score_float32(const index_t* rows, index_t m, FilterScratch& scratch) const {
    const index_t d = samples_.x.cols;
    const float* x = samples_.x.row(rows[0]);
    index_t ldx = samples_.x.stride;
    if (!is_run(rows, m)) {
        scratch.gathered.resize(static_cast<std::size_t>(rows_per_block_ * d));
        for (index_t r = 0; r < m; ++r)
            std::copy(samples_.x.row(rows[r]), samples_.x.row(rows[r]) + d, scratch.gathered.data() + r * d);
        x = scratch.gathered.data();
        ldx = d;
    }
    kernels::active().score_block(x, ldx, m, centroids_.packed.data(), centroids_.bias.data(), k_padded_, d,
                                  scratch.scores.data(), k_padded_);
    for (index_t r = 0; r < m; ++r)
        scratch.bounds[static_cast<std::size_t>(r)] =
            float32_bound(centroids_, samples_.squared_norm[static_cast<std::size_t>(rows[r])], d);
}

void Filter<Dense>::pack_bf16() {
    const index_t k = centroids_.k, d = centroids_.d, d_padded = bf16_->d_padded();
    const kernels::Bf16Table& t = *kernels::active().bf16;
    const std::vector<float>& mean = bf16_->mean();
    packed_.resize(static_cast<std::size_t>(kernels::bf16_packed_size(k_padded_, d_padded)));
    start_.assign(static_cast<std::size_t>(k_padded_), kernels::kPadScore);
    std::vector<double> norm(static_cast<std::size_t>(k_padded_), 0), residual(norm), bias(norm);
    parallel_for_rows(
        k_padded_, kernels::kBf16Columns, samples_.n_threads, [&](index_t begin, index_t end, int) {
            std::vector<std::uint16_t> rows(static_cast<std::size_t>((end - begin) * d_padded), 0);
            for (index_t c = begin; c < std::min(end, k); ++c) {
                const auto s = static_cast<std::size_t>(c);
                t.pack_rows(centroids_.row(c), d, 1, d, mean.data(), rows.data() + (c - begin) * d_padded,
                            d_padded, &norm[s], &residual[s]);
                // s(x, c) = <x - mu, c - mu> - (half_norm - <mu, c>) + a term of x alone
                bias[s] = centroids_.half_norm[s] - kernels::active().dot(mean.data(), centroids_.row(c), d);
            }
            kernels::pack_bf16_tiles(rows.data(), d_padded, packed_.data() + begin * d_padded);
        });
    // The column-independent part of the bias belongs to the row: without it the float32 scores keep more
    // digits.
    const double shift = k > 0 ? *std::min_element(bias.begin(), bias.begin() + k) : 0;
    for (std::size_t c = 0; c < static_cast<std::size_t>(k); ++c) {
        start_[c] = -static_cast<float>(bias[c] - shift);
        column_size_.include(norm[c], residual[c]);
        largest_bias_ = std::max(largest_bias_, (bias[c] - shift) * kUpward);
    }
    const double squared_mean = kernels::active().dot(mean.data(), mean.data(), d);
    mean_norm_ = std::sqrt(squared_mean) * kUpward;
    norm_shift_ = squared_mean + 2 * shift;
}

void Filter<Dense>::score_bf16(const index_t* rows, index_t m, FilterScratch& scratch) const {
    const index_t d_padded = bf16_->d_padded();
    float norms[kernels::kBf16Rows], residuals[kernels::kBf16Rows];
    const std::uint16_t* const block = bf16_->block(rows, m, scratch, norms, residuals);
    kernels::active().bf16->score_block(block, d_padded, packed_.data(), start_.data(), k_padded_, d_padded,
                                        scratch.scores.data(), k_padded_);
    const double biased = gamma(static_cast<double>(d_padded) + 8, kDoubleRoundoff) *
                          (mean_norm_ * (centroids_.largest_norm + mean_norm_) + centroids_.largest_bias);
    for (index_t r = 0; r < m; ++r) {
        const kernels::Bf16Size row{norms[r], residuals[r]};
        const double raw = std::sqrt(samples_.squared_norm[static_cast<std::size_t>(rows[r])]);
        RowBound& bound = scratch.bounds[static_cast<std::size_t>(r)];
        bound.squared_norm = row.norm * row.norm + norm_shift_;
        bound.norm_error = 4e-6 * row.norm * row.norm;
        bound.error = kernels::bf16_error(row, column_size_, largest_bias_, d_padded) + biased * kUpward +
                      canonical_error(centroids_, raw, d_padded);
        if (!(raw * centroids_.largest_norm < kFilterLimit)) bound.error = kInfinity;
    }
}

Bf16Rows::Bf16Rows(const Samples<Dense>& samples, bool keep_packed)
    : samples_(samples),
      d_padded_(kernels::bf16_depth(samples.x.cols)),
      mean_(static_cast<std::size_t>(samples.x.cols), 0.0f) {
    const index_t n = samples.x.rows, d = samples.x.cols;
    constexpr index_t kColumnsPerTask = 64;
    // A sample is as good: any mu keeps the scores exact, the mean only keeps the bound small.
    const index_t step = std::max<index_t>(1, n / 16384);
    parallel_for_rows(d, kColumnsPerTask, samples.n_threads, [&](index_t begin, index_t end, int) {
        double sum[kColumnsPerTask] = {};
        index_t count = 0;
        for (index_t i = 0; i < n; i += step, ++count)
            for (index_t j = begin; j < end; ++j) sum[j - begin] += samples.x.row(i)[j];
        for (index_t j = begin; j < end; ++j)
            mean_[static_cast<std::size_t>(j)] =
                static_cast<float>(sum[j - begin] / static_cast<double>(count));
    });
    if (!keep_packed) return;
    packed_.resize(static_cast<std::size_t>(n * d_padded_));
    norm_.resize(static_cast<std::size_t>(n));
    residual_.resize(static_cast<std::size_t>(n));
    parallel_for_rows(n, 256, samples.n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i)
            pack(i, packed_.data() + i * d_padded_, &norm_[static_cast<std::size_t>(i)],
                 &residual_[static_cast<std::size_t>(i)]);
    });
}

void Bf16Rows::pack(index_t i, std::uint16_t* out, float* norm, float* residual) const {
    double squared_norm, squared_residual;
    kernels::active().bf16->pack_rows(samples_.x.row(i), samples_.x.stride, 1, samples_.x.cols, mean_.data(),
                                      out, d_padded_, &squared_norm, &squared_residual);
    kernels::Bf16Size size;
    size.include(squared_norm, squared_residual);
    *norm = above(size.norm);
    *residual = above(size.residual);
}

const std::uint16_t* Bf16Rows::block(const index_t* rows, index_t m, FilterScratch& scratch, float* norm,
                                     float* residual) const {
    if (!packed_.empty()) {
        for (index_t r = 0; r < m; ++r) {
            norm[r] = norm_[static_cast<std::size_t>(rows[r])];
            residual[r] = residual_[static_cast<std::size_t>(rows[r])];
        }
        if (m == kernels::kBf16Rows && is_run(rows, m)) return packed_.data() + rows[0] * d_padded_;
    }
    scratch.gathered_bf16.resize(static_cast<std::size_t>(kernels::kBf16Rows * d_padded_));
    for (index_t r = 0; r < m; ++r) {
        std::uint16_t* const out = scratch.gathered_bf16.data() + r * d_padded_;
        if (!packed_.empty()) {
            std::copy(packed_.data() + rows[r] * d_padded_, packed_.data() + (rows[r] + 1) * d_padded_, out);
        } else {
            pack(rows[r], out, &norm[r], &residual[r]);
        }
    }
    return scratch.gathered_bf16.data();
}

}  // namespace coterie::cluster
