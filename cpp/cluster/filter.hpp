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
#include <memory>
#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/samples.hpp"
#include "core/large_vector.hpp"
#include "kernels/bf16_pack.hpp"

namespace coterie::cluster {

// What a filter says of one row beside its scores.
struct RowBound {
    double error = 0;  // see above; infinity: the filter says nothing, compare with every centroid
    // Euclidean: | squared_norm - 2 (s' + [-error, error]) - squared distance | <= norm_error.
    double squared_norm = 0;
    double norm_error = 0;
};

// Scratch of one thread; grows to what it is used for.
struct FilterScratch {
    std::vector<float> scores;  // [block][k_padded]
    std::vector<float> gathered;
    std::vector<std::uint16_t> gathered_bf16;
    std::vector<RowBound> bounds;          // [block]
    std::vector<std::int32_t> candidates;  // [k_padded]
    std::vector<index_t> active;
};

// Bound on the rounding of the canonical score of a row of length norm with n_products terms, for any
// centroid.
double canonical_error(const CentroidNorms& centroids, double norm, index_t n_products);

// Rows minus their mean, in bfloat16, with what was lost measured. Made once a fit.
class Bf16Rows {
  public:
    // keep_packed: hold the bfloat16 copy (2 bytes an element); otherwise rows are packed each time they are
    // scored.
    Bf16Rows(const Samples<Dense>& samples, bool keep_packed);

    const std::vector<float>& mean() const { return mean_; }
    index_t d_padded() const { return d_padded_; }
    // kBf16Rows packed rows of which the first m are those listed; norm[r] >= |x_r - mu| and residual[r] >=
    // what bfloat16 lost of it, both close.
    const std::uint16_t* block(const index_t* rows, index_t m, FilterScratch& scratch, float* norm,
                               float* residual) const;

  private:
    void pack(index_t i, std::uint16_t* out, float* norm, float* residual) const;

    const Samples<Dense>& samples_;
    index_t d_padded_;
    std::vector<float> mean_;
    LargeVector<std::uint16_t> packed_;   // [n][d_padded], or empty
    std::vector<float> norm_, residual_;  // [n], only with packed_
};

template <typename View>
class Filter;

template <>
class Filter<Dense> {
  public:
    // bf16: the rows for the bfloat16 filter, or null for the float32 one.
    Filter(const Samples<Dense>& samples, const Centroids<Dense>& centroids, const Bf16Rows* bf16);

    index_t k_padded() const { return k_padded_; }
    index_t rows_per_block() const { return rows_per_block_; }
    // scratch.scores[r * k_padded + c] and scratch.bounds[r] for the m <= rows_per_block() rows listed.
    void score(const index_t* rows, index_t m, FilterScratch& scratch) const;

  private:
    void score_float32(const index_t* rows, index_t m, FilterScratch& scratch) const;
    void score_bf16(const index_t* rows, index_t m, FilterScratch& scratch) const;
    void pack_bf16();

    const Samples<Dense>& samples_;
    const Centroids<Dense>& centroids_;
    const Bf16Rows* bf16_;
    index_t k_padded_, rows_per_block_;
    LargeVector<std::uint16_t> packed_;  // centroids minus the mean in tiles
    std::vector<float> start_;           // [k_padded] minus the bias in centred coordinates
    kernels::Bf16Size column_size_;
    double largest_bias_ = 0;
    double mean_norm_ = 0;
    double norm_shift_ = 0;  // squared distance = |x - mu|^2 + norm_shift - 2 s'
};

template <>
class Filter<Sparse> {
  public:
    Filter(const Samples<Sparse>& samples, const Centroids<Sparse>& centroids, const Bf16Rows*)
        : samples_(samples), centroids_(centroids) {}

    index_t k_padded() const { return centroids_.k_padded; }
    index_t rows_per_block() const;
    void score(const index_t* rows, index_t m, FilterScratch& scratch) const;

  private:
    const Samples<Sparse>& samples_;
    const Centroids<Sparse>& centroids_;
};

}  // namespace coterie::cluster
