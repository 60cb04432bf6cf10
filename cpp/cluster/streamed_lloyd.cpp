#include "cluster/streamed_lloyd.hpp"

#include <utility>
#include <vector>

#include "cluster/filter_choice.hpp"
#include "core/check.hpp"

namespace coterie::cluster {

template <typename View>
StreamedLloyd<View>::StreamedLloyd(index_t n_samples, index_t k, Metric metric, Scales scales, int n_threads)
    : n_samples_(n_samples),
      centroids_(k, static_cast<index_t>(scales.feature.size()), metric),
      scales_(std::move(scales)),
      n_threads_(n_threads),
      bounds_(n_samples, metric) {}

template <typename View>
void StreamedLloyd<View>::start(const float* centers, bool are_new) {
    centroids_.assign_rows(centers, n_threads_);
    if (are_new && centroids_.metric == Metric::cosine) centroids_.normalise(n_threads_);
    bounds_ = LabelBounds(n_samples_, centroids_.metric);
    keeps_bounds_ = bounds_pay_at_once<View>(centroids_.k);
    is_settled_ = has_rows_ = false;
    if (sums_) sums_->clear();
}

template <typename View>
void StreamedLloyd<View>::begin(bool is_last) {
    is_last_ = is_last;
    pass_ = {};
    n_seen_ = 0;
}

template <typename View>
void StreamedLloyd<View>::add(const Samples<View>& block, index_t first, std::int32_t* labels) {
    require(first == n_seen_ && first + block.x.rows <= n_samples_, "kmeans", "rows ", first, " to ",
            first + block.x.rows, " must follow row ", n_seen_, " of ", n_samples_);
    if (!is_last_) {
        if (sums_) {
            sums_->go_on_with(block);
        } else {
            sums_.emplace(block, centroids_.k, scales_);
        }
        if (has_rows_) sums_->start_from(labels);
    }
    bounds_.start_at(first);
    FilterChoice<View> filter(block, centroids_, 1);
    if (is_settled_) filter.leave_lanes();
    pass_.stats.add(assign_labels(block, centroids_, labels, filter.packed(),
                                  keeps_bounds_ ? &bounds_ : nullptr, filter.is_narrow()));
    pass_.filter = filter.name();
    if (is_last_) {
        pass_.inertia.add(exact_inertia(block, centroids_, labels));
    } else {
        sums_->move_rows(labels);
    }
    for (const double norm : block.squared_norm) pass_.squared_norm.add(norm);
    n_seen_ += block.x.rows;
}

template <typename View>
PassResult StreamedLloyd<View>::finish() {
    require(n_seen_ == n_samples_, "kmeans", "a pass saw ", n_seen_, " rows of ", n_samples_);
    if (!is_last_) {
        keeps_bounds_ = keeps_bounds_ || bounds_hold(pass_.stats.changed, n_samples_);
        is_settled_ = is_settled_ || is_settled(pass_.stats.changed, n_samples_);
        has_rows_ = true;
    }
    return std::move(pass_);
}

template <typename View>
std::vector<double> StreamedLloyd<View>::update_centroids(const Samples<View>& moved,
                                                          const std::int32_t* from, const std::int32_t* to) {
    require(has_rows_, "kmeans", "centres can be updated after a pass only");
    const auto move_rows = [&](const std::int32_t* before, const std::int32_t* after) {
        sums_->go_on_with(moved);
        sums_->start_from(before);
        sums_->move_rows(after);
    };
    move_rows(from, to);
    std::vector<double> squared_shift = sums_->update_centroids(centroids_);
    move_rows(to, from);
    bounds_.centroids_moved(squared_shift);
    return squared_shift;
}

template class StreamedLloyd<Dense>;
template class StreamedLloyd<Sparse>;

}  // namespace coterie::cluster
