#include "topics/topic_mixtures.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/check.hpp"
#include "core/elementary.hpp"
#include "core/parallel.hpp"
#include "kernels/kernels.hpp"
#include "topics/term_counts.hpp"

namespace coterie {
namespace {

constexpr const char* kOp = "topic_mixtures";
constexpr index_t kTaskDocuments = 16;

// phi of the terms of one document, row by row, so that only those terms cost memory.
class TermRows {
  public:
    explicit TermRows(const TopicModel& model)
        : model_(model),
          n_topics_(static_cast<index_t>(model.total->size())),
          columns_(ceil_div(n_topics_, 8) * 8),
          inverse_(model.total->size()),
          unseen_(static_cast<std::size_t>(columns_), 0.0f) {
        const double beta = model.priors->beta;
        const auto n_terms = static_cast<double>(model.term_topics->indptr.size() - 1);
        for (std::size_t k = 0; k < inverse_.size(); ++k) {
            inverse_[k] = 1 / (static_cast<double>((*model.total)[k]) + n_terms * beta);
            unseen_[k] = static_cast<float>(beta * inverse_[k]);
        }
    }
    index_t columns() const { return columns_; }

    void fill(std::int32_t term, float* row) const {
        std::copy(unseen_.begin(), unseen_.end(), row);
        const TermTopics& counts = *model_.term_topics;
        const auto w = static_cast<std::size_t>(term);
        for (auto p = static_cast<std::size_t>(counts.indptr[w]);
             p < static_cast<std::size_t>(counts.indptr[w + 1]); ++p) {
            const auto k = static_cast<std::size_t>(counts.topic[p]);
            row[k] = static_cast<float>((static_cast<double>(counts.count[p]) + model_.priors->beta) *
                                        inverse_[k]);
        }
    }

