// CSR rows for scores against the means of clusters, split by how many rows have a term.
//
// Most terms are rare, and absent from most centroids. With R the terms of few rows, and c the mean of the rows of a cluster,
//     sum_{j in R} x_ij c_j = share_c sum_{h in c} sum_{j in R} x_ij x_hj:
// the rows h that a row shares rare terms with are found once, and their products serve every pass.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/samples.hpp"
#include "core/large_vector.hpp"

namespace coterie::cluster {

// Rows of equal weight, and the centroids that are their means: c = share[c] * the sum of its rows, of unit length for cosine.
struct Members {
    const std::int32_t* cluster;  // [n_samples]
    std::vector<double> share;    // [k], at most 1
};

class SplitRows {
  public:
    // No value is negative, and so many terms are rare that a fit saves more than this costs.
    static bool pay(const Samples<Sparse>& samples);
    explicit SplitRows(const Samples<Sparse>& samples);

    const std::vector<std::int32_t>& frequent_terms() const { return frequent_; }  // in increasing order
    // The frequent terms of a row; indices are places in frequent_terms().
    SparseRow frequent(index_t i) const {
        const index_t begin = start_[static_cast<std::size_t>(i)],
                      end = start_[static_cast<std::size_t>(i + 1)];
        return {data_.data() + begin, indices_.data() + begin, end - begin, start_.back() - end};
    }
    // Adds the products of the rare terms of m rows to their scores, ld apart, against the means of these members.
    void add_rare(const index_t* rows, index_t m, const Members& members, float* scores, index_t ld) const;
    // At most how far these sums, and the rounding of means, take a score of at most `own` from what it is; the row has n terms.
    double error_of_rare(double norm, index_t n, double own) const;
    // At most this many numbers are added for each term of a row.
    static constexpr index_t kMostRows = 4;

  private:
    struct Kin {
        std::int32_t row, other;
        float product;  // cosine: of the row as it is and the other one of unit length
    };

    class Holders;
    void fill_row(const Samples<Sparse>& samples, index_t i, const Holders& holders);

    double largest_;  // number of a row as it is summed
    std::vector<std::int32_t> frequent_;
    LargeVector<float> data_;
    LargeVector<std::int32_t> indices_;
    std::vector<index_t> start_;
    LargeVector<Kin> kin_;
    std::vector<index_t> kin_start_;
};

}  // namespace coterie::cluster
