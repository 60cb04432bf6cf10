#include "cluster/label_bounds.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/rounding.hpp"

namespace coterie::cluster {
namespace {

float rounded_up(double value) {
    return kernels::next_above(static_cast<float>(value));
}
float rounded_down(double value) {
    return kernels::next_below(static_cast<float>(value));
}

}  // namespace

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

bool LabelBounds::still_holds(index_t i, std::int32_t label, double norm, double canonical_error) {
    const auto s = static_cast<std::size_t>(i);
    if (upper_[s] >= lower_[s] || shift_.empty()) return false;
    const double own = shift_[static_cast<std::size_t>(label)];
    const double others = label == farthest_ ? second_shift_ : largest_shift_;
    upper_[s] = rounded_up(upper_[s] + own);
    lower_[s] = rounded_down(lower_[s] - others);
    const double upper = upper_[s], lower = lower_[s];
    if (!(upper < lower)) return false;
    const double score_gap =
        metric_ == Metric::euclidean ? (lower - upper) * (lower + upper) / 2 : (lower - upper) * norm;
    return score_gap * (1 - 1e-9) > 2 * canonical_error;
}

void LabelBounds::certify(index_t i, float best, float second, const RowBound& bound, double norm) {
    const auto s = static_cast<std::size_t>(i);
    const double own = best - bound.error, other = second + bound.error;
    if (metric_ == Metric::cosine) {
        if (norm == 0) return forget(i);
        upper_[s] = rounded_up(-own / norm);
        lower_[s] = rounded_down(-other / norm);
        return;
    }
    upper_[s] = rounded_up(std::sqrt(std::max(0.0, bound.squared_norm + bound.norm_error - 2 * own)));
    lower_[s] = rounded_down(std::sqrt(std::max(0.0, bound.squared_norm - bound.norm_error - 2 * other)));
}

void LabelBounds::forget(index_t i) {
    upper_[static_cast<std::size_t>(i)] = kUnknown;
    lower_[static_cast<std::size_t>(i)] = -kUnknown;
}

}  // namespace coterie::cluster
