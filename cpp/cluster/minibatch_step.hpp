// One step of mini-batch K-means (Sculley, WWW 2010): assign a batch, then move each centroid to the weighted
// mean of all rows it was ever given: c <- (c W_c + sum w x) / (W_c + sum w).
#pragma once

#include <cstdint>

#include "cluster/centroids.hpp"
#include "cluster/samples.hpp"

namespace coterie::cluster {

// cluster_weight: [k] in/out, the weight each centroid has seen. labels: [n_batch] out, those before the
// step. For cosine the rows count with unit length and the moved centroids get unit length. Returns the
// batch's inertia before the step.
template <typename View>
double minibatch_step(const Samples<View>& batch, Centroids<View>& centroids, double* cluster_weight,
                      std::int32_t* labels);

}  // namespace coterie::cluster
