// The cheap scores that come before the canonical ones, and the proof that goes with them (KERNELS contract,
// section 2).
//
// For a row x and the columns c of a filter, s'(x, c) approximates s(x, c) up to a term that depends on x
// alone:
//     | s'(x, c) + offset(x) - s(x, c) | <= error(x)     for every c,
// where s is the canonical float64 score with its own rounding included. So max s' - 2 error leaves every
// possible label.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "cluster/centroid_differences.hpp"
#include "cluster/centroids.hpp"
#include "cluster/packed_rows.hpp"
#include "cluster/packed_terms.hpp"
#include "cluster/samples.hpp"
#include "core/large_vector.hpp"
#include "kernels/bf16_pack.hpp"
#include "kernels/rounding.hpp"

namespace coterie::cluster {

// What a filter says of one row beside its scores.
struct RowBound {
    double error = 0;  // see above; infinity: the filter says nothing, compare with every centroid
    // Euclidean: | squared_norm - 2 (s' + [-error, error]) - squared distance | <= norm_error.
    double squared_norm = 0;
    double norm_error = 0;
    // At least what a canonical score and the bias round. With y' the packed row,
    // residual >= |x - mu - y'| and kept >= |y'|.
    double rounding = 0;
    double residual = 0, kept = 0;
};

// Scratch of one thread; grows to what it is used for.
struct FilterScratch {
    std::vector<float> scores;  // [block][scores_stride]
    std::vector<float> maxima;  // of one row's scores, see kernels::Table::top_two
    // CSR rows: [block] of one block, see Filter<Sparse>::settle.
    std::vector<float> steps, best, second;
    std::vector<std::int32_t> column, certain;
    std::vector<float> gathered;
    PackedBlock packed;
    CentroidDifferences differences;
    std::vector<RowBound> bounds;          // [block]
    std::vector<std::int32_t> candidates;  // [k_padded]
    std::vector<double> canonical;         // scores of candidates
    std::vector<index_t> active, contested, exposed;
    std::vector<unsigned> undecided;  // rivals of the block's contested rows, a bit each
};

// Bound on the rounding of the canonical score of a row of length norm with n_products terms, for any
// centroid.
double canonical_error(const CentroidNorms& centroids, double norm, index_t n_products);

// The float32 filter's error (see above) for rows of n_products terms, by their length.
class Float32Error {
  public:
    Float32Error(const CentroidNorms& centroids, index_t n_products);

    // Infinity where scores may overflow.
    double operator()(double norm) const {
        const double magnitude = norm * largest_norm_ + largest_bias_;
        return magnitude < kernels::kFilterLimit ? rate_ * magnitude + below_range_
                                                 : std::numeric_limits<double>::infinity();
    }

  private:
    double largest_norm_, largest_bias_;
    double rate_ = std::numeric_limits<double>::infinity(), below_range_ = 0;
};

// Rows of scores are a cache line longer than they need be: where a row fills whole pages, the lines of a tile would fall into
// one set of the cache.
inline constexpr index_t kStrideLine = 16;

// Up to so many centroids a row's best one and its runners-up are pairs that many rows share, in one pass over all rows.
inline constexpr index_t kRecurringPairs = 128;

template <typename View>
class Filter;

template <>
class Filter<Dense> {
  public:
    using Packed = const PackedRows;  // the rows in a small format
    // Whether rows remember the runner-up even where it is certain to lose, for later passes.
    static constexpr bool kKeepsRivals = true;
    // Scoring a row against so few centroids costs no more than against those alone that moved far.
    static constexpr index_t kScoredAtOnce = 63;

    // packed: the rows for a filter on a small format, or null for the float32 one.
    Filter(const Samples<Dense>& samples, const Centroids<Dense>& centroids, const PackedRows* packed);

