// Sums of the sparse rows of each cluster: what class TF-IDF, cluster means and dispersions are made of.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie {

// CSR with one row per cluster, columns strictly increasing. An entry exists where some row of the cluster
// stores one, even if the sum is 0.
struct ClusterSums {
    std::vector<double> data;
    std::vector<std::int32_t> indices;
    std::vector<std::int64_t> indptr;
};

// sums[c, t] = sum over rows i with labels[i] == c, in increasing i, of row_weights[i] * x[i, t], in float64.
//
// labels       in, x.rows values in [-1, n_clusters); rows with -1 belong to no cluster
// row_weights  in, x.rows values, or null for all ones
//
// A task is a cluster, so the order of every sum is the order of the rows and the bits do not depend on
// n_threads. Scratch: 8.2 bytes * x.cols per thread. Throws std::invalid_argument naming a label out of range.
ClusterSums cluster_sums(const CsrView& x, const std::int32_t* labels, index_t n_clusters,
                         const double* row_weights, int n_threads);

}  // namespace coterie
