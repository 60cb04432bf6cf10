// Greedy k-means++ on a device: kmeans_plusplus.hpp's draws, with the same rows chosen.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/device_samples.hpp"

namespace coterie::cluster {

// As in kmeans_plusplus.hpp. The rows drawn from are gathered on the device; the host draws.
template <typename View>
std::vector<index_t> kmeans_plusplus(const DeviceSamples<View>& samples, index_t k, index_t n_local_trials,
                                     index_t max_rows, std::uint64_t seed);

}  // namespace coterie::cluster
