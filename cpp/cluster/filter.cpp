#include "cluster/filter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "kernels/bf16_pack.hpp"
#include "kernels/int8_pack.hpp"
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

RowBound row_bound(const CentroidNorms& centroids, double squared_norm, index_t n_products, double error) {
    if (error == kInfinity) return {kInfinity, squared_norm, 0};
    return {error, squared_norm, 1e-12 * squared_norm,
            canonical_error(centroids, std::sqrt(squared_norm), n_products)};
}

RowBound float32_bound(const CentroidNorms& centroids, double squared_norm, index_t n_products) {
    return row_bound(centroids, squared_norm, n_products,
                     Float32Error(centroids, n_products)(std::sqrt(squared_norm)));
}

// The error of the filter on bytes: what the codes lost, and float32 sums of n products of at most kMostCode steps, of the bias
// and, where rows are split, of rare terms' products; infinity where scores may overflow.
double packed_error(const CentroidNorms& centroids, double norm, index_t n_products, float steps,
                    const SplitRows* split) {
    const double n = static_cast<double>(n_products);
    const double n_sums = split != nullptr ? SplitRows::kMostRows * n : n;
    const double rounding = gamma(n_sums + 6, kFloatRoundoff);
    const double step = steps * (1 + 2 * rounding);
    const double rare = split != nullptr ? norm * centroids.largest_norm : 0;
    const double lost_in_rare = split != nullptr ? split->error_of_rare(norm, n_products, rare) : 0;
    const double most = kernels::kMostCode * step + centroids.largest_bias + rare;
    if (!(norm * centroids.largest_norm < kFilterLimit && most < kFilterLimit) ||
        n_products >= (index_t{1} << 20))
        return kInfinity;
    return (kernels::kLostInCode * step + rounding * most + lost_in_rare) * kUpward + (n + 1) * 0x1p-140 +
           canonical_error(centroids, norm, n_products);
}

bool is_run(const index_t* rows, index_t m) {
    return rows[m - 1] - rows[0] == m - 1;
}

}  // namespace

double canonical_error(const CentroidNorms& centroids, double norm, index_t n_products) {
    return gamma(static_cast<double>(n_products) + 3, kDoubleRoundoff) *
           (norm * centroids.largest_norm + centroids.largest_bias) * kUpward;
}

// gamma_{n+3} covers products, sums, the rounding of the bias and its subtraction; the last term gradual underflow of the
// products.
Float32Error::Float32Error(const CentroidNorms& centroids, index_t n_products)
    : largest_norm_(centroids.largest_norm), largest_bias_(centroids.largest_bias) {
    const auto n = static_cast<double>(n_products);
    if (n_products >= (index_t{1} << 22)) return;
    rate_ = (gamma(n + 3, kFloatRoundoff) + gamma(n + 3, kDoubleRoundoff)) * kUpward;
    below_range_ = (n + 1) * 0x1p-148;
}

Filter<Sparse>::Filter(const Samples<Sparse>& samples, const Centroids<Sparse>& centroids,
                       PackedTerms* packed)
    : samples_(samples), centroids_(centroids) {
    if (packed != nullptr && packed->pack(centroids, samples.n_threads)) packed_ = packed;
}

index_t Filter<Sparse>::rows_per_block() const {
    return std::clamp<index_t>(kScoresInCache / k_padded(), 1, 32);
}

double Filter<Sparse>::error(double norm, index_t n_products, float steps) const {
    return packed_ != nullptr ? packed_error(centroids_, norm, n_products, steps, packed_->split())
                              : Float32Error(centroids_, n_products)(norm);
}

RowBound Filter<Sparse>::bound(index_t i, float steps) const {
    const double squared_norm = samples_.squared_norm[static_cast<std::size_t>(i)];
    const index_t n_products = sparse_row(samples_.x, i).nnz;
    return row_bound(centroids_, squared_norm, n_products, error(std::sqrt(squared_norm), n_products, steps));
}

void Filter<Sparse>::score_rows(const index_t* rows, index_t m, FilterScratch& scratch) const {
    const kernels::Table& t = kernels::active();
    scratch.steps.resize(static_cast<std::size_t>(rows_per_block()), 0.0f);
    for (index_t r = 0; r < m; ++r) {
        float* const scores = scratch.scores.data() + r * scores_stride();
        if (packed_ != nullptr) {
            scratch.steps[static_cast<std::size_t>(r)] =
                t.score_packed_terms(packed_->row(rows[r]), packed_->lines(), centroids_.k,
                                     centroids_.bias.data(), k_padded(), scores);
        } else {
            t.score_sparse_row(sparse_row(samples_.x, rows[r]), centroids_.values.data(), centroids_.ld,
                               centroids_.bias.data(), k_padded(), scores);
        }
    }
    if (packed_ != nullptr) packed_->add_rest(rows, m, scratch.scores.data(), scores_stride());
}

