#include "cluster/stream_pass.hpp"

#include <utility>
#include <vector>

#include "cluster/filter_choice.hpp"
#include "core/check.hpp"
#include "core/parallel.hpp"

namespace coterie::cluster {
namespace {

float value(const Centroids<Dense>& centroids, index_t c, index_t j) {
    return centroids.row(c)[j];
}
float value(const Centroids<Sparse>& centroids, index_t c, index_t j) {
    return centroids.term(j)[c];
}

// |c_new - c_old|^2 of each centroid; centroids of one task share cache lines where they are stored by term.
template <typename View>
std::vector<double> squared_shift(const Centroids<View>& old, const float* centers, int n_threads) {
    std::vector<double> shift(static_cast<std::size_t>(old.k), 0);
    parallel_for_rows(old.k, 16, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t j = 0; j < old.d; ++j) {
            for (index_t c = begin; c < end; ++c) {
                const double moved = double{centers[c * old.d + j]} - double{value(old, c, j)};
                shift[static_cast<std::size_t>(c)] += moved * moved;
            }
        }
    });
    return shift;
}

}  // namespace

template <typename View>
StreamPass<View>::StreamPass(index_t n_samples, index_t k, Metric metric, Scales scales, int n_threads)
    : n_samples_(n_samples),
      centroids_(k, static_cast<index_t>(scales.feature.size()), metric),
      scales_(std::move(scales)),
      n_threads_(n_threads),
      bounds_(n_samples, metric),
      keeps_bounds_(bounds_pay_at_once<View>(k)) {}

template <typename View>
void StreamPass<View>::begin(const float* centers, const PassOptions& options) {
    // After a pass that saw every row the bounds are those of its centroids.
    const bool saw_all = n_seen_ == n_samples_;
    if (saw_all && keeps_bounds_) {
        bounds_.centroids_moved(squared_shift(centroids_, centers, n_threads_));
    } else if (!saw_all) {
        bounds_ = LabelBounds(n_samples_, centroids_.metric);
    }
    keeps_bounds_ = keeps_bounds_ || (saw_all && bounds_hold(n_changed_, n_samples_));
    is_settled_ = is_settled_ || (saw_all && is_settled(n_changed_, n_samples_));
    centroids_.assign_rows(centers, n_threads_);
    options_ = options;
    partial_ = {};
    squared_norm_ = {};
    n_seen_ = 0;
    if (sums_) sums_->clear();
}

template <typename View>
void StreamPass<View>::add(const Samples<View>& block, index_t first, std::int32_t* labels) {
    require(first == n_seen_ && first + block.x.rows <= n_samples_, "kmeans", "rows ", first, " to ",
            first + block.x.rows, " must follow row ", n_seen_, " of ", n_samples_);
    if (sums_) {
        sums_->go_on_with(block);
    } else {
        sums_.emplace(block, centroids_.k, scales_);
    }
    if (options_.as_difference) sums_->start_from(labels);
    bounds_.start_at(first);
    FilterChoice<View> filter(block, centroids_, 1);
    if (is_settled_) filter.leave_lanes();
    partial_.stats.add(assign_labels(block, centroids_, labels, filter.packed(),
                                     keeps_bounds_ ? &bounds_ : nullptr, filter.is_narrow()));
    sums_->move_rows(labels);
    partial_.filter = filter.name();
    if (options_.with_inertia) partial_.inertia.add(exact_inertia(block, centroids_, labels));
    for (const double norm : block.squared_norm) squared_norm_.add(norm);
    n_seen_ += block.x.rows;
}

template <typename View>
Partial StreamPass<View>::finish() {
    const index_t k = centroids_.k;
    partial_.sums.assign(static_cast<std::size_t>(k * centroids_.d), 0);
    partial_.cluster_weight.assign(static_cast<std::size_t>(k), 0);
    if (sums_) sums_->copy(partial_.sums.data(), partial_.cluster_weight.data());
    n_changed_ = partial_.stats.changed;
    return std::move(partial_);
}

template class StreamPass<Dense>;
template class StreamPass<Sparse>;

}  // namespace coterie::cluster
