// One shard's part of a Lloyd iteration. All that it adds up is exact, so the parts of any split of the data,
// added in any order, make the bits of the in-memory iteration.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/assign_labels.hpp"
#include "cluster/centroids.hpp"
#include "cluster/data_range.hpp"
#include "cluster/samples.hpp"
#include "core/exact_sum.hpp"

namespace coterie::cluster {

struct Partial {
    std::vector<std::int64_t> sums;            // [k][d] of round(w_i x_ij scales.feature[j])
    std::vector<std::int64_t> cluster_weight;  // [k] of round(w_i scales.weight)
    AssignStats stats;
    ExactSum inertia;  // with the centroids given
    const char* filter = "";
};

// Of a pass over blocks.
struct PassOptions {
    bool as_difference = false;  // sums and weights relative to the labels before
    bool with_inertia = false;
};

// labels: [n_samples] in/out; -1 for a row that had none.
template <typename View>
Partial partial_step(const Samples<View>& shard, const Centroids<View>& centroids, const Scales& scales,
                     bool with_inertia, std::int32_t* labels);

// What moving the shard's rows between clusters does to the sums: from, to [n_samples]; -1: none.
template <typename View>
Partial moved_rows(const Samples<View>& shard, index_t k, const Scales& scales, const std::int32_t* from,
                   const std::int32_t* to);

// centroids = sums / weights, an empty cluster keeping its own. samples: any with the right features and
// metric. Returns |c_new - c_old|^2.
template <typename View>
std::vector<double> new_centroids(const Samples<View>& samples, const Scales& scales,
                                  const std::int64_t* sums, const std::int64_t* cluster_weight,
                                  Centroids<View>& centroids);

}  // namespace coterie::cluster
