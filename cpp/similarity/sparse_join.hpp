// Each row of a sparse matrix against all rows of another: posting lists, a certified float32 filter,
// pruning.
//
// For row x the terms are added to one sum per row of Y, rarest term first. After p terms
//     |n(x, y) - sum_y| <= rest_p + eps        (in filter units)
// where rest_p bounds what the remaining, most frequent and therefore lightest and most expensive terms can
// add (Bayardo, Ma and Srikant, "Scaling up all pairs similarity search", WWW 2007; the norm bound is that of
// Anastasiu and Karypis, "L2AP", ICDE 2014), and eps covers float32. Once few rows have sum_y + rest_p + eps
// within reach of the k-th best canonical score, those few are evaluated canonically and the remaining lists
// are not read at all.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"
#include "similarity/column_panel.hpp"
#include "similarity/measures.hpp"
#include "similarity/posting_lists.hpp"
#include "similarity/size_segments.hpp"

namespace coterie {

// What a consumer of pairs implements, for one row of X at a time.
class SparseSink {
  public:
    virtual ~SparseSink() = default;
    // No canonical score below this is wanted.
    virtual double floor() const = 0;
    // How many more of the best pairs would raise the floor; 0 when the floor does not depend on what is
    // offered.
    virtual index_t wanted() const = 0;
    // Whether (x, j) needs no evaluation.
    virtual bool skips(index_t j) const = 0;
    virtual void offer(double score, index_t j) = 0;
};

// One row of X to be visited, and what became of it.
struct SparseRequest {
    index_t i;
    index_t n_columns;  // rows j < n_columns of Y take part
    index_t excluded;   // a row of Y that does not, or -1
    SparseSink* sink;
    bool
        complete;  // out: false when the filter could not tell scores from 0, and everything() is to be asked
};

template <typename Measure>
class SparseJoin {
  public:
    // Rows that are visited together, so that a panel's sums for them stay in the L2 cache.
    static constexpr index_t kRowsTogether = 32;

    // Sizes and posting lists; the views must outlive this.
    SparseJoin(const CsrView& x, const CsrView& y, int n_threads);

    // Per-thread memory: one float per column, one per row of a block of posting lists.
    class Scratch {
        friend class SparseJoin;
        struct Weight {
            std::int32_t column;
            float weight;
        };
        struct Term {
            std::int32_t begin, end;  // postings
            std::int32_t column;
            float weight;
        };
        std::vector<float> row;       // the row of X, spread over all columns; zero between calls
        std::vector<float> sums;      // one row's; zero between calls
        float* at = nullptr;          // the sums in use
        std::vector<Weight> weights;  // of the rows visited together, each rarest column first
        std::vector<index_t> weight_starts;
        ColumnPanel::Rows panel_rows;
        std::vector<float> panel_sums;
        std::vector<char> watched;  // columns whose postings are counted when read; empty for none
        double watched_read = 0;
        std::vector<std::int32_t> found;  // the first n_found of them
        index_t n_found = 0;
        std::vector<float> best_sums;
        std::vector<Term> terms;
        std::vector<double> rest;
    };
    Scratch make_scratch() const;

    // Offers every pair (i, j) that takes part, is not skipped and has a score above 0 and not below the
    // sink's floor.
    void visit(SparseRequest* requests, index_t n_requests, Scratch& s) const;

    // Visits a sample of the rows and, if it read more postings of the most frequent columns than a panel of
    // them costs, builds that panel. The answers do not depend on it. make_sink returns an empty sink.
    template <typename MakeSink>
    void choose_panel(const std::int32_t* excluded, const MakeSink& make_sink);

    // Offers every pair with a common column, whatever its score, and leaves their j in others, sorted.
    void everything(const SparseRequest& request, Scratch& s, std::vector<std::int32_t>& others) const;

    index_t columns() const { return y_.rows; }

  private:
    struct Pass;
    static bool few_touched(const Pass& pass);
    double score(index_t i, index_t j, const float* row) const;
    std::vector<std::int32_t> panel_columns() const;
    void use_panel(const std::vector<std::int32_t>& columns);
    void spread(index_t i, Scratch& s) const;
    void clear(index_t i, Scratch& s) const;
    void order_weights(const SparseRequest* requests, index_t n_requests, Scratch& s) const;
    static void trim(const Pass& pass, typename Scratch::Term& term);
    bool narrow(Pass& pass, double floor, const SizeSegments& segments) const;
    void visit_block(const SparseRequest* requests, index_t r, std::size_t b, Scratch& s) const;
    void visit_by_size(const SparseRequest* requests, index_t r, Scratch& s) const;
    void place_terms(const Pass& pass, Scratch& s) const;
    void start_panel(const SparseRequest* requests, index_t n_requests, Scratch& s) const;
    void scan(Pass& pass, SparseSink& sink, Scratch& s) const;
    bool is_due(const Pass& pass, const SparseSink& sink, const Scratch& s) const;
    bool try_to_finish(Pass& pass, SparseSink& sink, Scratch& s) const;
    bool gather(const Pass& pass, double floor, index_t most, Scratch& s) const;
    void seed(const Pass& pass, SparseSink& sink, Scratch& s) const;
    void offer_found(const Pass& pass, SparseSink& sink, Scratch& s) const;
    void collect(const Pass& pass, float cut, Scratch& s) const;
    void collect_reaching(const Pass& pass, double floor, float cut, Scratch& s) const;
    bool reaches_floor(const Pass& pass, std::int32_t f, double floor, const Scratch& s) const;
    void reset_sums(const Pass& pass, Scratch& s) const;
    double error_bound(const SparseRequest* requests, index_t r, const Scratch& s) const;
    double cut_of(const Pass& pass, double floor, const Scratch& s) const;

    CsrView x_;
    CsrView y_;
    int n_threads_;
    std::vector<double> x_sizes_;
    std::vector<double> y_sizes_;
    double common_scale_ = 1;
    double cost_of_score_;  // in postings
    std::vector<double> y_scales_;
    std::vector<std::int32_t> y_frequency_;
    std::vector<PostingLists> blocks_;
    std::vector<SizeSegments> segments_;  // of each block, for a measure whose bounds depend on sizes
    ColumnPanel panel_;
};

template <typename Measure>
template <typename MakeSink>
void SparseJoin<Measure>::choose_panel(const std::int32_t* excluded, const MakeSink& make_sink) {
    constexpr index_t kSample = 48, kLeastRows = 2048;
    if (!Measure::kBilinear || x_.rows < kLeastRows || y_.rows < kLeastRows) return;
    const std::vector<std::int32_t> columns = panel_columns();
    if (columns.empty()) return;
    Scratch s = make_scratch();
    s.watched.assign(static_cast<std::size_t>(y_.cols), 0);
    for (const std::int32_t c : columns) s.watched[static_cast<std::size_t>(c)] = 1;
    for (index_t n = 0; n < kSample; ++n) {
        auto sink = make_sink();
        const index_t i = n * (x_.rows / kSample);
        SparseRequest request{i, y_.rows, excluded == nullptr ? -1 : excluded[i], &sink, true};
        visit(&request, 1, s);
    }
    const double cost = ColumnPanel::postings_worth(static_cast<index_t>(columns.size()), y_.rows);
    if (s.watched_read / static_cast<double>(kSample) > cost) use_panel(columns);
}

}  // namespace coterie
