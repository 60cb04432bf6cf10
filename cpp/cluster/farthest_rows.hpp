// The rows farthest from their own centroids: where empty clusters start anew.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/label_bounds.hpp"
#include "cluster/samples.hpp"

namespace coterie::cluster {

struct FarRow {
    index_t row;
    double distance;  // as own_distances has it
};

// min(count, n_samples) rows by falling distance, ties to the lowest row. bounds, true of labels and these centroids, leave most
// rows unlooked at.
template <typename View>
std::vector<FarRow> farthest_rows(const Samples<View>& samples, const Centroids<View>& centroids,
                                  const std::int32_t* labels, const LabelBounds& bounds, index_t count);

}  // namespace coterie::cluster
