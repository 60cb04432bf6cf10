// Seeding for many clusters: k-means|| (Bahmani et al., "Scalable k-means++", VLDB 2012). Five rounds draw each row i on
// its own with probability min(1, k / 2 * p_i / sum p), p_i = w_i D_i^2 an integer as in kmeans_plusplus, D_i the distance to
// the nearest row drawn before; then greedy k-means++ chooses k of the rows drawn, each with the weight of the rows nearest to
// it. A round is one assignment to the rows of the last one, where k-means++ looks at its sample for every seed again.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/samples.hpp"

namespace coterie::cluster {

// Rows chosen, in the order of the last step. When fewer than k rows were drawn, the rows with the highest p_i join them, ties
// to the lowest row. max_rows as for kmeans_plusplus: a uniform sample of the rows takes the place of all of them.
template <typename View>
std::vector<index_t> kmeans_parallel(const Samples<View>& samples, index_t k, index_t max_rows,
                                     std::uint64_t seed);

}  // namespace coterie::cluster
