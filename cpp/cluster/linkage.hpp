// Agglomerative clustering of weighted points by the nearest-neighbour chain (Benzecri 1982; Murtagh 1983; Muellner, "Modern
// hierarchical, agglomerative clustering algorithms", 2011). The four updates are reducible, so that the chain finds the
// merges of the greedy algorithm in O(n^2) time.
//
// A point of weight w stands for w points at one place. With |u| the weight of a cluster, Lance and Williams give
//   single    d(uv, z) = min(d(u, z), d(v, z))
//   complete  d(uv, z) = max(d(u, z), d(v, z))
//   average   d(uv, z) = (|u| d(u, z) + |v| d(v, z)) / (|u| + |v|)
//   ward      d(uv, z)^2 = ((|u| + |z|) d(u, z)^2 + (|v| + |z|) d(v, z)^2 - |z| d(u, v)^2) / (|u| + |v| + |z|)
// and Ward's distance of two weighted points is sqrt(2 |u| |v| / (|u| + |v|)) times the Euclidean one: the increase of the
// sum of squares is half its square.
#pragma once

#include <string>
#include <vector>

#include "core/types.hpp"

namespace coterie::cluster {

// Clusters are numbered as in SciPy: points 0 to n - 1, and merge m makes cluster n + m.
struct Merges {
    std::vector<index_t> children;  // (n - 1) x 2, the lower number first
    std::vector<double> distances;  // n - 1, not decreasing
    std::vector<double> weights;    // n - 1, of the cluster made
};

// distances  in, scratch: the upper triangle row by row, d(i, j) with i < j at i n - i (i + 1) / 2 + j - i - 1, >= 0
// weights    in, n values > 0
// method     "ward", "average", "complete" or "single"
//
// Of equally near clusters the chain goes on to the one it came from, else to the lowest; equal merges stay in the order
// they were found. One thread: the bits depend on the input alone. Throws std::invalid_argument for an unknown method, a
// weight that is not > 0 or a distance that is negative or not finite.
Merges linkage(double* distances, const double* weights, index_t n, const std::string& method);

}  // namespace coterie::cluster
