#include "topics/dirichlet_mixture.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "core/check.hpp"
#include "core/elementary.hpp"
#include "core/parallel.hpp"
#include "core/philox.hpp"
#include "kernels/kernels.hpp"
#include "topics/mixture_counts.hpp"

namespace coterie {
namespace {

constexpr const char* kOp = "dirichlet_mixture";
// Documents of a task: a fixed partition, small enough that few threads have no work at the end of a block.
constexpr index_t kTaskDocuments = 64;
constexpr index_t kTaskTerms = 2048;
// exp(-40) < 2^-57: what a cluster this far below the best could add to a float64 sum is rounded away.
constexpr double kNegligible = 40;

void check_parameters(const MixtureParameters& p) {
    require(p.n_clusters >= 1 && p.n_clusters <= std::numeric_limits<std::int32_t>::max() / 8, kOp,
            "n_clusters=", p.n_clusters, " must be between 1 and 2**28");
    require(p.alpha > 0 && p.alpha < 1e9, kOp, "alpha=", p.alpha, " must be above 0");
    require(p.beta > 0 && p.beta < 1e9, kOp, "beta=", p.beta, " must be above 0");
}

// What one thread scores with.
struct Scratch {
    std::vector<double> columns;  // scores of the columns of MixtureCounts
    std::vector<double> scores;   // of the clusters
    std::vector<float> ones;
    std::vector<std::int32_t> candidates;
    std::vector<double> upto;  // cumulative probabilities of the candidates

    void prepare(const MixtureCounts& counts, index_t most_terms) {
        const auto n_clusters = static_cast<std::size_t>(counts.n_clusters());
        columns.resize(static_cast<std::size_t>(counts.most_columns()));
        scores.resize(n_clusters);
        candidates.resize(n_clusters + 1);  // one is written before it is known to be one
        upto.resize(n_clusters + 8);
        ones.assign(static_cast<std::size_t>(most_terms), 1.0f);
    }
};

index_t most_terms(const TermCounts& documents) {
    index_t most = 0;
    for (std::size_t i = 0; i + 1 < documents.indptr.size(); ++i)
        most = std::max(most, documents.indptr[i + 1] - documents.indptr[i]);
    return most;
}

std::int64_t largest_total(const TermCounts& documents) {
    const std::vector<std::int64_t> totals = documents.term_totals();
    const std::int64_t largest = totals.empty() ? 0 : *std::max_element(totals.begin(), totals.end());
    require(largest < std::numeric_limits<std::int32_t>::max(), kOp, "X has ", largest,
            " tokens of one term; at most 2**31 - 2 are counted");
    return largest;
}

std::int64_t largest_of(const std::vector<std::int32_t>& counts) {
    return counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
}

index_t best_of(const double* scores, index_t n) {
    return std::max_element(scores, scores + n) - scores;  // the first of the largest
}

double highest_of(const double* scores, index_t n) {
    constexpr index_t kLanes = 8;
    double highest[kLanes];
    std::fill_n(highest, kLanes, scores[0]);
    index_t k = 0;
    for (; k + kLanes <= n; k += kLanes)
        for (index_t l = 0; l < kLanes; ++l)
            highest[l] = scores[k + l] > highest[l] ? scores[k + l] : highest[l];
    for (; k < n; ++k) highest[0] = std::max(highest[0], scores[k]);
    return *std::max_element(highest, highest + kLanes);
}

// The cluster whose share of the summed probabilities holds the uniform number.
index_t draw(Scratch& scratch, index_t n_clusters, std::uint64_t random) {
    const double* const scores = scratch.scores.data();
    const double highest = highest_of(scores, n_clusters), least = highest - kNegligible;
    std::size_t n = 0;
    for (index_t k = 0; k < n_clusters; ++k) {
        scratch.candidates[n] = static_cast<std::int32_t>(k);
        scratch.upto[n] = scores[k] - highest;
        n += scores[k] >= least;
    }
    const index_t padded = ceil_div(static_cast<index_t>(n), 8) * 8;
    std::fill(scratch.upto.begin() + static_cast<index_t>(n), scratch.upto.begin() + padded, 0.0);
    kernels::active().exponentials(scratch.upto.data(), padded);
    double sum = 0;
    for (std::size_t c = 0; c < n; ++c) scratch.upto[c] = sum += scratch.upto[c];
    const double uniform = static_cast<double>(random >> 11) * 0x1p-53 * sum;
    std::size_t chosen = 0;
    while (chosen + 1 < n && scratch.upto[chosen] <= uniform) ++chosen;
    return scratch.candidates[chosen];
}

// The length terms of the lengths that occur in a block, so that each is computed once.
class LengthTerms {
  public:
    void compute(const MixtureCounts& counts, const std::int64_t* lengths, index_t n, int n_threads) {
        lengths_.assign(lengths, lengths + n);
        std::sort(lengths_.begin(), lengths_.end());
        lengths_.erase(std::unique(lengths_.begin(), lengths_.end()), lengths_.end());
        columns_ = static_cast<std::size_t>(counts.columns());
        terms_.resize(lengths_.size() * columns_);
        // a hundred logarithms take less than waking a thread
        const index_t chunk = ceil_div(kTaskTerms, static_cast<index_t>(lengths_.size()) + 1);
        parallel_for_rows(counts.columns(), chunk, n_threads, [&](index_t begin, index_t end, int) {
            for (index_t column = begin; column < end; ++column)
                counts.length_terms(column, lengths_, terms_.data() + column);
        });
    }
    const double* of(std::int64_t length) const {
        const auto at = std::lower_bound(lengths_.begin(), lengths_.end(), length) - lengths_.begin();
        return terms_.data() + static_cast<std::size_t>(at) * columns_;
    }

