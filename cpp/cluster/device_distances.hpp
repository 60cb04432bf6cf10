// Device programs for distances, in the order of the canonical score.
#pragma once

#include <type_traits>

#include "cluster/device_assign.hpp"

namespace coterie::cluster::device {

// A lane's part of what loss() is made of.
COTERIE_HOST_DEVICE inline double loss_lane(const Rows<Dense>& rows, const Columns<Dense>& columns, index_t i,
                                            index_t c, int lane) {
    if (rows.is_cosine) return score_lane(rows, columns, i, c, lane);
    return squared_distance_lane(row_at(rows.x, i), columns.values + c * columns.ld, rows.x.cols, lane);
}
COTERIE_HOST_DEVICE inline double loss_lane(const Rows<Sparse>& rows, const Columns<Sparse>& columns,
                                            index_t i, index_t c, int lane) {
    return score_lane(rows, columns, i, c, lane);
}

// Squared euclidean distance, or 1 - cosine within [0, 2], from the folded parts: loss() of assign_labels.cpp.
template <typename View>
COTERIE_HOST_DEVICE inline double loss(const Rows<View>& rows, const Columns<View>& columns, index_t i,
                                       index_t c, double folded) {
    if (!rows.is_cosine) {
        if constexpr (std::is_same_v<View, Dense>) return folded;
        const double s = folded - columns.half_norm[c];
        return larger(0.0, rows.squared_norm[i] - 2 * s);
    }
    const double norm = sqrt(rows.squared_norm[i]);
    if (norm == 0) return 1.0;
    const double value = 1.0 - (folded - columns.half_norm[c]) / norm;
    return value < 0.0 ? 0.0 : value > 2.0 ? 2.0 : value;
}

// out[i] = loss of row i to centroid labels[i].
template <typename View>
struct OwnDistances {
    static constexpr const char* kName = "distances to the own centroid";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(double);
    static constexpr index_t kRowsPerBlock = kThreads / kLanes;

    Rows<View> rows;
    Columns<View> columns;
    const std::int32_t* labels;
    double* out;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        double* const part = block.template shared<double>(0);
        const index_t first = block.block() * kRowsPerBlock;
        block.each([&](int t) {
            const index_t i = first + t / kLanes;
            part[t] = i < rows.x.rows ? loss_lane(rows, columns, i, labels[i], t % kLanes) : 0.0;
        });
        block.sync();
        block.each([&](int t) {
            const index_t i = first + t / kLanes;
            if (t % kLanes == 0 && i < rows.x.rows)
                out[i] = loss(rows, columns, i, labels[i], fold(part + t));
        });
    }
};

// out[i * k + c], rounded once: euclidean distance, or 1 - cosine. A block takes a row and kThreads / 8 centroids at once.
template <typename View>
struct AllDistances {
    static constexpr const char* kName = "distances to all centroids";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(double);
    static constexpr int kAtOnce = kThreads / kLanes;

    Rows<View> rows;
    Columns<View> columns;
    index_t first_row;
    float* out;  // of first_row on

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        double* const part = block.template shared<double>(0);
        const index_t i = first_row + block.block();
        for (index_t first = 0; first < columns.k; first += kAtOnce) {
            block.each([&](int t) {
                const index_t c = first + t / kLanes;
                part[t] = c < columns.k ? loss_lane(rows, columns, i, c, t % kLanes) : 0.0;
            });
            block.sync();
            block.each([&](int t) {
                const index_t c = first + t / kLanes;
                if (t % kLanes != 0 || c >= columns.k) return;
                const double value = loss(rows, columns, i, c, fold(part + t));
                out[block.block() * columns.k + c] = static_cast<float>(rows.is_cosine ? value : sqrt(value));
            });
            block.sync();
        }
    }
};

}  // namespace coterie::cluster::device