void Filter<Sparse>::score(const index_t* rows, index_t m, FilterScratch& scratch) const {
    score_rows(rows, m, scratch);
    for (index_t r = 0; r < m; ++r) {
        const auto s = static_cast<std::size_t>(r);
        scratch.bounds[s] = bound(rows[r], scratch.steps[s]);
    }
}

void Filter<Sparse>::settle(const index_t* rows, index_t m, FilterScratch& scratch) const {
    score_rows(rows, m, scratch);
    const auto block = static_cast<std::size_t>(rows_per_block());
    scratch.best.resize(block);
    scratch.second.resize(block);
    scratch.column.resize(block);
    scratch.certain.resize(block);
    kernels::active().top_two_of_rows(scratch.scores.data(), scores_stride(), m, k_padded(),
                                      scratch.best.data(), scratch.second.data(), scratch.column.data());
    // The longest row's error is at least any other's of as many products, and needs no root.
    const double longest = std::sqrt(samples_.largest_squared_norm) * kUpward;
    for (index_t r = 0; r < m; ++r) {
        const auto s = static_cast<std::size_t>(r);
        const double most = error(longest, sparse_row(samples_.x, rows[r]).nnz, scratch.steps[s]);
        const bool is_certain = scratch.second[s] < scratch.best[s] - reach() * most;
        scratch.certain[s] = is_certain ? scratch.column[s] : -1;
        if (!is_certain) scratch.bounds[s] = bound(rows[r], scratch.steps[s]);
    }
}

void Filter<Sparse>::load(const index_t* rows, index_t m, index_t, FilterScratch& scratch) const {
    for (index_t r = 0; r < m; ++r)
        scratch.bounds[static_cast<std::size_t>(r)] =
            float32_bound(centroids_, samples_.squared_norm[static_cast<std::size_t>(rows[r])],
                          sparse_row(samples_.x, rows[r]).nnz);
}

Filter<Dense>::Filter(const Samples<Dense>& samples, const Centroids<Dense>& centroids,
                      const PackedRows* packed)
    : samples_(samples), centroids_(centroids), packed_rows_(packed) {
    if (packed_rows_ != nullptr) {
        k_padded_ = kernels::bf16_columns(centroids.k);
        rows_per_block_ = kPackedRows;
        pack_columns();
    } else {
        k_padded_ = centroids.k_padded;
        rows_per_block_ = std::clamp<index_t>(kScoresInCache / k_padded_, 8, 64);
    }
}

void Filter<Dense>::score(const index_t* rows, index_t m, FilterScratch& scratch) const {
    if (packed_rows_ != nullptr) {
        score_packed(rows, m, scratch);
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
                                  scratch.scores.data(), scores_stride());
    bound_float32(rows, m, scratch);
}

void Filter<Dense>::bound_float32(const index_t* rows, index_t m, FilterScratch& scratch) const {
    for (index_t r = 0; r < m; ++r)
        scratch.bounds[static_cast<std::size_t>(r)] = float32_bound(
            centroids_, samples_.squared_norm[static_cast<std::size_t>(rows[r])], samples_.x.cols);
}

// Rows that would have to be packed first are read in float32 instead: a canonical score costs no more.
void Filter<Dense>::load(const index_t* rows, index_t m, index_t following, FilterScratch& scratch) const {
    if (packed_rows_ != nullptr && packed_rows_->is_kept()) {
        packed_rows_->point_to(rows, m, following, scratch.packed);
        bound_pairs(m, scratch);
    } else {
        scratch.packed.row[0] = nullptr;
        bound_float32(rows, m, scratch);
    }
}

