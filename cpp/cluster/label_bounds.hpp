// Which rows an iteration need not look at (after Hamerly, SDM 2010, on the filter's certified scores).
//
// Let v(x, c) be the distance |x - c| (euclidean) or -<x, c> / |x| (cosine): a centroid that moves by delta
// changes v by at most delta. Each row keeps gap <= v(x, any other) - v(x, own); as long as that stays above the
// rounding of the canonical score, the label cannot have changed, and the row is skipped. So skipping never
// changes a bit.
#pragma once

#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/filter.hpp"
#include "cluster/samples.hpp"

namespace coterie::cluster {

class LabelBounds {
  public:
    LabelBounds(index_t n_samples, Metric metric)
        : metric_(metric), gap_(static_cast<std::size_t>(n_samples), 0) {}

    // Rows are numbered from this one on from now; of n_samples.
    void start_at(index_t first) { first_ = first; }

    // Takes how far each centroid moved since the bounds were last true; squared_shift: [k].
    void centroids_moved(const std::vector<double>& squared_shift);

    // Moves row i's bound along with the centroids and tells whether it is still above zero.
    bool moves_along(index_t i, std::int32_t label);
    // Whether the label is certain: the bound is above the rounding of two canonical scores, canonical_error each; norm is
    // |x_i|.
    bool exceeds(index_t i, double norm, double canonical_error);

    // The label is certain, s(x, label) is above every other score by at least score_gap, and best is the
    // filter's highest score of the row; norm is |x_i|.
    void certify(index_t i, double score_gap, float best, const RowBound& bound, double norm);

  private:
    float& gap_of(index_t i) { return gap_[static_cast<std::size_t>(first_ + i)]; }

    Metric metric_;
    index_t first_ = 0;
    std::vector<float> gap_;     // [n]; 0: unknown
    std::vector<double> shift_;  // [k] upper bounds of the last move
    double largest_shift_ = 0, second_shift_ = 0;
    std::int32_t farthest_ = -1;  // the centroid that moved most
};

}  // namespace coterie::cluster
