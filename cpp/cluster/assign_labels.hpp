// Each row's nearest centroid: label(x) = argmax_c s(x, c) with the canonical score, ties to the lowest c.
//
// A float32 filter with a proved error bound eps(x) leaves as candidates the c with s'(x, c) >= max s' - 2
// eps(x); one candidate is the label, several are compared by canonical score. So the labels are exact
// whatever filter ran.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cluster/centroids.hpp"
#include "cluster/filter.hpp"
#include "cluster/label_bounds.hpp"
#include "cluster/samples.hpp"
#include "core/exact_sum.hpp"

namespace coterie::cluster {

struct AssignStats {
    index_t changed = 0;    // rows whose label differs from the one in labels before the call
    index_t evaluated = 0;  // rows the filter scored: those of which no bound knew enough
    index_t contested = 0;  // rows compared with their rivals alone
    index_t exposed = 0;    // rows compared with the centroids that moved far
    index_t pairs = 0;  // centroids that the filter left to compare with the best, summed over evaluated rows
    index_t candidates = 0;  // centroids left to canonical scores, at least one for every row looked at

    void add(const AssignStats& other) {
        changed += other.changed;
        evaluated += other.evaluated;
        contested += other.contested;
        exposed += other.exposed;
        pairs += other.pairs;
        candidates += other.candidates;
    }
    double candidates_per_row() const {
        return static_cast<double>(candidates) / std::max(1.0, static_cast<double>(evaluated + contested));
    }
};

// Bounds of CSR rows hold once fewer than one in so many changes its label: before, some centroid moves too far in every
// iteration. With more clusters than these the scores cost so much that bounds are kept all the same.
inline constexpr index_t kChangesLeft = 5000, kFewClusters = 128;

template <typename View>
bool bounds_pay_at_once(index_t k) {
    return Filter<View>::kKeepsRivals || k > kFewClusters;
}
inline bool bounds_hold(index_t changed, index_t n_samples) {
    return changed * kChangesLeft < n_samples;
}

// labels: [n_samples] in/out. packed: what a filter on a small format reads, or null for the float32 one. bounds: true
// of labels and these centroids after centroids_moved, or null to evaluate every row; brought up to date. is_narrow:
// dense rows are read in lanes, without either; bounds are left as they are.
template <typename View>
AssignStats assign_labels(const Samples<View>& samples, const Centroids<View>& centroids,
                          std::int32_t* labels, typename Filter<View>::Packed* packed = nullptr,
                          LabelBounds* bounds = nullptr, bool is_narrow = false);

// The nearest and the second nearest, with their distances (euclidean distance, or 1 - cosine), rounded once.
// labels, distances: [n_samples][2] out. With one centroid the second is -1 at infinity.
template <typename View>
void nearest_two(const Samples<View>& samples, const Centroids<View>& centroids,
                 typename Filter<View>::Packed* packed, std::int32_t* labels, float* distances);

// Every distance: out[i * k + c]. For the estimators' transform.
template <typename View>
void all_distances(const Samples<View>& samples, const Centroids<View>& centroids, float* out);

// In float64: squared euclidean distance, or 1 - cosine, of row i to centroid label; of each row to centroid labels[i].
template <typename View>
double own_distance(const Samples<View>& samples, const Centroids<View>& centroids, index_t i,
                    std::int32_t label);
template <typename View>
void own_distances(const Samples<View>& samples, const Centroids<View>& centroids, const std::int32_t* labels,
                   double* out);

// sum_i w_i own_distance_i without rounding: the same for any split of the rows.
template <typename View>
ExactSum exact_inertia(const Samples<View>& samples, const Centroids<View>& centroids,
                       const std::int32_t* labels);

template <typename View>
double inertia(const Samples<View>& samples, const Centroids<View>& centroids, const std::int32_t* labels) {
    return exact_inertia(samples, centroids, labels).value();
}

}  // namespace coterie::cluster