  private:
    std::vector<std::int64_t> lengths_;
    std::vector<double> terms_;
    std::size_t columns_ = 0;
};

class Sampler {
  public:
    Sampler(TermCounts documents, const MixtureParameters& p, index_t block_size, std::uint64_t seed,
            int n_threads)
        : documents_(std::move(documents)),
          counts_(documents_.n_terms, p.n_clusters, p.alpha, p.beta,
                  largest_total(documents_) + largest_of(documents_.counts)),
          block_size_(block_size),
          seed_(seed),
          n_threads_(n_threads),
          scratch_(static_cast<std::size_t>(resolve_thread_count(n_threads))),
          next_(static_cast<std::size_t>(block_size)) {
        for (Scratch& s : scratch_) s.prepare(counts_, most_terms(documents_));
        labels_.assign(static_cast<std::size_t>(documents_.n_documents()), -1);
        const Philox random(seed, 0);
        for (index_t i = 0; i < documents_.n_documents(); ++i) {
            const TermRow document = term_row(documents_, i);
            if (document.n == 0) continue;
            const auto k = static_cast<std::int32_t>(
                (static_cast<unsigned __int128>(random.at(static_cast<std::uint64_t>(i))) *
                 static_cast<std::uint64_t>(p.n_clusters)) >>
                64);
            labels_[static_cast<std::size_t>(i)] = k;
            counts_.add(document, k);
        }
    }

    // Documents that changed their cluster.
    std::int64_t pass(index_t number, bool takes_best) {
        std::int64_t n_moved = 0;
        counts_.compact();
        const Philox random(seed_, static_cast<std::uint64_t>(number));
        for (index_t begin = 0; begin < documents_.n_documents(); begin += block_size_) {
            const index_t end = std::min(begin + block_size_, documents_.n_documents());
            length_terms_.compute(counts_, documents_.length.data() + begin, end - begin, n_threads_);
            parallel_for_rows(
                end - begin, kTaskDocuments, n_threads_, [&](index_t first, index_t last, int slot) {
                    choose(begin, first, last, random, takes_best, scratch_[static_cast<std::size_t>(slot)]);
                });
            n_moved += move_block(begin, end);
        }
        return n_moved;
    }

    std::int64_t n_active() const {
        std::int64_t n = 0;
        for (index_t k = 0; k < counts_.n_clusters(); ++k) n += counts_.size(k) > 0;
        return n;
    }
    double log_likelihood() const { return counts_.log_likelihood(); }
    std::vector<std::int32_t> labels() && { return std::move(labels_); }

  private:
    void choose(index_t begin, index_t first, index_t last, const Philox& random, bool takes_best,
                Scratch& scratch) {
        for (index_t b = first; b < last; ++b) {
            const index_t i = begin + b;
            if (b + 1 < last) counts_.prefetch(term_row(documents_, i + 1));
            const TermRow document = term_row(documents_, i);
            const std::int32_t own = labels_[static_cast<std::size_t>(i)];
            next_[static_cast<std::size_t>(b)] = own;
            if (own < 0) continue;
            const double* const base = length_terms_.of(document.length);
            std::copy(base, base + counts_.columns(), scratch.columns.begin());
            counts_.add_terms(document, scratch.ones.data(), scratch.columns.data());
            counts_.scores_of_clusters(scratch.columns.data(), scratch.scores.data());
            scratch.scores[static_cast<std::size_t>(own)] = counts_.score_without(document, own);
            const index_t k =
                takes_best ? best_of(scratch.scores.data(), counts_.n_clusters())
                           : draw(scratch, counts_.n_clusters(), random.at(static_cast<std::uint64_t>(i)));
            next_[static_cast<std::size_t>(b)] = static_cast<std::int32_t>(k);
        }
    }

    std::int64_t move_block(index_t begin, index_t end) {
        std::int64_t n_moved = 0;
        for (index_t i = begin; i < end; ++i) {
            std::int32_t& label = labels_[static_cast<std::size_t>(i)];
            const std::int32_t next = next_[static_cast<std::size_t>(i - begin)];
            if (next == label) continue;
            const TermRow document = term_row(documents_, i);
            counts_.remove(document, label);
            counts_.add(document, next);
            label = next;
            ++n_moved;
        }
        return n_moved;
    }

