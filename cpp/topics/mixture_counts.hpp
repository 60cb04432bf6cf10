// The counts of a Dirichlet multinomial mixture, and what they say about a document.
#pragma once

#include <cstdint>
#include <vector>

#include "core/large_vector.hpp"
#include "core/types.hpp"
#include "topics/term_counts.hpp"

namespace coterie {

// One document: terms with counts >= 1.
struct TermRow {
    const std::int32_t* terms;
    const std::int32_t* counts;
    index_t n;
    std::int64_t length;
};

inline TermRow term_row(const TermCounts& documents, index_t i) {
    const auto at = static_cast<std::size_t>(i);
    const index_t begin = documents.indptr[at];
    return {documents.terms.data() + begin, documents.counts.data() + begin, documents.indptr[at + 1] - begin,
            documents.length[at]};
}

// Cluster k holds m_k documents and n_kw tokens of term w, n_k in all; V terms, K clusters. For a document d that is not
// counted in cluster k (Yin and Wang, KDD 2014, equation 4, without what does not depend on k):
//
//   ln p(k | d) = ln(m_k + alpha) + sum_w sum_{j < N_dw} ln(n_kw + beta + j) - sum_{i < N_d} ln(n_k + V beta + i)
//
// Logarithms of integers plus beta come from one table in float32, are widened and summed in float64 in the order of
// the terms: the same bits on every instruction set. Memory: 8 bytes * V * (K + 1), K + 1 rounded up to 8.
//
// Clusters that hold documents have columns of their own, [0, n_used); all others have the score of the empty column
// behind these, so that the dead cost nothing. Columns move in compact() alone.
class MixtureCounts {
  public:
    // largest_count: no n_kw + N_dw exceeds it, also where d is counted in k.
    MixtureCounts(index_t n_terms, index_t n_clusters, double alpha, double beta, std::int64_t largest_count);

    index_t n_clusters() const { return n_clusters_; }
    index_t most_columns() const { return columns_; }                 // n_clusters and the empty one, padded
    index_t columns() const { return ceil_div(n_used_ + 1, 8) * 8; }  // to be scored now
    // scores[k] = of_columns[the column of k], for all clusters.
    void scores_of_clusters(const double* of_columns, double* scores) const;
    // Gives the columns of dead clusters to living ones from behind.
    void compact();
    std::int64_t size(index_t k) const { return size_[static_cast<std::size_t>(k)]; }

    void add(TermRow document, index_t k) { move(document, k, 1); }
    void remove(TermRow document, index_t k) { move(document, k, -1); }
    // As one move into each cluster: counts of a fitted mixture.
    void add_tokens(index_t k, std::int32_t term, std::int32_t count);
    void add_documents(index_t k, std::int64_t n_documents) {
        if (n_documents > 0) own_column(k);
        size_[static_cast<std::size_t>(k)] += n_documents;
    }

    // out[l * columns()] = ln(m_k + alpha) - sum_{i < lengths[l]} ln(n_k + V beta + i), k the cluster of the column; far
    // below for padding.
    void length_terms(index_t column, const std::vector<std::int64_t>& lengths, double* out) const;
    // Adds the sum over the document's terms to the score of each column. ones: >= document.n floats of 1.
    void add_terms(TermRow document, const float* ones, double* scores) const;
    // The same sum and length term for the cluster k that the document is counted in, as if it were not.
    double score_without(TermRow document, index_t k) const;
    void prefetch(TermRow document) const;

    // ln p(X, z) - ln p(z's prior normaliser): sum_k [ln Gamma(m_k + alpha) - ln Gamma(alpha)]
    //   + sum_kw [ln Gamma(n_kw + beta) - ln Gamma(beta)] - sum_k [ln Gamma(n_k + V beta) - ln Gamma(V beta)]
    //   + ln Gamma(K alpha) - ln Gamma(D + K alpha).
    double log_likelihood() const;

  private:
    void move(TermRow document, index_t k, int sign);
    double rising(std::int64_t tokens, std::int64_t length) const;
    index_t own_column(index_t k);  // gives the cluster a column if it has none
    index_t column_of(index_t k) const { return column_of_[static_cast<std::size_t>(k)]; }
    std::size_t cell(std::int32_t term, index_t column) const {
        return static_cast<std::size_t>(term * columns_ + column);
    }

    index_t n_terms_, n_clusters_, columns_, n_used_ = 0;
    double alpha_, beta_;
    std::vector<float> log_count_;        // ln(n + beta)
    LargeVector<std::int32_t> count_;     // [n_terms][columns]
    LargeVector<float> log_term_;         // [n_terms][columns], ln(count + beta)
    std::vector<index_t> column_of_;      // of each cluster; -1: that of the dead
    std::vector<index_t> cluster_of_;     // of each of the n_used_ columns
    std::vector<std::int64_t> size_;      // m_k
    std::vector<std::int64_t> n_tokens_;  // n_k
};

}  // namespace coterie
