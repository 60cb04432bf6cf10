// Greedy k-means++ seeding (Arthur and Vassilvitskii, SODA 2007; several trials a step as in scikit-learn):
// every next seed is drawn with probability proportional to w D^2, and of n_local_trials draws the one that
// lowers the potential most is kept (ties to the first drawn). Potentials are integers, so that any thread
// count draws the same rows.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/samples.hpp"

namespace coterie::cluster {

// Rows chosen, in the order drawn. n_local_trials <= 0 means 2 + floor(log k). D^2 is the squared distance, or 1 - cosine
// for Metric::cosine. When every row coincides with a seed, the rest are drawn by weight alone.
//
// max_rows: seeds are drawn from a uniform sample of that many rows when there are more; 0 means 32768 + 64 k, so that
// seeding costs less than a few iterations. Every cluster that holds a share of 1 / k of the rows then has 64 rows and more
// in the sample; for the quality of seeding on samples see Bachem et al., "Approximate k-means++ in sublinear time", 2016.
template <typename View>
std::vector<index_t> kmeans_plusplus(const Samples<View>& samples, index_t k, index_t n_local_trials,
                                     index_t max_rows, std::uint64_t seed);

}  // namespace coterie::cluster
