// One step of mini-batch K-means (Sculley, WWW 2010): assign a batch, then move each centroid to the weighted
// mean of all rows it was ever given: c <- (c W_c + sum w x) / (W_c + sum w).
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/samples.hpp"

namespace coterie::cluster {

// The features a batch of CSR rows has no nonzero in: a step changes a centroid there by one factor only.
struct OtherFeatures {
    std::vector<double> squared_norm;  // [k] in/out: of the whole centroids, with these features
    std::vector<double> factor;        // [k] out
};

// cluster_weight: [k] in/out, the weight each centroid has seen. labels: [n_batch] out, those before the
// step. For cosine the rows count with unit length and the moved centroids get unit length. others: where centroids and batch
// are restricted to some features, what counts of the others; else null. Returns the batch's inertia before the step.
template <typename View>
double minibatch_step(const Samples<View>& batch, Centroids<View>& centroids, double* cluster_weight,
                      std::int32_t* labels, OtherFeatures* others);

}  // namespace coterie::cluster
