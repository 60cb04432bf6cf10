#include "cluster/minibatch_step.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "cluster/assign_labels.hpp"
#include "cluster/filter_choice.hpp"
#include "cluster/update_centroids.hpp"
#include "core/parallel.hpp"

namespace coterie::cluster {
namespace {

// Clusters that a task moves side by side: those that share a cache line of the centroids.
constexpr index_t clusters_per_task(const Centroids<Dense>&) {
    return 1;
}
constexpr index_t clusters_per_task(const Centroids<Sparse>&) {
    return 16;
}
float& element(Centroids<Dense>& centroids, index_t c, index_t j) {
    return centroids.row(c)[j];
}
float& element(Centroids<Sparse>& centroids, index_t c, index_t j) {
    return centroids.term(j)[c];
}

// The squared norms of the centroids in other features; those in all features become the norms that decide.
template <typename View>
std::vector<double> norms_elsewhere(Centroids<View>& centroids, const OtherFeatures& others) {
    std::vector<double> elsewhere = others.squared_norm;
    for (std::size_t c = 0; c < elsewhere.size(); ++c)
        elsewhere[c] = std::max(0.0, elsewhere[c] - centroids.squared_norm[c]);
    std::vector<double> whole = centroids.squared_norm;
    for (std::size_t c = 0; c < whole.size(); ++c) whole[c] += elsewhere[c];
    centroids.set(std::move(whole), centroids.metric, centroids.k_padded);
    return elsewhere;
}

// c <- (c W_c + sum w x) / (W_c + sum w) for the clusters of [begin, end) that got weight; what is left of c elsewhere goes to
// factor[c]. elsewhere: [k] squared norms.
template <typename View>
void move_centroids(Centroids<View>& centroids, const ClusterSums<View>& sums, double* cluster_weight,
                    index_t begin, index_t end, const double* elsewhere, double* factor) {
    constexpr index_t kMost = 16;
    index_t moved[kMost], n = 0;
    double seen[kMost], total[kMost], length[kMost];
    for (index_t c = begin; c < end; ++c) {
        const double added = sums.weight_of_cluster(c);
        factor[c] = 1;
        if (added == 0) continue;
        moved[n] = c;
        seen[n] = cluster_weight[c];
        total[n] = cluster_weight[c] = seen[n] + added;
        factor[c] = seen[n] / total[n];
        length[n++] = elsewhere[c] * factor[c] * factor[c];
    }
    const auto mean = [&](index_t m, index_t j) {
        return (double{element(centroids, moved[m], j)} * seen[m] + sums.sum(moved[m], j)) / total[m];
    };
    if (centroids.metric == Metric::cosine) {
        for (index_t j = 0; j < centroids.d; ++j)
            for (index_t m = 0; m < n; ++m) length[m] += mean(m, j) * mean(m, j);
    }
    for (index_t m = 0; m < n; ++m) {
        length[m] = centroids.metric == Metric::cosine && length[m] > 0 ? std::sqrt(length[m]) : 1.0;
        factor[moved[m]] /= length[m];
    }
    for (index_t j = 0; j < centroids.d; ++j)
        for (index_t m = 0; m < n; ++m)
            element(centroids, moved[m], j) = static_cast<float>(mean(m, j) / length[m]);
}

}  // namespace

template <typename View>
double minibatch_step(const Samples<View>& batch, Centroids<View>& centroids, double* cluster_weight,
                      std::int32_t* labels, OtherFeatures* others) {
    std::vector<double> elsewhere(static_cast<std::size_t>(centroids.k), 0), factor(elsewhere);
    if (others != nullptr) elsewhere = norms_elsewhere(centroids, *others);
    assign_labels(batch, centroids, labels, nullptr, nullptr,
                  lanes_for(batch.x, centroids.k) != Lanes::never);
    const double loss = inertia(batch, centroids, labels);
    ClusterSums<View> sums(batch, centroids.k, scales_of(batch));
    sums.move_rows(labels);
    parallel_for_rows(
        centroids.k, clusters_per_task(centroids), batch.n_threads, [&](index_t begin, index_t end, int) {
            move_centroids(centroids, sums, cluster_weight, begin, end, elsewhere.data(), factor.data());
        });
    centroids.prepare(batch.n_threads);
    if (others != nullptr) {
        for (std::size_t c = 0; c < factor.size(); ++c)
            others->squared_norm[c] = centroids.squared_norm[c] + elsewhere[c] * factor[c] * factor[c];
        others->factor = std::move(factor);
    }
    return loss;
}

template double minibatch_step(const Samples<Dense>&, Centroids<Dense>&, double*, std::int32_t*,
                               OtherFeatures*);
template double minibatch_step(const Samples<Sparse>&, Centroids<Sparse>&, double*, std::int32_t*,
                               OtherFeatures*);

}  // namespace coterie::cluster
