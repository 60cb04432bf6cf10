#include "cluster/minibatch_step.hpp"

#include <cmath>
#include <vector>

#include "cluster/assign_labels.hpp"
#include "cluster/update_centroids.hpp"
#include "core/parallel.hpp"

namespace coterie::cluster {
namespace {

float& element(Centroids<Dense>& centroids, index_t c, index_t j) {
    return centroids.row(c)[j];
}
float& element(Centroids<Sparse>& centroids, index_t c, index_t j) {
    return centroids.term(j)[c];
}

}  // namespace

template <typename View>
double minibatch_step(const Samples<View>& batch, Centroids<View>& centroids, double* cluster_weight,
                      std::int32_t* labels) {
    assign_labels(batch, centroids, labels);
    const double loss = inertia(batch, centroids, labels);
    ClusterSums<View> sums(batch, centroids.k, scales_of(batch));
    sums.move_rows(labels);
    parallel_for(centroids.k, batch.n_threads, [&](index_t c, int) {
        const double added = sums.weight_of_cluster(c);
        if (added == 0) return;
        const double seen = cluster_weight[c], total = seen + added;
        cluster_weight[c] = total;
        std::vector<double> mean(static_cast<std::size_t>(centroids.d));
        double squared_norm = 0;
        for (index_t j = 0; j < centroids.d; ++j) {
            const double value = (double{element(centroids, c, j)} * seen + sums.sum(c, j)) / total;
            mean[static_cast<std::size_t>(j)] = value;
            squared_norm += value * value;
        }
        const double length =
            batch.metric == Metric::cosine && squared_norm > 0 ? std::sqrt(squared_norm) : 1.0;
        for (index_t j = 0; j < centroids.d; ++j)
            element(centroids, c, j) = static_cast<float>(mean[static_cast<std::size_t>(j)] / length);
    });
    centroids.prepare(batch.n_threads);
    return loss;
}

template double minibatch_step(const Samples<Dense>&, Centroids<Dense>&, double*, std::int32_t*);
template double minibatch_step(const Samples<Sparse>&, Centroids<Sparse>&, double*, std::int32_t*);

}  // namespace coterie::cluster