void Filter<Dense>::pack_columns() {
    const index_t k = centroids_.k, d = centroids_.d, d_padded = packed_rows_->d_padded();
    const auto columns = static_cast<std::size_t>(k_padded_);
    const std::vector<float>& mean = packed_rows_->mean();
    packed_.resize(packed_rows_->format() == PackedFormat::int8
                       ? static_cast<std::size_t>(kernels::int8_packed_size(k_padded_, d_padded))
                       : 2 * static_cast<std::size_t>(kernels::bf16_packed_size(k_padded_, d_padded)));
    start_.assign(columns, kernels::kPadScore);
    scale_.assign(columns, 0);
    offset_.assign(columns, 0);
    bias_.assign(columns, 0);
    std::vector<double> norm(columns, 0), residual(columns, 0);
    parallel_for_rows(
        k_padded_, kernels::kBf16Columns, samples_.n_threads,
        [&](index_t begin, index_t end, int) { pack_column_block(begin, end, norm, residual); });
    // The column-independent part of the bias belongs to the row: without it the float32 scores keep more
    // digits.
    const double shift = k > 0 ? *std::min_element(bias_.begin(), bias_.begin() + k) : 0;
    for (std::size_t c = 0; c < static_cast<std::size_t>(k); ++c) {
        start_[c] = -static_cast<float>(bias_[c] - shift);
        column_size_.include(norm[c], residual[c]);
        largest_bias_ = std::max(largest_bias_, (bias_[c] - shift) * kUpward);
    }
    const double squared_mean = kernels::active().dot(mean.data(), mean.data(), d);
    mean_norm_ = std::sqrt(squared_mean) * kUpward;
    norm_shift_ = squared_mean + 2 * shift;
    bias_rounding_ = gamma(static_cast<double>(d_padded) + 8, kDoubleRoundoff) *
                     (mean_norm_ * (centroids_.largest_norm + mean_norm_) + centroids_.largest_bias) *
                     kUpward;
}

void Filter<Dense>::pack_column_block(index_t begin, index_t end, std::vector<double>& norm,
                                      std::vector<double>& residual) {
    const kernels::Table& t = kernels::active();
    const index_t d = centroids_.d, d_padded = packed_rows_->d_padded();
    const bool is_int8 = packed_rows_->format() == PackedFormat::int8;
    const float* const mean = packed_rows_->mean().data();
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(is_int8 ? kernels::kInt8Columns * d_padded : 0),
                                    kernels::kInt8Zero);
    std::vector<std::uint16_t> halves(
        static_cast<std::size_t>(is_int8 ? 0 : kernels::kBf16Columns * d_padded), 0);
    for (index_t c = begin; c < std::min(end, centroids_.k); ++c) {
        const auto s = static_cast<std::size_t>(c);
        if (is_int8) {
            t.int8->pack_rows(centroids_.row(c), d, 1, d, mean, bytes.data() + (c - begin) * d_padded,
                              d_padded, &scale_[s], &norm[s], &residual[s]);
        } else {
            t.bf16->pack_rows(centroids_.row(c), d, 1, d, mean, halves.data() + (c - begin) * d_padded,
                              d_padded, &norm[s], &residual[s]);
        }
        bias_[s] = centroids_.half_norm[s] - t.dot(mean, centroids_.row(c), d);
    }
    std::uint8_t* const tiles = packed_.data() + begin * packed_rows_->row_bytes();
    if (is_int8) {
        kernels::pack_int8_tiles(bytes.data(), d_padded, reinterpret_cast<std::int8_t*>(tiles),
                                 offset_.data() + begin);
    } else {
        kernels::pack_bf16_tiles(halves.data(), d_padded, reinterpret_cast<std::uint16_t*>(tiles));
    }
}

void Filter<Dense>::score_packed(const index_t* rows, index_t m, FilterScratch& scratch) const {
    const index_t d_padded = packed_rows_->d_padded();
    const bool is_int8 = packed_rows_->format() == PackedFormat::int8;
    PackedBlock& block = scratch.packed;
    packed_rows_->load(rows, m, block);
    const kernels::Table& t = kernels::active();
    if (is_int8) {
        const kernels::Int8Columns columns = {reinterpret_cast<const std::int8_t*>(packed_.data()),
                                              offset_.data(), scale_.data(), start_.data()};
        t.int8->score_block(block.rows, d_padded, block.scale, columns, k_padded_, d_padded,
                            scratch.scores.data(), scores_stride());
    } else {
        t.bf16->score_block(reinterpret_cast<const std::uint16_t*>(block.rows), d_padded,
                            reinterpret_cast<const std::uint16_t*>(packed_.data()), start_.data(), k_padded_,
                            d_padded, scratch.scores.data(), scores_stride());
    }
    bound_packed(m, scratch);
}

// What least_difference asks of a bound.
void Filter<Dense>::bound_pairs(index_t m, FilterScratch& scratch) const {
    const PackedBlock& block = scratch.packed;
    for (index_t r = 0; r < m; ++r) {
        RowBound& bound = scratch.bounds[static_cast<std::size_t>(r)];
        const double norm = block.norm[r];
        bound.residual = block.residual[r];
        bound.kept = norm + bound.residual;
        bound.rounding = bias_rounding_ +
                         canonical_error(centroids_, (norm + mean_norm_) * kUpward, packed_rows_->d_padded());
    }
}

