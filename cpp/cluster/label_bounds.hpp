// Which rows an iteration need not look at (after Hamerly, SDM 2010, and Drake and Hamerly, OPT 2012, on the filter's
// certified scores).
//
// Let v(x, c) be the distance |x - c| (euclidean) or -<x, c> / |x| (cosine): a centroid that moves by delta changes v by at
// most delta. Each row keeps its rivals, the few centroids that came next, and a gap <= v(x, c) - v(x, own) for each rival
// c and one for all the others. While a gap stays above the rounding of the canonical score, its centroids cannot take the
// row: all gaps, and the row is skipped; the last one, and the row is compared with its rivals alone. The gap to a rival
// shrinks by what that rival moved, not by what the farthest mover did, so most rows are skipped. The last gap does shrink
// by that, and in data without clear clusters some centroid moves far in almost every iteration: where the gap would hold
// but for the few that moved farthest, the row is compared with those alone. No bit changes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/filter.hpp"
#include "cluster/samples.hpp"
#include "kernels/rounding.hpp"

namespace coterie::cluster {

// What is known of a row's label before its scores are.
enum class Standing {
    certain,
    contested,  // a rival may have become the label, no other centroid
    exposed,    // besides rivals only centroids that moved far may have: see meet_far_movers
    unknown,
};

// The centroids that follow a row's label, each with a lower bound of s(x, label) - s(x, c).
class Rivals {
  public:
    static constexpr int kMost = 3;

    Rivals() { column_.fill(-1); }

    // Keeps the kMost with the least gap; the others lower the bound for the rest.
    void offer(index_t c, double gap);
    // Every centroid not offered is below the label by at least gap.
    void limit_rest(double gap) { rest_ = std::min(rest_, gap); }
    // For every gap: the label's score was overestimated by up to loss.
    void lower(double loss);

    std::int32_t column(int q) const {
        return column_[static_cast<std::size_t>(q)];
    }  // -1: there are no more
    double gap(int q) const { return gap_[static_cast<std::size_t>(q)]; }
    double rest() const { return rest_; }

  private:
    std::array<std::int32_t, kMost> column_;
    std::array<double, kMost> gap_{};
    double rest_ = std::numeric_limits<double>::infinity();
};

class LabelBounds {
  public:
    LabelBounds(index_t n_samples, Metric metric) : metric_(metric), n_samples_(n_samples) {}

    // Labels have changed that no bound was told of.
    void forget() { rows_.clear(); }

    // Rows are numbered from this one on from now; of n_samples.
    void start_at(index_t first) { first_ = first; }

    // Takes how far each centroid moved since the bounds were last true; squared_shift: [k].
    void centroids_moved(const std::vector<double>& squared_shift);

    // What canonical scores of these centroids may round for rows of up to largest_norm with up to n_products terms. Comes
    // before anything is asked or said of a row.
    void set_rounding(const CentroidNorms& centroids, double largest_norm, index_t n_products);

    // Moves row i's bounds along with the centroids. rounding() tells {|x_i|, what one canonical score rounds}; asked only
    // where it matters.
    template <typename RoundingOf>
    Standing moves_along(index_t i, std::int32_t label, const RoundingOf& rounding) {
        Row& r = row(i);
        if (r.rest <= 0 || shift_.empty()) return Standing::unknown;
        const float own = shift_of(label);
        const float rest = lowered(r.rest, own + (label == farthest_ ? second_shift_ : largest_shift_));
        r.own = (r.own + own) + (std::abs(r.own) + own) * 0x1p-22f;
        float least = rest;
        for (int q = 0; q < Rivals::kMost; ++q) {
            r.gap[q] = lowered(r.gap[q], own + shift_of(r.rival[q]));
            least = std::min(least, r.gap[q]);
        }
        // One branch for most rows: which of the two they are cannot be foreseen.
        const bool is_sure = least > sure_gap_, is_lost = least <= 0;
        if (rest > sure_gap_ && is_sure | is_lost) {
            r.rest = rest;
            return is_sure ? Standing::certain : Standing::contested;
        }
        const auto [norm, error] = rounding();
        const bool holds = exceeds(rest, norm, error);
        r.rest = holds ? rest : lowered(r.rest, own + near_shift_);
        if (holds) return exceeds(least, norm, error) ? Standing::certain : Standing::contested;
        return !far_movers_.empty() && exceeds(r.rest, norm, error) ? Standing::exposed : Standing::unknown;
    }

