// Lloyd's K-means on a device: kmeans.hpp's iteration with the same bits, its steps as device programs.
#pragma once

#include "cluster/centroids.hpp"
#include "cluster/device_samples.hpp"
#include "cluster/kmeans.hpp"

namespace coterie::cluster {

// As kmeans() of kmeans.hpp, on the device that holds the samples; centroids is on the host, in and out.
template <typename View>
LloydResult kmeans(const DeviceSamples<View>& samples, Centroids<View>& centroids,
                   const LloydOptions& options);

// As in assign_labels.hpp. labels, out: on the host.
template <typename View>
void assign_labels(const DeviceSamples<View>& samples, const Centroids<View>& centroids,
                   std::int32_t* labels);
template <typename View>
void nearest_two(const DeviceSamples<View>& samples, const Centroids<View>& centroids, std::int32_t* labels,
                 float* distances);
template <typename View>
void all_distances(const DeviceSamples<View>& samples, const Centroids<View>& centroids, float* out);
template <typename View>
double inertia(const DeviceSamples<View>& samples, const Centroids<View>& centroids,
               const std::int32_t* labels);

}  // namespace coterie::cluster