void Filter<Dense>::bound_packed(index_t m, FilterScratch& scratch) const {
    bound_pairs(m, scratch);
    const index_t d_padded = packed_rows_->d_padded();
    const bool is_int8 = packed_rows_->format() == PackedFormat::int8;
    const PackedBlock& block = scratch.packed;
    for (index_t r = 0; r < m; ++r) {
        const kernels::Bf16Size row{block.norm[r], block.residual[r]};
        const double raw = (row.norm + mean_norm_) * kUpward;  // >= |x|, without its root
        const double summed = is_int8 ? kernels::int8_sum_error(row, column_size_, largest_bias_, d_padded)
                                      : kernels::bf16_sum_error(row, column_size_, largest_bias_, d_padded);
        RowBound& bound = scratch.bounds[static_cast<std::size_t>(r)];
        bound.squared_norm = row.norm * row.norm + norm_shift_;
        bound.norm_error = 4e-6 * row.norm * row.norm;
        bound.error = bound.rounding + summed + kernels::lost_in_packing(row, column_size_);
        if (!(raw * centroids_.largest_norm < kFilterLimit)) bound.error = kInfinity;
    }
}

// s(x, a) - s(x, b) = <y, a - b> - (bias_a - bias_b) with y = x - mu, and <y, a - b> is within residual |a - b| of
// <y', a - b>: a bound far below the sum of two scores' errors, since candidates of one row lie close together.
double Filter<Dense>::least_difference(index_t r, index_t a, index_t b, bool recurs,
                                       FilterScratch& scratch) const {
    const CentroidDifferences::Difference* const difference =
        recurs && packed_rows_->format() == PackedFormat::int8
            ? scratch.differences.find(centroids_, std::min(a, b), std::max(a, b))
            : nullptr;
    const Product product = difference != nullptr ? product_of_codes(r, *difference, a < b ? 1 : -1, scratch)
                                                  : product_of_floats(r, a, b, scratch);
    const double biases = bias_[static_cast<std::size_t>(a)] - bias_[static_cast<std::size_t>(b)];
    const double rounding = scratch.bounds[static_cast<std::size_t>(r)].rounding;
    return product.value - biases - (2 * rounding + product.error) * kUpward;
}

// The integer sum is exact, and its two factors round far less than a canonical score does.
Filter<Dense>::Product Filter<Dense>::product_of_codes(index_t r,
                                                       const CentroidDifferences::Difference& difference,
                                                       double sign, const FilterScratch& scratch) const {
    const RowBound& bound = scratch.bounds[static_cast<std::size_t>(r)];
    const std::uint32_t sum =
        kernels::active().int8->multiply(scratch.packed.row[r], difference.codes, packed_rows_->d_padded());
    const auto exact = static_cast<std::int32_t>(sum + difference.offset);
    const double scale = sign * double{scratch.packed.scale[r]} * difference.step;
    return {scale * exact, bound.residual * difference.length +
                               bound.kept * (difference.lost + 4 * kDoubleRoundoff * difference.length)};
}

Filter<Dense>::Product Filter<Dense>::product_of_floats(index_t r, index_t a, index_t b,
                                                        const FilterScratch& scratch) const {
    const kernels::Table& t = kernels::active();
    const RowBound& bound = scratch.bounds[static_cast<std::size_t>(r)];
    const std::uint8_t* const row = scratch.packed.row[r];
    const index_t d = centroids_.d;
    const float *const x = centroids_.row(a), *const y = centroids_.row(b);
    // What float32 sums of d terms round, and what falls below its range: in int8 before the row's scale comes to it.
    const double rounding = gamma(static_cast<double>(d) + 8, kFloatRoundoff);
    double below_range = static_cast<double>(d + 1) * 0x1p-148;
    float product, squared;
    if (packed_rows_->format() == PackedFormat::int8) {
        const float scale = scratch.packed.scale[r];
        t.int8->compare(row, scale, x, y, d, &product, &squared);
        below_range *= 1 + double{scale};
    } else {
        t.bf16->compare(reinterpret_cast<const std::uint16_t*>(row), x, y, d, &product, &squared);
    }
    const double distance =
        std::sqrt(double{squared} * (1 + rounding) + static_cast<double>(d) * 0x1p-148) * kUpward;
    return {product, (bound.residual + rounding * bound.kept) * distance + below_range};
}

}  // namespace coterie::cluster