    // The centroids that moved farthest, by number; none where there are too few centroids for it to matter.
    const std::vector<std::int32_t>& far_movers() const { return far_movers_; }
    // For an exposed row once the filter has scored it against far_movers(), in their order. First its rivals among them take
    // their scores, and its label, so that these are -infinity afterwards; then the highest of the others says what the row
    // is. The bounds of a row that stays unknown are not to be used.
    // norm() tells |x_i|; rounding() as for moves_along.
    template <typename NormOf>
    void take_scores(index_t i, std::int32_t label, float* scores, const RowBound& bound,
                     const NormOf& norm) {
        Row& r = row(i);
        const auto take = [&](std::int32_t place) {
            return std::exchange(scores[place], -std::numeric_limits<float>::infinity());
        };
        for (int q = 0; q < Rivals::kMost; ++q) {
            const std::int32_t place = place_of(r.rival[q]);
            if (place >= 0) r.gap[q] = std::max(r.gap[q], gap_at(take(place), r, bound, norm));
        }
        if (place_of(label) >= 0) take(place_of(label));
    }
    template <typename RoundingOf>
    Standing meet_far_movers(index_t i, float best, const RowBound& bound, const RoundingOf& rounding) {
        Row& r = row(i);
        const auto norm = [&] { return rounding().first; };
        if (!is_beyond(r.rest, best, r, bound)) r.rest = std::min(r.rest, gap_at(best, r, bound, norm));
        float least = r.rest;
        for (const float gap : r.gap) least = std::min(least, gap);
        if (least > sure_gap_) return Standing::certain;
        const auto [length, error] = rounding();
        if (!exceeds(r.rest, length, error)) return Standing::unknown;
        return exceeds(least, length, error) ? Standing::certain : Standing::contested;
    }

    // The label has been found among all centroids, best is the filter's highest score of the row, and the label's canonical
    // score may be below that of the column that had it by up to bound.rounding.
    void certify(index_t i, const Rivals& rivals, float best, const RowBound& bound, double norm);

    // The rivals of a contested row, whose gaps settle() and take_over() bring up to date.
    std::int32_t rival(index_t i, int q) const { return row(i).rival[q]; }  // -1: there are no more
    bool is_contested(index_t i, int q, double norm, double canonical_error) const {
        return !exceeds(row(i).gap[q], norm, canonical_error);
    }
    // s(x, label) - s(x, rival q) >= score_gap.
    void settle(index_t i, int q, double score_gap, double norm);
    // Rival q takes the row from its label, which becomes rival q; rounding is that of a canonical score.
    void take_over(index_t i, int q, std::int32_t label, double rounding, double norm);

    // At least the loss of row i at its own centroid: the squared distance (euclidean), or infinity where nothing is known.
    double loss_at_most(index_t i) const {
        if (rows_.empty()) return std::numeric_limits<double>::infinity();
        const double own = row(i).own;
        return metric_ == Metric::euclidean && row(i).rest > 0 ? own * own * (1 + 1e-6)
                                                               : std::numeric_limits<double>::infinity();
    }

  private:
    static constexpr float kLargestGap = 1e30f;  // a centroid alone has no other near it

    // Two in a cache line.
    struct Row {
        float rest = 0;                 // for every centroid that is no rival; 0: nothing is known of the row
        float own = 0;                  // v(x, own) is not above this
        float gap[Rivals::kMost] = {};  // kLargestGap where there is no rival
        std::int32_t rival[Rivals::kMost] = {-1, -1, -1};
    };

    Row& row(index_t i) { return rows_[static_cast<std::size_t>(first_ + i)]; }
    const Row& row(index_t i) const { return rows_[static_cast<std::size_t>(first_ + i)]; }
    // Also of the rival that is not there, -1.
    float shift_of(std::int32_t c) const { return shift_[static_cast<std::size_t>(c + 1)]; }
    std::int32_t place_of(std::int32_t c) const { return place_[static_cast<std::size_t>(c + 1)]; }
    // gap - moved in float32, rounded so that it is not above the exact difference of gap and any sum that rounds to moved.
    static float lowered(float gap, float moved) { return (gap - moved) - (gap + moved) * 0x1p-22f; }
    void find_far_movers();
    bool exceeds(double gap, double norm, double canonical_error) const;
    // At most |x - c|^2 (euclidean) for a centroid of this score.
    static double least_squared(float score, const RowBound& bound) {
        return std::max(0.0, bound.squared_norm - bound.norm_error - 2 * (double{score} + bound.error));
    }
    // At most v(x, c) - v(x, own) for a centroid of this score.
    template <typename NormOf>
    float gap_at(float score, const Row& r, const RowBound& bound, const NormOf& norm) const {
        const double v = metric_ == Metric::euclidean ? std::sqrt(least_squared(score, bound))
                                                      : -(double{score} + bound.error) / norm();
        const double gap = v - std::abs(v) * 1e-9 - r.own;
        return gap > 0 ? kernels::round_down(std::min(gap, double{kLargestGap})) : 0;
    }
    // Whether a centroid of this score is known to be farther than the row's own by more than gap; without a root.
    bool is_beyond(float gap, float score, const Row& r, const RowBound& bound) const {
        const double v = double{r.own} + gap;
        return metric_ == Metric::euclidean && least_squared(score, bound) > v * v * (1 + 1e-9);
    }
    float gap_of(double score_gap, double own, double norm) const;

    Metric metric_;
    index_t n_samples_, first_ = 0;
    std::vector<Row> rows_;     // of all samples, from the first set_rounding on
    std::vector<float> shift_;  // [1 + k] 0, then upper bounds of the last move
    float largest_shift_ = 0, second_shift_ = 0, sure_gap_ = 0;
    std::int32_t farthest_ = -1;                    // the centroid that moved most
    std::vector<std::int32_t> far_movers_, place_;  // [1 + k] a centroid's place among them, or -1
    float near_shift_ = 0;                          // no other centroid moved farther
};

}  // namespace coterie::cluster
