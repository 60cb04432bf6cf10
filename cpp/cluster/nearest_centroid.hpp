// How one row finds its centroid: from the scores of a filter, or among the rivals that its bounds left.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "cluster/centroids.hpp"
#include "cluster/filter.hpp"
#include "cluster/label_bounds.hpp"
#include "cluster/samples.hpp"
#include "kernels/rounding.hpp"

namespace coterie::cluster {

struct Nearest {
    index_t label = -1, second = -1;
    double score = -std::numeric_limits<double>::infinity();
    double second_score = -std::numeric_limits<double>::infinity();

    // In any order: ties go to the lowest.
    void offer(index_t c, double s) {
        if (is_before(c, s, label, score)) {
            second = label, second_score = score;
            label = c, score = s;
        } else if (is_before(c, s, second, second_score)) {
            second = c, second_score = s;
        }
    }

  private:
    static bool is_before(index_t a, double a_score, index_t b, double b_score) {
        return b < 0 || a_score > b_score || (a_score == b_score && a < b);
    }
};

// What the filter and the canonical scores say of one row.
struct Decision {
    Nearest nearest;  // scores only where they were needed
    Rivals rivals;
    index_t pairs = 0;       // compared with the best by the filter's packed row
    index_t candidates = 1;  // 1: certain without a canonical score
    float best = 0;          // the filter's highest score
};

// One row of the block that the filter scored last.
template <typename View>
class ScoredRow {
  public:
    ScoredRow(const Samples<View>& samples, const Centroids<View>& centroids, const Filter<View>& filter,
              index_t i, index_t r, FilterScratch& scratch)
        : samples_(samples),
          centroids_(centroids),
          filter_(filter),
          i_(i),
          r_(r),
          scratch_(scratch),
          scores_(scratch.scores.data() + r * filter.scores_stride()),
          bound_(scratch.bounds[static_cast<std::size_t>(r)]) {}

    // The label, certain; scores of the canonical kind only where candidates are left.
    Decision find_label() {
        if (is_silent()) return compare_all();
        top_two();
        const double reach = filter_.reach() * bound_.error;
        const float least = kernels::round_down(double{decision_.best} - reach);
        if (!Filter<View>::kKeepsRivals && second_ < least) {
            decision_.nearest.label = t_.find(scores_, filter_.k_padded(), decision_.best);
            decision_.rivals.limit_rest(double{decision_.best} - second_ - 2 * bound_.error);
            return decision_;
        }
        // The runner-up is a rival even where it is certain to lose.
        float below;
        const index_t n =
            t_.split_at(scores_, filter_.k_padded(), scratch_.maxima.data(),
                        centroids_.k == 1 ? least : std::min(least, second_), candidates(), &below);
        index_t* const label = &decision_.nearest.label;
        *label = *std::find_if(candidates(), candidates() + n,
                               [&](index_t c) { return scores_[c] == decision_.best; });
        decision_.rivals.limit_rest(double{decision_.best} - below - 2 * bound_.error);
        decision_.candidates = 1 + meet_rivals(n, least);
        if (decision_.candidates > 1) compare_undecided();
        return decision_;
    }

    // Label and runner-up, with their canonical scores.
    Decision find_two() {
        if (is_silent()) return compare_all();
        top_two();
        const float cut = centroids_.k == 1 ? decision_.best : second_;
        decision_.candidates = t_.collect_at_least(scores_, filter_.k_padded(),
                                                   kernels::round_down(cut - 2 * bound_.error), candidates());
        for (index_t q = 0; q < decision_.candidates; ++q) compare(candidates()[q]);
        return decision_;
    }

  private:
    bool is_silent() const { return bound_.error == std::numeric_limits<double>::infinity(); }
    std::int32_t* candidates() { return scratch_.candidates.data(); }
    void top_two() {
        t_.top_two(scores_, filter_.k_padded(), scratch_.maxima.data(), &decision_.best, &second_);
    }

    double compare(index_t c) {
        const double s = canonical_score(t_, samples_.x, i_, centroids_, c);
        decision_.nearest.offer(c, s);
        return s;
    }

    // Gaps of the n candidates to the best of them. Returns how many are undecided: they move to the front.
    index_t meet_rivals(index_t n, float least) {
        index_t undecided = 0;
        for (index_t q = 0; q < n; ++q) {
            const std::int32_t c = candidates()[q];
            if (c == decision_.nearest.label) continue;
            double gap = double{decision_.best} - scores_[c] - 2 * bound_.error;
            if (scores_[c] >= least && filter_.compares_pairs(scratch_)) {
                gap = std::max(gap, filter_.least_difference(r_, decision_.nearest.label, c,
                                                             filter_.pairs_recur(), scratch_));
                ++decision_.pairs;
            }
            if (gap > 0) {
                decision_.rivals.offer(c, gap);
            } else {
                candidates()[undecided++] = c;
            }
        }
        return undecided;
    }