  private:
    const TopicModel& model_;
    index_t n_topics_, columns_;
    std::vector<double> inverse_;
    std::vector<float> unseen_;  // phi of a term that no topic has, padding 0
};

struct Scratch {
    std::vector<float> rows, weight, theta;
    std::vector<std::int32_t> place;
    std::vector<double> responsibility;
};

void fill_rows(const TermRows& terms, const TermCounts& documents, std::size_t begin, index_t n,
               Scratch& scratch) {
    const auto columns = static_cast<std::size_t>(terms.columns());
    const auto count = static_cast<std::size_t>(n);
    if (scratch.rows.size() < count * columns) scratch.rows.resize(count * columns);
    for (auto i = static_cast<index_t>(scratch.place.size()); i < n; ++i)
        scratch.place.push_back(static_cast<std::int32_t>(i));
    scratch.weight.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        terms.fill(documents.terms[begin + i], scratch.rows.data() + i * columns);
}

// theta of one document in scratch.theta, unnormalised: expected tokens plus alpha.
void fold_in_document(const std::int32_t* counts, index_t n, index_t columns, const std::vector<float>& alpha,
                      const FoldIn& fold_in, index_t n_topics, Scratch& scratch) {
    const kernels::Table& kernel = kernels::active();
    scratch.theta = alpha;
    scratch.responsibility.resize(static_cast<std::size_t>(columns));
    const SparseRow row{scratch.weight.data(), scratch.place.data(), n};
    for (index_t iteration = 0; n > 0 && iteration < fold_in.max_iter; ++iteration) {
        for (index_t i = 0; i < n; ++i)
            scratch.weight[static_cast<std::size_t>(i)] = static_cast<float>(
                counts[i] / kernel.dot(scratch.theta.data(), scratch.rows.data() + i * columns, columns));
        std::fill(scratch.responsibility.begin(), scratch.responsibility.end(), 0.0);
        kernel.add_term_rows(row, scratch.rows.data(), columns, columns, scratch.responsibility.data());
        double change = 0;
        for (std::size_t k = 0; k < static_cast<std::size_t>(n_topics); ++k) {
            const double before = static_cast<double>(scratch.theta[k]);
            const auto after =
                static_cast<float>(static_cast<double>(alpha[k]) + before * scratch.responsibility[k]);
            change += std::abs(static_cast<double>(after) - before);
            scratch.theta[k] = after;
        }
        if (change < fold_in.tol * static_cast<double>(n_topics)) break;
    }
}

void check_model(const CsrView& x, const TopicModel& model) {
    const auto n_topics = static_cast<std::int32_t>(model.total->size());
    require(static_cast<index_t>(model.term_topics->indptr.size()) == x.cols + 1, kOp, "X has ", x.cols,
            " features; the model has ", static_cast<index_t>(model.term_topics->indptr.size()) - 1);
    require(model.priors->alpha.size() == model.total->size(), kOp, "alpha has ", model.priors->alpha.size(),
            " elements; n_topics=", n_topics);
    for (const std::int32_t k : model.term_topics->topic)
        require(k >= 0 && k < n_topics, kOp, "topic ", k, " must be below n_topics=", n_topics);
}

}  // namespace

void topic_mixtures(const CsrView& x, const TopicModel& model, const FoldIn& fold_in, float* mixtures,
                    int n_threads) {
    check_model(x, model);
    const TermCounts documents = term_counts(x, kOp, n_threads);
    const TermRows terms(model);
    const index_t columns = terms.columns(), n_topics = static_cast<index_t>(model.total->size());
    std::vector<float> alpha(model.priors->alpha.begin(), model.priors->alpha.end());
    alpha.resize(static_cast<std::size_t>(columns), 0.0f);
    std::vector<Scratch> scratch(static_cast<std::size_t>(resolve_thread_count(n_threads)));
    parallel_for_rows(x.rows, kTaskDocuments, n_threads, [&](index_t first, index_t last, int slot) {
        Scratch& mine = scratch[static_cast<std::size_t>(slot)];
        for (index_t d = first; d < last; ++d) {
            const auto begin = static_cast<std::size_t>(documents.indptr[static_cast<std::size_t>(d)]);
            const index_t n = documents.indptr[static_cast<std::size_t>(d + 1)] - static_cast<index_t>(begin);
            fill_rows(terms, documents, begin, n, mine);
            fold_in_document(documents.counts.data() + begin, n, columns, alpha, fold_in, n_topics, mine);
            double sum = 0;
            for (index_t k = 0; k < n_topics; ++k)
                sum += static_cast<double>(mine.theta[static_cast<std::size_t>(k)]);
            for (index_t k = 0; k < n_topics; ++k)
                mixtures[d * n_topics + k] =
                    static_cast<float>(static_cast<double>(mine.theta[static_cast<std::size_t>(k)]) / sum);
        }
    });
}

void mixture_log_likelihood(const CsrView& x, const TopicModel& model, const float* mixtures, double* out,
                            int n_threads) {
    check_model(x, model);
    const TermCounts documents = term_counts(x, kOp, n_threads);
    const TermRows terms(model);
    const index_t n_topics = static_cast<index_t>(model.total->size());
    std::vector<Scratch> scratch(static_cast<std::size_t>(resolve_thread_count(n_threads)));
    parallel_for_rows(x.rows, kTaskDocuments, n_threads, [&](index_t first, index_t last, int slot) {
        Scratch& mine = scratch[static_cast<std::size_t>(slot)];
        for (index_t d = first; d < last; ++d) {
            const auto begin = static_cast<std::size_t>(documents.indptr[static_cast<std::size_t>(d)]);
            const index_t n = documents.indptr[static_cast<std::size_t>(d + 1)] - static_cast<index_t>(begin);
            fill_rows(terms, documents, begin, n, mine);
            double sum = 0;
            for (index_t i = 0; i < n; ++i)
                sum += documents.counts[begin + static_cast<std::size_t>(i)] *
                       canonical_log(kernels::active().dot(mixtures + d * n_topics,
                                                           mine.rows.data() + i * terms.columns(), n_topics));
            out[d] = sum;
        }
    });
}

}  // namespace coterie
