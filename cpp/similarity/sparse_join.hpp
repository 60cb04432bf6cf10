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

#include <vector>

#include "core/types.hpp"
#include "similarity/measures.hpp"
#include "similarity/posting_lists.hpp"

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

template <typename Measure>
class SparseJoin {
  public:
    // Sizes and posting lists; the views must outlive this.
    SparseJoin(const CsrView& x, const CsrView& y, int n_threads);

    // Per-thread memory: one float per column, one per row of a block of posting lists.
    class Scratch {
        friend class SparseJoin;
        struct Term {
            std::int32_t begin, end;  // postings
            float weight;
        };
        std::vector<float> row;  // the row of X, spread over all columns; zero between calls
        std::vector<float> sums;
        std::vector<std::int32_t> found;
        std::vector<float> best_sums;
        std::vector<Term> terms;
        std::vector<double> rest;
    };
    Scratch make_scratch() const;

    // Offers every pair (i, j), j < n_columns, j != excluded, that is not skipped and whose score is at least
    // the sink's floor and above 0. False when the filter could not tell scores from 0: the caller then asks
    // everything().
    bool visit(index_t i, index_t n_columns, index_t excluded, SparseSink& sink, Scratch& s) const;

    // Offers every pair with a common column, whatever its score, and leaves their j in others, sorted.
    void everything(index_t i, index_t n_columns, index_t excluded, SparseSink& sink, Scratch& s,
                    std::vector<std::int32_t>& others) const;

    index_t columns() const { return y_.rows; }

  private:
    struct Pass;
    static bool few_touched(const Pass& pass);
    double score(index_t i, index_t j, const float* row) const;
    void spread(index_t i, Scratch& s) const;
    void clear(index_t i, Scratch& s) const;
    void order_terms(const Pass& pass, Scratch& s) const;
    void scan(Pass& pass, SparseSink& sink, Scratch& s) const;
    bool is_due(const Pass& pass, const SparseSink& sink, const Scratch& s) const;
    bool try_to_finish(Pass& pass, SparseSink& sink, Scratch& s) const;
    void seed(const Pass& pass, SparseSink& sink, Scratch& s) const;
    void offer_found(const Pass& pass, SparseSink& sink, Scratch& s) const;
    void collect(const Pass& pass, float cut, Scratch& s) const;
    float kth_sum(const Pass& pass, index_t k, Scratch& s) const;
    void reset_sums(const Pass& pass, Scratch& s) const;
    double cut_of(const Pass& pass, double floor, const Scratch& s) const;

    CsrView x_;
    CsrView y_;
    std::vector<double> x_sizes_;
    std::vector<double> y_sizes_;
    double common_scale_ = 1;
    double cost_of_score_;  // in postings
    std::vector<PostingLists> blocks_;
};

extern template class SparseJoin<CosineMeasure>;
extern template class SparseJoin<JaccardMeasure>;

}  // namespace coterie