    TermCounts documents_;
    MixtureCounts counts_;
    index_t block_size_;
    std::uint64_t seed_;
    int n_threads_;
    std::vector<Scratch> scratch_;
    std::vector<std::int32_t> next_;
    std::vector<std::int32_t> labels_;
    LengthTerms length_terms_;
};

}  // namespace

MixtureRun dirichlet_mixture(const CsrView& x, const MixtureParameters& parameters, index_t n_passes,
                             index_t block_size, bool takes_mode, std::uint64_t seed, int n_threads) {
    check_parameters(parameters);
    require(n_passes >= 0, kOp, "n_passes=", n_passes, " must be >= 0");
    require(block_size >= 1, kOp, "block_size=", block_size, " must be >= 1");
    block_size = std::min(block_size, std::max<index_t>(x.rows, 1));
    Sampler sampler(term_counts(x, kOp, n_threads), parameters, block_size, seed, n_threads);
    MixtureRun run;
    for (index_t number = 1; number <= n_passes + takes_mode; ++number) {
        run.n_moved.push_back(sampler.pass(number, number > n_passes));
        run.n_active.push_back(sampler.n_active());
    }
    run.log_likelihood = sampler.log_likelihood();
    run.labels = std::move(sampler).labels();
    return run;
}

void mixture_posterior(const CsrView& x, const MixtureState& state, const MixtureParameters& parameters,
                       std::int32_t* labels, double* log_evidence, double* probabilities, int n_threads) {
    check_parameters(parameters);
    const index_t n_clusters = parameters.n_clusters;
    const TermTopics& tokens = *state.tokens;
    require(tokens.indptr.size() == static_cast<std::size_t>(x.cols) + 1, kOp, "X has ", x.cols,
            " features; the state has ", tokens.indptr.size() - 1);
    const TermCounts documents = term_counts(x, kOp, n_threads);
    MixtureCounts counts(x.cols, n_clusters, parameters.alpha, parameters.beta,
                         largest_of(tokens.count) + largest_of(documents.counts));
    for (index_t w = 0; w < x.cols; ++w) {
        const auto term = static_cast<std::size_t>(w);
        std::int32_t before = -1;
        for (auto p = static_cast<std::size_t>(tokens.indptr[term]);
             p < static_cast<std::size_t>(tokens.indptr[term + 1]); ++p) {
            const std::int32_t k = tokens.topic[p], count = tokens.count[p];
            require(k > before && k < n_clusters && count >= 0, kOp, "the state has ", count,
                    " tokens of term ", w, " in cluster ", k, " of ", n_clusters, ", behind cluster ",
                    before);
            before = k;
            counts.add_tokens(k, static_cast<std::int32_t>(w), count);
        }
    }
    double n_documents = static_cast<double>(n_clusters) * parameters.alpha;
    for (index_t k = 0; k < n_clusters; ++k) {
        require(state.size[k] >= 0, kOp, "sizes[", k, "]=", state.size[k], " must be >= 0");
        counts.add_documents(k, state.size[k]);
        n_documents += static_cast<double>(state.size[k]);
    }
    const double log_prior = canonical_log(n_documents);
    LengthTerms length_terms;
    length_terms.compute(counts, documents.length.data(), documents.n_documents(), n_threads);
    std::vector<Scratch> scratch(static_cast<std::size_t>(resolve_thread_count(n_threads)));
    for (Scratch& s : scratch) s.prepare(counts, most_terms(documents));
    parallel_for_rows(x.rows, kTaskDocuments, n_threads, [&](index_t first, index_t last, int slot) {
        Scratch& mine = scratch[static_cast<std::size_t>(slot)];
        for (index_t i = first; i < last; ++i) {
            const TermRow document = term_row(documents, i);
            const double* const base = length_terms.of(document.length);
            std::copy(base, base + counts.columns(), mine.columns.begin());
            counts.add_terms(document, mine.ones.data(), mine.columns.data());
            counts.scores_of_clusters(mine.columns.data(), mine.scores.data());
            const index_t best = best_of(mine.scores.data(), n_clusters);
            const double highest = mine.scores[static_cast<std::size_t>(best)];
            double sum = 0;
            for (index_t k = 0; k < n_clusters; ++k)
                sum += canonical_exp(std::max(mine.scores[static_cast<std::size_t>(k)] - highest, -700.0));
            labels[i] = static_cast<std::int32_t>(best);
            log_evidence[i] = highest + canonical_log(sum) - log_prior;
            if (probabilities == nullptr) continue;
            for (index_t k = 0; k < n_clusters; ++k)
                probabilities[i * n_clusters + k] =
                    canonical_exp(std::max(mine.scores[static_cast<std::size_t>(k)] - highest, -700.0)) / sum;
        }
    });
}

}  // namespace coterie