    index_t k_padded() const { return k_padded_; }
    index_t scores_stride() const { return k_padded_ + kStrideLine; }
    index_t rows_per_block() const { return rows_per_block_; }
    // scratch.scores[r * scores_stride() + c] and scratch.bounds[r] for the m <= rows_per_block() rows listed.
    void score(const index_t* rows, index_t m, FilterScratch& scratch) const;
    // scratch.bounds[r] and what least_difference asks for, without scores, for m <= rows_per_block() rows; the list goes on
    // for `following` more.
    void load(const index_t* rows, index_t m, index_t following, FilterScratch& scratch) const;
    // Columns within reach() * error below the best are worth comparing with it.
    double reach() const { return packed_rows_ == nullptr ? 2 : 4; }
    // Whether least_difference may be asked about the block that was scored or loaded last.
    bool compares_pairs(const FilterScratch& scratch) const {
        return packed_rows_ != nullptr && scratch.packed.row[0] != nullptr;
    }
    // A lower bound of s(x, a) - s(x, b) for row r of that block. recurs: the pair comes up for many rows.
    double least_difference(index_t r, index_t a, index_t b, bool recurs, FilterScratch& scratch) const;
    // Whether the pairs of rows that are scored against all centroids recur; those of a row's rivals do.
    bool pairs_recur() const { return centroids_.k <= kRecurringPairs; }
    // Whether offset(x) is known: 0, or by RowBound::squared_norm.
    bool knows_offset() const { return packed_rows_ == nullptr || centroids_.metric == Metric::euclidean; }

  private:
    void score_float32(const index_t* rows, index_t m, FilterScratch& scratch) const;
    void score_packed(const index_t* rows, index_t m, FilterScratch& scratch) const;
    void bound_float32(const index_t* rows, index_t m, FilterScratch& scratch) const;
    void bound_packed(index_t m, FilterScratch& scratch) const;
    void bound_pairs(index_t m, FilterScratch& scratch) const;
    // Of <x - mu, a - b> for row r of the block, and how far it may be off.
    struct Product {
        double value, error;
    };
    Product product_of_codes(index_t r, const CentroidDifferences::Difference& difference, double sign,
                             const FilterScratch& scratch) const;
    Product product_of_floats(index_t r, index_t a, index_t b, const FilterScratch& scratch) const;
    void pack_columns();
    void pack_column_block(index_t begin, index_t end, std::vector<double>& norm,
                           std::vector<double>& residual);

    const Samples<Dense>& samples_;
    const Centroids<Dense>& centroids_;
    const PackedRows* packed_rows_;
    index_t k_padded_, rows_per_block_;
    LargeVector<std::uint8_t> packed_;  // centroids minus the mean in tiles
    std::vector<float> start_;          // [k_padded] minus the bias in centred coordinates
    std::vector<float> scale_;          // [k_padded] int8 only, as offset_
    std::vector<std::int32_t> offset_;
    std::vector<double> bias_;  // [k_padded] s(x, c) = <x - mu, c - mu> - bias + a term of x alone
    kernels::Bf16Size column_size_;
    double largest_bias_ = 0;
    double mean_norm_ = 0;
    // What the bias rounds: see RowBound::rounding.
    double bias_rounding_ = 0;
    double norm_shift_ = 0;  // squared distance = |x - mu|^2 + norm_shift - 2 s'
};

template <>
class Filter<Sparse> {
  public:
    // A row's few terms are soon scored against all centroids, and far movers spoil the bounds of most rows until late.
    static constexpr bool kKeepsRivals = false;
    static constexpr index_t kScoredAtOnce = 128;
    using Packed = PackedTerms;

    // packed: takes the centroids in bytes, or null for the float32 filter.
    Filter(const Samples<Sparse>& samples, const Centroids<Sparse>& centroids, PackedTerms* packed);

    index_t k_padded() const { return centroids_.k_padded; }
    index_t scores_stride() const { return k_padded() + kStrideLine; }
    index_t rows_per_block() const;
    void score(const index_t* rows, index_t m, FilterScratch& scratch) const;
    // The same, with bounds only of rows for which scratch.certain[r] is -1; elsewhere it is the label, as the bound would say.
    void settle(const index_t* rows, index_t m, FilterScratch& scratch) const;
    void load(const index_t* rows, index_t m, index_t following, FilterScratch& scratch) const;
    double reach() const { return 2; }
    bool compares_pairs(const FilterScratch&) const { return false; }
    double least_difference(index_t, index_t, index_t, bool, FilterScratch&) const { return 0; }
    bool pairs_recur() const { return false; }
    bool knows_offset() const { return true; }

  private:
    void score_rows(const index_t* rows, index_t m, FilterScratch& scratch) const;
    // See above, for a row of this length; steps: sum_j |x_j| step_j of terms in bytes.
    double error(double norm, index_t n_products, float steps) const;
    RowBound bound(index_t i, float steps) const;

    const Samples<Sparse>& samples_;
    const Centroids<Sparse>& centroids_;
    const PackedTerms* packed_ = nullptr;
};

}  // namespace coterie::cluster