    void compare_undecided() {
        const index_t first = decision_.nearest.label, n_others = decision_.candidates - 1;
        decision_.nearest = {};
        const double first_score = compare(first);
        scratch_.canonical.resize(static_cast<std::size_t>(n_others));
        for (index_t q = 0; q < n_others; ++q)
            scratch_.canonical[static_cast<std::size_t>(q)] = compare(candidates()[q]);
        const Nearest& nearest = decision_.nearest;
        decision_.rivals.lower(2 * bound_.rounding);
        const auto offer = [&](index_t c, double s) {
            if (c != nearest.label) decision_.rivals.offer(c, nearest.score - s - 2 * bound_.rounding);
        };
        offer(first, first_score);
        for (index_t q = 0; q < n_others; ++q)
            offer(candidates()[q], scratch_.canonical[static_cast<std::size_t>(q)]);
    }

    Decision compare_all() {
        for (index_t c = 0; c < centroids_.k; ++c) compare(c);
        decision_.candidates = centroids_.k;
        decision_.rivals.limit_rest(0);
        return decision_;
    }

    const Samples<View>& samples_;
    const Centroids<View>& centroids_;
    const Filter<View>& filter_;
    index_t i_, r_;
    FilterScratch& scratch_;
    const float* scores_;
    const RowBound& bound_;
    const kernels::Table& t_ = kernels::active();
    float second_ = 0;  // the filter's second highest score
    Decision decision_;
};

// One row of the block that the filter loaded last, with the label that only its rivals may take.
template <typename View>
class ContestedRow {
  public:
    ContestedRow(const Samples<View>& samples, const Centroids<View>& centroids, const Filter<View>& filter,
                 index_t i, index_t r, FilterScratch& scratch)
        : samples_(samples),
          centroids_(centroids),
          filter_(filter),
          i_(i),
          r_(r),
          scratch_(scratch),
          bound_(scratch.bounds[static_cast<std::size_t>(r)]),
          norm_(samples.metric == Metric::cosine
                    ? std::sqrt(samples.squared_norm[static_cast<std::size_t>(i)])
                    : 0) {}

    // Settles what the filter can tell between label and its rivals; bit q of the answer: not who wins against rival q.
    unsigned settle(std::int32_t label, LabelBounds& bounds) const {
        unsigned undecided = 0;
        for (int q = 0; q < Rivals::kMost; ++q) {
            const std::int32_t c = bounds.rival(i_, q);
            if (c < 0) break;
            if (!bounds.is_contested(i_, q, norm_, bound_.rounding)) continue;
            const double gap =
                filter_.compares_pairs(scratch_) ? filter_.least_difference(r_, label, c, true, scratch_) : 0;
            bounds.settle(i_, q, gap, norm_);  // nothing where the filter cannot tell
            undecided |= static_cast<unsigned>(!(gap > 0)) << q;
        }
        return undecided;
    }

    // The label among old_label and the undecided rivals, by canonical scores; bounds are brought up to date.
    Decision find_label(std::int32_t old_label, unsigned undecided, LabelBounds& bounds) const {
        const double old_score = score(old_label);
        double scores[Rivals::kMost] = {};
        Decision decision;
        Nearest& nearest = decision.nearest;
        nearest.offer(old_label, old_score);
        for (int q = 0; q < Rivals::kMost; ++q) {
            if ((undecided >> q & 1u) == 0) continue;
            scores[q] = score(bounds.rival(i_, q));
            nearest.offer(bounds.rival(i_, q), scores[q]);
            ++decision.candidates;
        }
        for (int q = 0; q < Rivals::kMost; ++q) {
            if ((undecided >> q & 1u) == 0) continue;
            const bool takes_over = bounds.rival(i_, q) == nearest.label;
            if (takes_over) bounds.take_over(i_, q, old_label, bound_.rounding, norm_);
            bounds.settle(i_, q, nearest.score - (takes_over ? old_score : scores[q]) - 2 * bound_.rounding,
                          norm_);
        }
        return decision;
    }

  private:
    double score(index_t c) const {
        return canonical_score(kernels::active(), samples_.x, i_, centroids_, c);
    }

    const Samples<View>& samples_;
    const Centroids<View>& centroids_;
    const Filter<View>& filter_;
    index_t i_, r_;
    FilterScratch& scratch_;
    const RowBound& bound_;
    double norm_;  // |x|, which euclidean bounds do not ask for
};

}  // namespace coterie::cluster
