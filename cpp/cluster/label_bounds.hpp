// Which rows an iteration need not look at (after Hamerly, SDM 2010, and Drake and Hamerly, OPT 2012, on the filter's
// certified scores).
//
// Let v(x, c) be the distance |x - c| (euclidean) or -<x, c> / |x| (cosine): a centroid that moves by delta changes v by at
// most delta. Each row keeps its rivals, the few centroids that came next, and a gap <= v(x, c) - v(x, own) for each rival
// c and one for all the others. While a gap stays above the rounding of the canonical score, its centroids cannot take the
// row: all gaps, and the row is skipped; the last one, and the row is compared with its rivals alone. The gap to a rival
// shrinks by what that rival moved, not by what the farthest mover did, so most rows are skipped. No bit changes.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/filter.hpp"
#include "cluster/samples.hpp"

namespace coterie::cluster {

// What is known of a row's label before its scores are.
enum class Standing {
    certain,
    contested,  // a rival may have become the label, no other centroid
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
        r.rest = lowered(r.rest, own + (label == farthest_ ? second_shift_ : largest_shift_));
        r.own = (r.own + own) * (1 + 0x1p-22f);
        float least = r.rest;
        for (int q = 0; q < Rivals::kMost; ++q) {
            r.gap[q] = lowered(r.gap[q], own + shift_of(r.rival[q]));
            least = std::min(least, r.gap[q]);
        }
        // One branch for most rows: which of the two they are cannot be foreseen.
        const bool is_sure = least > sure_gap_, is_lost = least <= 0;
        if (r.rest > sure_gap_ && is_sure | is_lost) return is_sure ? Standing::certain : Standing::contested;
        const auto [norm, error] = rounding();
        if (!exceeds(r.rest, norm, error)) return Standing::unknown;
        return exceeds(least, norm, error) ? Standing::certain : Standing::contested;
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
        float own = 0;                  // euclidean: |x - own centroid| is not above this
        float gap[Rivals::kMost] = {};  // kLargestGap where there is no rival
        std::int32_t rival[Rivals::kMost] = {-1, -1, -1};
    };

    Row& row(index_t i) { return rows_[static_cast<std::size_t>(first_ + i)]; }
    const Row& row(index_t i) const { return rows_[static_cast<std::size_t>(first_ + i)]; }
    // Also of the rival that is not there, -1.
    float shift_of(std::int32_t c) const { return shift_[static_cast<std::size_t>(c + 1)]; }
    // gap - moved in float32, rounded so that it is not above the exact difference of gap and any sum that rounds to moved.
    static float lowered(float gap, float moved) { return (gap - moved) - (gap + moved) * 0x1p-22f; }
    bool exceeds(double gap, double norm, double canonical_error) const;
    float gap_of(double score_gap, double own, double norm) const;

    Metric metric_;
    index_t n_samples_, first_ = 0;
    std::vector<Row> rows_;     // of all samples, from the first set_rounding on
    std::vector<float> shift_;  // [1 + k] 0, then upper bounds of the last move
    float largest_shift_ = 0, second_shift_ = 0, sure_gap_ = 0;
    std::int32_t farthest_ = -1;  // the centroid that moved most
};

}  // namespace coterie::cluster
