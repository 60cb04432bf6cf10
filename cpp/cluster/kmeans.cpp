#include "cluster/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>

#include "cluster/assign_labels.hpp"
#include "cluster/data_range.hpp"
#include "cluster/filter_choice.hpp"
#include "cluster/update_centroids.hpp"
#include "core/check.hpp"

namespace coterie::cluster {

namespace {

// The sums of the clusters are those of all rows, at the scales that the variance wants unless rows have weights.
template <typename View>
double variance_of(const Samples<View>& samples, const ClusterSums<View>& sums) {
    if constexpr (std::is_same_v<View, Dense>) {
        if (samples.weight == nullptr) return mean_feature_variance(samples, sums.feature_sums());
    }
    return mean_feature_variance(samples);
}

}  // namespace

template <typename View>
LloydResult kmeans(const Samples<View>& samples, Centroids<View>& centroids, const LloydOptions& options) {
    require(centroids.k <= samples.x.rows, "kmeans", "n_samples=", samples.x.rows,
            " must be >= n_clusters=", centroids.k);
    const std::vector<double>& norms = centroids.squared_norm;
    require(std::all_of(norms.begin(), norms.end(), [](double v) { return std::isfinite(v); }), "kmeans",
            "init must give finite centres; got NaN or infinity");
    LloydResult result;
    result.labels.assign(static_cast<std::size_t>(samples.x.rows), -1);
    std::int32_t* const labels = result.labels.data();
    ClusterSums<View> sums(samples, centroids.k, scales_of(samples));
    LabelBounds bounds(samples.x.rows, samples.metric);
    FilterChoice<View> filter(samples, centroids, options.max_iter);
    AssignStats totals;
    bool keeps_bounds = bounds_pay_at_once<View>(centroids.k);
    const auto assign = [&] {
        const AssignStats stats = assign_labels(samples, centroids, labels, filter.packed(),
                                                keeps_bounds ? &bounds : nullptr, filter.is_narrow());
        keeps_bounds = keeps_bounds || bounds_hold(stats.changed, samples.x.rows);
        filter.learn(stats);
        totals.add(stats);
        return stats.changed;
    };

    bool labels_are_stale = true;
    double tol = options.tol;
    for (result.n_iter = 1; result.n_iter <= options.max_iter; ++result.n_iter) {
        const index_t changed = assign();
        sums.move_rows(labels);
        if (result.n_iter == 1 && options.tol_is_relative && tol > 0) tol *= variance_of(samples, sums);
        sums.relocate_empty(centroids, labels, bounds);
        const std::vector<double> squared_shift = sums.update_centroids(centroids);
        bounds.centroids_moved(squared_shift);
        filter.learn(sums);
        const double shift = std::accumulate(squared_shift.begin(), squared_shift.end(), 0.0);
        labels_are_stale = shift > 0;
        if (options.on_iteration) options.on_iteration(result.n_iter, changed);
        result.converged = changed == 0;
        if (result.converged || shift <= tol) break;
    }
    result.n_iter = std::min(result.n_iter, options.max_iter);
    if (labels_are_stale) assign();

    result.inertia = inertia(samples, centroids, labels);
    result.candidates_per_row = totals.candidates_per_row();
    result.evaluated = totals.evaluated;
    result.filter = filter.name();
    return result;
}

template LloydResult kmeans(const Samples<Dense>&, Centroids<Dense>&, const LloydOptions&);
template LloydResult kmeans(const Samples<Sparse>&, Centroids<Sparse>&, const LloydOptions&);

}  // namespace coterie::cluster
