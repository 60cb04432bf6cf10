#include "cluster/partial_step.hpp"

#include "cluster/filter_choice.hpp"
#include "cluster/update_centroids.hpp"

namespace coterie::cluster {
namespace {

template <typename View>
Partial partial_of(const ClusterSums<View>& sums, index_t k, index_t d) {
    Partial partial;
    partial.sums.resize(static_cast<std::size_t>(k * d));
    partial.cluster_weight.resize(static_cast<std::size_t>(k));
    sums.copy(partial.sums.data(), partial.cluster_weight.data());
    return partial;
}

}  // namespace

template <typename View>
Partial partial_step(const Samples<View>& shard, const Centroids<View>& centroids, const Scales& scales,
                     bool with_inertia, std::int32_t* labels) {
    ClusterSums<View> sums(shard, centroids.k, scales);
    const FilterChoice<View> filter(shard, centroids, 1);
    const AssignStats stats = assign_labels(shard, centroids, labels, filter.packed());
    sums.move_rows(labels);
    Partial partial = partial_of(sums, centroids.k, centroids.d);
    partial.stats = stats;
    partial.filter = filter.name();
    if (with_inertia) partial.inertia = exact_inertia(shard, centroids, labels);
    return partial;
}

template <typename View>
Partial moved_rows(const Samples<View>& shard, index_t k, const Scales& scales, const std::int32_t* from,
                   const std::int32_t* to) {
    ClusterSums<View> sums(shard, k, scales);
    sums.start_from(from);
    sums.move_rows(to);
    return partial_of(sums, k, shard.x.cols);
}

template <typename View>
std::vector<double> new_centroids(const Samples<View>& samples, const Scales& scales,
                                  const std::int64_t* sums, const std::int64_t* cluster_weight,
                                  Centroids<View>& centroids) {
    ClusterSums<View> total(samples, centroids.k, scales);
    total.set(sums, cluster_weight);
    return total.update_centroids(centroids);
}

#define COTERIE_INSTANTIATE(View)                                                                        \
    template Partial partial_step(const Samples<View>&, const Centroids<View>&, const Scales&, bool,     \
                                  std::int32_t*);                                                        \
    template Partial moved_rows(const Samples<View>&, index_t, const Scales&, const std::int32_t*,       \
                                const std::int32_t*);                                                    \
    template std::vector<double> new_centroids(const Samples<View>&, const Scales&, const std::int64_t*, \
                                               const std::int64_t*, Centroids<View>&);
COTERIE_INSTANTIATE(Dense)
COTERIE_INSTANTIATE(Sparse)

}  // namespace coterie::cluster
