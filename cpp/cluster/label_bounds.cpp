#include "cluster/label_bounds.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/rounding.hpp"

namespace coterie::cluster {

void LabelBounds::centroids_moved(const std::vector<double>& squared_shift) {
    shift_.resize(squared_shift.size());
    largest_shift_ = second_shift_ = 0;
    farthest_ = -1;
    for (std::size_t c = 0; c < shift_.size(); ++c) {
        shift_[c] = std::sqrt(squared_shift[c]) * (1 + 1e-9);
        if (shift_[c] > largest_shift_) {
            second_shift_ = largest_shift_;
            largest_shift_ = shift_[c];
            farthest_ = static_cast<std::int32_t>(c);
        } else {
            second_shift_ = std::max(second_shift_, shift_[c]);
        }
    }
}

bool LabelBounds::moves_along(index_t i, std::int32_t label) {
    float& gap = gap_of(i);
    if (gap <= 0 || shift_.empty()) return false;
    const double own = shift_[static_cast<std::size_t>(label)];
    const double others = label == farthest_ ? second_shift_ : largest_shift_;
    gap = kernels::round_down(gap - (own + others) * kernels::kUpward);
    return gap > 0;
}

bool LabelBounds::exceeds(index_t i, double norm, double canonical_error) {
    // v_b^2 - v_a^2 = (v_b - v_a) (v_b + v_a), and v_b + v_a >= v_b - v_a.
    const double gap = gap_of(i);
    const double score_gap = metric_ == Metric::euclidean ? gap * gap / 2 : gap * norm;
    return score_gap * (1 - 1e-9) > 2 * canonical_error;
}

void LabelBounds::certify(index_t i, double score_gap, float best, const RowBound& bound, double norm) {
    float& gap = gap_of(i);
    gap = 0;
    if (!(score_gap > 0)) return;
    if (metric_ == Metric::cosine) {
        if (norm > 0) gap = kernels::round_down(score_gap / (norm * kernels::kUpward));
        return;
    }
    // v_b - v_a for v_b^2 = v_a^2 + 2 score_gap falls as v_a grows.
    const double squared = std::max(0.0, bound.squared_norm + bound.norm_error - 2 * (best - bound.error));
    const double sum = std::sqrt(squared) + std::sqrt(squared + 2 * score_gap);
    gap = kernels::round_down(2 * score_gap / (sum * kernels::kUpward));
}

}  // namespace coterie::cluster
