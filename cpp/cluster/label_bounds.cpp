#include "cluster/label_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/rounding.hpp"

namespace coterie::cluster {
namespace {

using kernels::kUpward;
using kernels::next_above;
using kernels::round_down;

// One centroid in so many is a far mover, rounded down to whole tiles of columns, of which there is one at least.
constexpr std::int32_t kCentroidsForEach = 16, kTile = 16;

}  // namespace

void Rivals::offer(index_t c, double gap) {
    auto column = static_cast<std::int32_t>(c);
    for (std::size_t q = 0; q < kMost; ++q) {
        if (column_[q] >= 0 && gap_[q] <= gap) continue;
        std::swap(column_[q], column);
        std::swap(gap_[q], gap);
        if (column < 0) return;
    }
    limit_rest(gap);
}

void Rivals::lower(double loss) {
    for (double& gap : gap_) gap -= loss;
    rest_ -= loss;
}

void LabelBounds::centroids_moved(const std::vector<double>& squared_shift) {
    shift_.assign(squared_shift.size() + 1, 0.0f);
    largest_shift_ = second_shift_ = 0;
    farthest_ = -1;
    for (std::size_t c = 0; c < squared_shift.size(); ++c) {
        const float shift = next_above(static_cast<float>(std::sqrt(squared_shift[c]) * (1 + 1e-9)));
        shift_[c + 1] = shift;
        if (shift > largest_shift_) {
            second_shift_ = largest_shift_;
            largest_shift_ = shift;
            farthest_ = static_cast<std::int32_t>(c);
        } else {
            second_shift_ = std::max(second_shift_, shift);
        }
    }
    find_far_movers();
}

void LabelBounds::find_far_movers() {
    const auto k = static_cast<std::int32_t>(shift_.size()) - 1;
    far_movers_.clear();
    near_shift_ = largest_shift_;
    const std::int32_t n_far = std::max(k / kCentroidsForEach / kTile, 1) * kTile;
    if (n_far >= k) return;
    std::vector<std::int32_t> by_shift(static_cast<std::size_t>(k));
    std::iota(by_shift.begin(), by_shift.end(), 0);
    const auto first_near = by_shift.begin() + n_far;
    std::nth_element(by_shift.begin(), first_near, by_shift.end(),
                     [&](std::int32_t a, std::int32_t b) { return shift_of(a) > shift_of(b); });
    near_shift_ = shift_of(*first_near);
    if (near_shift_ == largest_shift_) return;
    far_movers_.assign(by_shift.begin(), first_near);
    place_.assign(shift_.size(), -1);
    for (std::size_t m = 0; m < far_movers_.size(); ++m)
        place_[static_cast<std::size_t>(far_movers_[m]) + 1] = static_cast<std::int32_t>(m);
}

void LabelBounds::set_rounding(const CentroidNorms& centroids, double largest_norm, index_t n_products) {
    rows_.resize(static_cast<std::size_t>(n_samples_));
    // Cosine scores have no bias, so both sides of exceeds() are proportional to the row's length.
    const bool is_euclidean = metric_ == Metric::euclidean;
    const double error = canonical_error(centroids, is_euclidean ? largest_norm : 1, n_products);
    sure_gap_ = next_above(static_cast<float>((is_euclidean ? 2 * std::sqrt(error) : 2 * error) * kUpward));
}

bool LabelBounds::exceeds(double gap, double norm, double canonical_error) const {
    if (gap <= 0) return false;
    // v_b^2 - v_a^2 = (v_b - v_a) (v_b + v_a), and v_b + v_a >= v_b - v_a.
    const double score_gap = metric_ == Metric::euclidean ? gap * gap / 2 : gap * norm;
    return score_gap * (1 - 1e-9) > 2 * canonical_error;
}

float LabelBounds::gap_of(double score_gap, double own, double norm) const {
    score_gap = score_gap > 0 ? std::min(score_gap, double{kLargestGap}) : 0;
    if (metric_ == Metric::cosine) return norm > 0 ? round_down(score_gap / (norm * kUpward)) : 0;
    // v_b - v_a for v_b^2 = v_a^2 + 2 score_gap falls as v_a grows.
    const double sum = own + std::sqrt(own * own + 2 * score_gap) + std::numeric_limits<double>::min();
    return round_down(2 * score_gap / (sum * kUpward));
}

void LabelBounds::certify(index_t i, const Rivals& rivals, float best, const RowBound& bound, double norm) {
    Row& r = row(i);
    const double score = best - bound.error - 2 * bound.rounding;  // s(x, label) is not below it
    double own = 0;
    if (metric_ == Metric::euclidean) {
        own = std::sqrt(std::max(0.0, bound.squared_norm + bound.norm_error - 2 * score));
    } else if (norm > 0) {
        own = -score / norm;
    }
    r.own = next_above(static_cast<float>(own + std::abs(own) * (kUpward - 1)));
    r.rest = gap_of(rivals.rest(), own, norm);
    for (int q = 0; q < Rivals::kMost; ++q) {
        r.rival[q] = rivals.column(q);
        r.gap[q] = r.rival[q] < 0 ? kLargestGap : gap_of(rivals.gap(q), own, norm);
    }
}

void LabelBounds::settle(index_t i, int q, double score_gap, double norm) {
    Row& r = row(i);
    r.gap[q] = gap_of(score_gap, r.own, norm);
}

void LabelBounds::take_over(index_t i, int q, std::int32_t label, double rounding, double norm) {
    Row& r = row(i);
    std::swap(r.rival[q], label);
    r.gap[q] = 0;
    // Canonical scores say that v fell; without their rounding it may have grown: v_new^2 <= v_old^2 + 4 rounding.
    const double grown = metric_ == Metric::euclidean ? 2 * std::sqrt(rounding)
                         : norm > 0                   ? 2 * rounding / norm
                                                      : 0.0;
    r.own = next_above(static_cast<float>(r.own + grown * kUpward));
    r.rest = round_down(r.rest - grown * kUpward);
    for (int p = 0; p < Rivals::kMost && r.rival[p] >= 0; ++p)
        if (p != q) r.gap[p] = round_down(r.gap[p] - grown * kUpward);
}

}  // namespace coterie::cluster
