// Which rows an iteration need not look at (Hamerly, SDM 2010, on the filter's certified scores).
//
// Let v(x, c) be the distance |x - c| (euclidean) or -<x, c> / |x| (cosine): a centroid that moves by delta
// changes v by at most delta. Each row keeps upper >= v(x, own) and lower <= v(x, any other); as long as they
// stay apart by more than the rounding of the canonical score, the label cannot have changed, and the row is
// skipped. So skipping never changes a bit.
#pragma once

#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/filter.hpp"
#include "cluster/samples.hpp"

namespace coterie::cluster {

class LabelBounds {
  public:
    LabelBounds(index_t n_samples, Metric metric)
        : metric_(metric),
          upper_(static_cast<std::size_t>(n_samples), kUnknown),
          lower_(static_cast<std::size_t>(n_samples), -kUnknown) {}

    // Takes how far each centroid moved since the bounds were last true; squared_shift: [k].
    void centroids_moved(const std::vector<double>& squared_shift);

    // Moves row i's bounds along with the centroids and tells whether its label is still certain.
    // canonical_error bounds the rounding of a canonical score of this row; norm is |x_i|.
    bool still_holds(index_t i, std::int32_t label, double norm, double canonical_error);

    // The filter certified label: best and second are its two highest scores of the row.
    void certify(index_t i, float best, float second, const RowBound& bound, double norm);

    // The filter left several candidates: look again next time.
    void forget(index_t i);

  private:
    static constexpr float kUnknown = 3e38f;

    Metric metric_;
    std::vector<float> upper_, lower_;  // [n]
    std::vector<double> shift_;         // [k] upper bounds of the last move
    double largest_shift_ = 0, second_shift_ = 0;
    std::int32_t farthest_ = -1;  // the centroid that moved most
};

}  // namespace coterie::cluster
