// Centroids in the layout their rows' kind wants, with the canonical norms and the packed copy the filter
// reads.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/samples.hpp"
#include "core/large_vector.hpp"

namespace coterie::cluster {

// What both layouts carry. The score that decides (KERNELS contract): s(x, c) = <x, c> - half_norm[c].
struct CentroidNorms {
    std::vector<double> squared_norm;  // [k] canonical |c|^2
    std::vector<double> half_norm;     // [k] canonical |c|^2 / 2; 0 for cosine
    std::vector<float> bias;           // [k padded] half_norm in float32; padding columns score kPadScore
    double largest_norm = 0;           // max_c |c|, rounded upward
    double largest_bias = 0;           // max_c half_norm, rounded upward

    void set(std::vector<double> squared_norm, Metric metric, index_t k_padded);
};

template <typename View>
class Centroids;

// Row-major, and packed in panels for Table::score_block.
template <>
class Centroids<Dense> : public CentroidNorms {
  public:
    Centroids(index_t k, index_t d, Metric metric) : k(k), d(d), metric(metric) {
        values.assign(static_cast<std::size_t>(k * d), 0.0f);
    }

    float* row(index_t c) { return values.data() + c * d; }
    const float* row(index_t c) const { return values.data() + c * d; }
    MatrixView<const float> view() const { return {values.data(), k, d, d}; }

    // From k rows of d floats, as they are.
    void assign_rows(const float* rows, int n_threads);
    // Scales every centroid to unit length (a zero one stays zero): how Metric::cosine starts.
    void normalise(int n_threads);
    void copy_rows(float* out, int n_threads) const;
    // These alone, ready to be scored.
    Centroids select(const std::vector<std::int32_t>& chosen, int n_threads) const;
    // Recomputes norms and the packed copy after values changed.
    void prepare(int n_threads);

    index_t k, d;
    index_t k_padded = 0;
    Metric metric;
    LargeVector<float> values;  // [k][d]
    LargeVector<float> packed;
};

// Term-major: the k weights of one feature are together, so one nonzero of a row meets them with SIMD over k.
template <>
class Centroids<Sparse> : public CentroidNorms {
  public:
    Centroids(index_t k, index_t d, Metric metric);

    float* term(index_t j) { return values.data() + j * ld; }
    const float* term(index_t j) const { return values.data() + j * ld; }

    void assign_rows(const float* rows, int n_threads);
    void normalise(int n_threads);
    void copy_rows(float* out, int n_threads) const;
    Centroids select(const std::vector<std::int32_t>& chosen, int n_threads) const;
    void prepare(int n_threads);
    // As prepare, when the canonical squared norms [k] are already known.
    void set_norms(std::vector<double> squared_norm);

    index_t k, d;
    index_t ld;  // k rounded up to a cache line of floats
    index_t k_padded = 0;
    Metric metric;
    LargeZeros<float> values;  // [d][ld], zero in the padding
};

// The weights that are not +0, by term.
struct NonzeroWeights {
    std::vector<index_t> start;  // [d + 1]
    std::vector<std::int32_t> cluster;
    std::vector<float> value;
};
NonzeroWeights nonzero_weights(const Centroids<Sparse>& centroids, int n_threads);

// The canonical score of row i and centroid c.
inline double canonical_score(const kernels::Table& t, const Dense& x, index_t i,
                              const Centroids<Dense>& centroids, index_t c) {
    return t.dot(x.row(i), centroids.row(c), centroids.d) - centroids.half_norm[static_cast<std::size_t>(c)];
}

inline double canonical_score(const kernels::Table&, const Sparse& x, index_t i,
                              const Centroids<Sparse>& centroids, index_t c) {
    const SparseRow row = sparse_row(x, i);
    double sum = 0;
    for (index_t p = 0; p < row.nnz; ++p)
        sum += double{row.data[p]} * double{centroids.term(row.indices[p])[c]};
    return sum - centroids.half_norm[static_cast<std::size_t>(c)];
}

}  // namespace coterie::cluster
