#include "topics/mixture_counts.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "core/elementary.hpp"
#include "core/prefetch.hpp"
#include "kernels/kernels.hpp"

namespace coterie {
namespace {

// Below every score of a cluster, and still far from overflow when terms are added.
constexpr double kPadding = -1e300;

}  // namespace

MixtureCounts::MixtureCounts(index_t n_terms, index_t n_clusters, double alpha, double beta,
                             std::int64_t largest_count)
    : n_terms_(n_terms),
      n_clusters_(n_clusters),
      columns_(ceil_div(n_clusters + 1, 8) * 8),
      alpha_(alpha),
      beta_(beta),
      log_count_(static_cast<std::size_t>(largest_count + 1)),
      column_of_(static_cast<std::size_t>(n_clusters), -1),
      size_(static_cast<std::size_t>(n_clusters), 0),
      n_tokens_(static_cast<std::size_t>(n_clusters), 0) {
    std::array<double, 512> logarithm;
    for (std::size_t begin = 0; begin < log_count_.size(); begin += logarithm.size()) {
        for (std::size_t n = 0; n < logarithm.size(); ++n)
            logarithm[n] = static_cast<double>(begin + n) + beta;
        kernels::active().logarithms(logarithm.data(), static_cast<index_t>(logarithm.size()));
        const std::size_t end = std::min(begin + logarithm.size(), log_count_.size());
        for (std::size_t n = begin; n < end; ++n) log_count_[n] = static_cast<float>(logarithm[n - begin]);
    }
    const auto n_cells = static_cast<std::size_t>(n_terms * columns_);
    count_.resize(n_cells);
    log_term_.resize(n_cells);
    std::fill(count_.begin(), count_.end(), 0);
    std::fill(log_term_.begin(), log_term_.end(), log_count_[0]);
}

index_t MixtureCounts::own_column(index_t k) {
    index_t& column = column_of_[static_cast<std::size_t>(k)];
    if (column < 0) {
        column = n_used_++;
        cluster_of_.push_back(k);
    }
    return column;
}

void MixtureCounts::add_tokens(index_t k, std::int32_t term, std::int32_t count) {
    const std::size_t at = cell(term, own_column(k));
    count_[at] += count;
    log_term_[at] = log_count_[static_cast<std::size_t>(count_[at])];
    n_tokens_[static_cast<std::size_t>(k)] += count;
}

void MixtureCounts::move(TermRow document, index_t k, int sign) {
    for (index_t p = 0; p < document.n; ++p) add_tokens(k, document.terms[p], sign * document.counts[p]);
    add_documents(k, sign);
}

double MixtureCounts::rising(std::int64_t tokens, std::int64_t length) const {
    const double from = static_cast<double>(tokens) + static_cast<double>(n_terms_) * beta_;
    return canonical_log_gamma(from + static_cast<double>(length)) - canonical_log_gamma(from);
}

void MixtureCounts::length_terms(index_t column, const std::vector<std::int64_t>& lengths,
                                 double* out) const {
    double of_size = kPadding, from = 0, to_from = 0;
    if (column <= n_used_) {
        const bool is_empty = column == n_used_;
        const auto at =
            is_empty ? 0 : static_cast<std::size_t>(cluster_of_[static_cast<std::size_t>(column)]);
        of_size = canonical_log(static_cast<double>(is_empty ? 0 : size_[at]) + alpha_);
        from = static_cast<double>(is_empty ? 0 : n_tokens_[at]) + static_cast<double>(n_terms_) * beta_;
        to_from = canonical_log_gamma(from);
    }
    for (std::size_t l = 0; l < lengths.size(); ++l) {
        const double rise =
            column <= n_used_ ? canonical_log_gamma(from + static_cast<double>(lengths[l])) - to_from : 0;
        out[static_cast<index_t>(l) * columns()] = of_size - rise;
    }
}

void MixtureCounts::scores_of_clusters(const double* of_columns, double* scores) const {
    for (index_t k = 0; k < n_clusters_; ++k)
        scores[k] = of_columns[column_of(k) < 0 ? n_used_ : column_of(k)];
}

void MixtureCounts::compact() {
    const auto is_dead = [&](index_t column) {
        return size_[static_cast<std::size_t>(cluster_of_[static_cast<std::size_t>(column)])] == 0;
    };
    const auto forget_last = [&] {  // its cells are those of a cluster without documents
        column_of_[static_cast<std::size_t>(cluster_of_.back())] = -1;
        cluster_of_.pop_back();
        --n_used_;
    };
    for (index_t c = 0; c < n_used_; ++c) {
        while (n_used_ > c && is_dead(n_used_ - 1)) forget_last();
        if (c >= n_used_ || !is_dead(c)) continue;
        const index_t last = n_used_ - 1;
        for (std::int32_t w = 0; w < n_terms_; ++w) {
            std::swap(count_[cell(w, c)], count_[cell(w, last)]);
            std::swap(log_term_[cell(w, c)], log_term_[cell(w, last)]);
        }
        auto& here = cluster_of_[static_cast<std::size_t>(c)];
        std::swap(here, cluster_of_.back());
        column_of_[static_cast<std::size_t>(here)] = c;
        forget_last();
    }
}

void MixtureCounts::add_terms(TermRow document, const float* ones, double* scores) const {
    const SparseRow row{ones, document.terms, document.n};
    const index_t n = columns();
    kernels::active().add_term_rows(row, log_term_.data(), columns_, n, scores);
    for (index_t p = 0; p < document.n; ++p) {
        if (document.counts[p] == 1) continue;
        const std::int32_t* const count = count_.data() + document.terms[p] * columns_;
        for (std::int32_t j = 1; j < document.counts[p]; ++j)
            for (index_t c = 0; c < n; ++c)
                scores[c] += static_cast<double>(log_count_[static_cast<std::size_t>(count[c] + j)]);
    }
}

double MixtureCounts::score_without(TermRow document, index_t k) const {
    const auto at = static_cast<std::size_t>(k);
    double score = canonical_log(static_cast<double>(size_[at] - 1) + alpha_) -
                   rising(n_tokens_[at] - document.length, document.length);
    for (index_t p = 0; p < document.n; ++p) {
        const std::int32_t others = count_[cell(document.terms[p], column_of(k))] - document.counts[p];
        score += static_cast<double>(log_count_[static_cast<std::size_t>(others)]);
    }
    for (index_t p = 0; p < document.n; ++p) {
        const std::int32_t others = count_[cell(document.terms[p], column_of(k))] - document.counts[p];
        for (std::int32_t j = 1; j < document.counts[p]; ++j)
            score += static_cast<double>(log_count_[static_cast<std::size_t>(others + j)]);
    }
    return score;
}

void MixtureCounts::prefetch(TermRow document) const {
    const index_t n = std::min<index_t>(document.n, 16);
    for (index_t p = 0; p < n; ++p)
        coterie::prefetch(log_term_.data() + document.terms[p] * columns_, columns());
}

double MixtureCounts::log_likelihood() const {
    // upto[n] = ln Gamma(n + beta) - ln Gamma(beta)
    std::vector<double> upto(log_count_.size() + 1, 0.0);
    for (std::size_t n = 1; n < upto.size(); ++n)
        upto[n] = upto[n - 1] + canonical_log(static_cast<double>(n - 1) + beta_);
    double sum = 0;
    for (index_t w = 0; w < n_terms_; ++w)
        for (index_t k = 0; k < n_clusters_; ++k)
            if (column_of(k) >= 0)
                sum +=
                    upto[static_cast<std::size_t>(count_[cell(static_cast<std::int32_t>(w), column_of(k))])];
    std::int64_t n_documents = 0;
    for (index_t k = 0; k < n_clusters_; ++k) {
        const auto at = static_cast<std::size_t>(k);
        sum -= rising(0, n_tokens_[at]);
        sum += canonical_log_gamma(static_cast<double>(size_[at]) + alpha_) - canonical_log_gamma(alpha_);
        n_documents += size_[at];
    }
    const double prior = static_cast<double>(n_clusters_) * alpha_;
    return sum + canonical_log_gamma(prior) - canonical_log_gamma(static_cast<double>(n_documents) + prior);
}

}  // namespace coterie
