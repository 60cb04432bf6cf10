// Lloyd's K-means ("Least squares quantization in PCM", 1982): the exact algorithm, with scikit-learn's
// stopping rules.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/samples.hpp"

namespace coterie::cluster {

struct LloydOptions {
    index_t max_iter = 300;
    double tol = 0;                // stop when sum_c |c_new - c_old|^2 <= tol
    bool tol_is_relative = false;  // tol is in units of mean_feature_variance(samples); not read on a device
    // Called after each iteration with its number and the rows whose label changed.
    std::function<void(index_t iteration, index_t changed)> on_iteration;
};

struct LloydResult {
    std::vector<std::int32_t> labels;  // [n_samples], those of the returned centroids
    double inertia = 0;
    index_t n_iter = 0;
    bool converged = false;         // no label changed in the last iteration
    double candidates_per_row = 0;  // centroids the filter left, averaged over the rows it scored
    index_t evaluated = 0;          // rows that the filter scored, in all iterations
    const char* filter = "";        // the filter in use at the end: "float32" or "bfloat16"
};

// centroids: in the initial ones, out the final ones.
template <typename View>
LloydResult kmeans(const Samples<View>& samples, Centroids<View>& centroids, const LloydOptions& options);

}  // namespace coterie::cluster
