// Partials of K-means as Python sees them: by shards, by passes over blocks, here or on a device.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "bindings/arrays.hpp"
#include "cluster/partial_step.hpp"
#include "core/exact_sum.hpp"

namespace coterie {

// Digits of an exact sum, as coterie.cluster.stream reads them.
inline py::array_t<std::uint32_t> digits_of(const ExactSum& sum) {
    const ExactSum::Canonical digits = sum.canonical();
    return to_numpy(std::vector<std::uint32_t>(digits.begin(), digits.end()));
}

inline cluster::Scales scales_argument(const py::array& feature_scale, double weight_scale, index_t d) {
    const double* feature = vector_data<double>(feature_scale, d, "feature_scale");
    return {std::vector<double>(feature, feature + d), weight_scale};
}

// The labels of a block's rows before a pass, each a cluster or -1; written to by the pass.
inline std::int32_t* labels_of_block(py::array_t<std::int32_t>& labels, index_t n_rows, index_t k) {
    const std::int32_t* const before = vector_data<std::int32_t>(labels, n_rows, "labels");
    for (index_t i = 0; i < n_rows; ++i)
        require(before[i] >= -1 && before[i] < k, "kmeans", "labels[", i, "]=", before[i],
                " must be within [-1, ", k, ")");
    return labels.mutable_data();
}

// What the pass of either class returns; squared_norm: of all rows that it saw.
inline py::tuple pass_result(cluster::Partial partial, const ExactSum& squared_norm, index_t k, index_t d) {
    return py::make_tuple(to_numpy(std::move(partial.sums), {k, d}),
                          to_numpy(std::move(partial.cluster_weight)), partial.stats.changed,
                          partial.stats.evaluated, partial.stats.candidates, digits_of(partial.inertia),
                          digits_of(squared_norm), partial.filter);
}

}  // namespace coterie
