// Device programs between two assignments: integer sums and new centroids.
#pragma once

#include "cluster/device_assign.hpp"

namespace coterie::cluster::device {

// Integer sums of clusters: dense [k][d], for CSR rows term-major [d][ld].
struct Sums {
    std::int64_t* values;
    index_t ld;
    std::int64_t* weight;  // [k] sum of round(w_i weight_scale)
    const double* scale;   // [d] powers of two
    double weight_scale;
    std::int32_t* member;  // [n] the cluster whose sum holds the row; -1: none
};

COTERIE_HOST_DEVICE inline void move_row(const Rows<Dense>& rows, const Sums& sums, index_t i,
                                         std::int32_t from, std::int32_t to, int lane) {
    const float* const x = row_at(rows.x, i);
    const double length = rows.length(i), w = rows.weight_of(i);
    for (index_t j = lane; j < rows.x.cols; j += 32) {
        const std::int64_t q = quantised(x[j], length, w, sums.scale[j]);
        cuda::atomic_add(sums.values + to * sums.ld + j, q);
        if (from >= 0) cuda::atomic_add(sums.values + from * sums.ld + j, -q);
    }
}

COTERIE_HOST_DEVICE inline void move_row(const Rows<Sparse>& rows, const Sums& sums, index_t i,
                                         std::int32_t from, std::int32_t to, int lane) {
    const SparseRow x = row_at(rows.x, i);
    const double length = rows.length(i), w = rows.weight_of(i);
    for (index_t p = lane; p < x.nnz; p += 32) {
        const index_t j = x.indices[p];
        const std::int64_t q = quantised(x.data[p], length, w, sums.scale[j]);
        cuda::atomic_add(sums.values + j * sums.ld + to, q);
        if (from >= 0) cuda::atomic_add(sums.values + j * sums.ld + from, -q);
    }
}

// Moves every row whose label is not the cluster that holds it: ClusterSums::move_rows.
template <typename View>
struct MoveRows {
    static constexpr const char* kName = "update of the cluster sums";
    static constexpr int kThreads = 256;
    static constexpr index_t kRowsPerBlock = kThreads;
    static constexpr std::size_t kSharedBytes = 2 * kThreads * sizeof(std::int32_t);

    Rows<View> rows;
    const std::int32_t* labels;
    Sums sums;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        std::int32_t* const to = block.template shared<std::int32_t>(0);  // -1: the row stays
        std::int32_t* const from = to + kThreads;
        const index_t first = block.block() * kRowsPerBlock;
        block.each([&](int t) {
            const index_t i = first + t;
            to[t] = -1;
            if (i >= rows.x.rows || sums.member[i] == labels[i]) return;
            to[t] = labels[i];
            from[t] = sums.member[i];
            sums.member[i] = labels[i];
            const std::int64_t w = llrint(rows.weight_of(i) * sums.weight_scale);
            cuda::atomic_add(sums.weight + to[t], w);
            if (from[t] >= 0) cuda::atomic_add(sums.weight + from[t], -w);
        });
        block.sync();
        block.each([&](int t) {
            for (int r = t / 32; r < kRowsPerBlock; r += kThreads / 32)
                if (to[r] >= 0) move_row(rows, sums, first + r, from[r], to[r], t % 32);
        });
    }
};

// Moves one row into cluster `to`: what relocating an empty cluster does.
template <typename View>
struct MoveOneRow {
    static constexpr const char* kName = "relocation of an empty cluster";
    static constexpr int kThreads = 32;
    static constexpr std::size_t kSharedBytes = 16;

    Rows<View> rows;
    Sums sums;
    index_t i;
    std::int32_t to;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        std::int32_t* const from = block.template shared<std::int32_t>(0);
        block.each([&](int t) {
            if (t != 0) return;
            *from = sums.member[i];
            sums.member[i] = to;
            const std::int64_t w = llrint(rows.weight_of(i) * sums.weight_scale);
            cuda::atomic_add(sums.weight + to, w);
            cuda::atomic_add(sums.weight + *from, -w);
        });
        block.sync();
        block.each([&](int t) { move_row(rows, sums, i, *from, to, t); });
    }
};

// What the programs write about each centroid.
struct CentroidState {
    double* squared_norm;   // [k] canonical
    double* half_norm;      // [k] squared_norm / 2, or 0 for cosine
    double* squared_shift;  // [k] |c_new - c_old|^2
};

// centroids = sums / weights: ClusterSums<Dense>::update_centroids. A block takes one, kThreads features at a time; the sums
// that have an order are added by one thread (eight for the canonical norm).
struct UpdateDense {
    static constexpr const char* kName = "update of dense centroids";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = (2 * kThreads + kLanes) * sizeof(double);

    Sums sums;
    float* centroids;  // [k][d]
    index_t d;
    bool is_cosine;
    CentroidState state;
    const LoopState* loop;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        if (is_halted(loop)) return;
        const index_t c = block.block();
        block.each([&](int t) {
            if (t == 0) state.squared_shift[c] = 0;
        });
        if (sums.weight[c] == 0) return;
        const double weight = static_cast<double>(sums.weight[c]) / sums.weight_scale;
        double* const squares = block.template shared<double>(0);
        double* const norms = squares + kThreads;
        double* const part = norms + kThreads;
        const auto mean = [&](index_t j) {
            return static_cast<double>(sums.values[c * sums.ld + j]) / sums.scale[j] / weight;
        };
        typename Block::template PerThread<double> ordered(block, 0.0), lane_sum(block, 0.0);
        const double length = is_cosine ? length_of(block, mean, ordered) : 1.0;
        block.each([&](int t) { ordered(t) = 0; });
        for (index_t first = 0; first < d; first += kThreads) {
            block.each([&](int t) {
                const index_t j = first + t;
                squares[t] = norms[t] = 0;
                if (j >= d) return;
                float* const place = centroids + c * d + j;
                const auto value = static_cast<float>(mean(j) / length);
                const double difference = static_cast<double>(value) - static_cast<double>(*place);
                squares[t] = difference * difference;
                norms[t] = static_cast<double>(value) * static_cast<double>(value);
                *place = value;
            });
            block.sync();
            block.each([&](int t) {
                for (int q = t; t < kLanes && q < kThreads; q += kLanes) lane_sum(t) += norms[q];
            });
            add_in_order(block, squares, d - first, ordered);
        }
        block.each([&](int t) {
            if (t < kLanes) part[t] = lane_sum(t);
        });
        block.sync();
        block.each([&](int t) {
            if (t != 0) return;
            state.squared_norm[c] = fold(part);
            state.half_norm[c] = is_cosine ? 0.0 : state.squared_norm[c] / 2;
            state.squared_shift[c] = ordered(t);
        });
    }

  private:
    // What a spherical centroid is divided by, the same in every thread; 1 for a mean of zero.
    template <typename Block, typename Mean, typename PerThreadSum>
    COTERIE_HOST_DEVICE double length_of(Block& block, const Mean& mean, PerThreadSum& ordered) const {
        double* const squares = block.template shared<double>(0);
        double* const part = squares + 2 * kThreads;
        for (index_t first = 0; first < d; first += kThreads) {
            block.each([&](int t) {
                const double m = first + t < d ? mean(first + t) : 0.0;
                squares[t] = m * m;
            });
            add_in_order(block, squares, d - first, ordered);
        }
        block.each([&](int t) {
            if (t == 0) part[0] = ordered(t) > 0 ? sqrt(ordered(t)) : 1.0;
        });
        block.sync();
        return part[0];
    }

    // The first thread adds the first min(n, kThreads) values to its sum in increasing order.
    template <typename Block, typename PerThreadSum>
    COTERIE_HOST_DEVICE static void add_in_order(Block& block, const double* values, index_t n,
                                                 PerThreadSum& sum) {
        block.sync();
        block.each([&](int t) {
            if (t != 0) return;
            const index_t end = n < kThreads ? n : kThreads;
            for (index_t q = 0; q < end; ++q) sum(t) += values[q];
        });
        block.sync();
    }
};

// The same for term-major centroids, a thread a column: ClusterSums<Sparse>::update_centroids with Table::update_terms.
struct UpdateSparse {
    static constexpr const char* kName = "update of sparse centroids";
    static constexpr int kThreads = 32;
    static constexpr std::size_t kSharedBytes = 0;

    Sums sums;
    float* centroids;  // [d][ld]
    index_t d, k;
    bool is_cosine;
    CentroidState state;
    const LoopState* loop;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        if (is_halted(loop)) return;
        block.each([&](int t) {
            const index_t c = block.block() * kThreads + t;
            if (c >= k) return;
            state.squared_shift[c] = 0;
            if (sums.weight[c] == 0) return;
            const double weight = static_cast<double>(sums.weight[c]) / sums.weight_scale;
            const double squared_length = is_cosine ? squared_mean(c, weight) : 0.0;
            const bool divide = is_cosine;
            const double length = squared_length > 0 ? sqrt(squared_length) : 1.0;
            double part[kLanes] = {}, shift = 0;
            const auto renew = [&](index_t j, double& norm) {
                float* const place = centroids + j * sums.ld + c;
                const double mean = mean_of(c, j, weight);
                const auto value = static_cast<float>(divide ? mean / length : mean);
                const double change = static_cast<double>(value) - static_cast<double>(*place);
                const double square = change * change;
                shift += square;
                norm += static_cast<double>(value) * static_cast<double>(value);
                *place = value;
            };
            index_t j = 0;
            for (; j + kLanes <= d; j += kLanes) {
#pragma unroll
                for (int l = 0; l < kLanes; ++l) renew(j + l, part[l]);  // registers: no index at run time
            }
#pragma unroll
            for (int l = 0; l < kLanes; ++l)
                if (j + l < d) renew(j + l, part[l]);
            state.squared_norm[c] = fold(part);
            state.half_norm[c] = is_cosine ? 0.0 : state.squared_norm[c] / 2;
            state.squared_shift[c] = shift;
        });
    }

  private:
    COTERIE_HOST_DEVICE double mean_of(index_t c, index_t j, double weight) const {
        return static_cast<double>(sums.values[j * sums.ld + c]) / sums.scale[j] / weight;
    }
    COTERIE_HOST_DEVICE double squared_mean(index_t c, double weight) const {
        double part[kLanes] = {};
        for (index_t first = 0; first < d; first += kLanes) {
#pragma unroll
            for (int l = 0; l < kLanes; ++l) {
                const double mean = first + l < d ? mean_of(c, first + l, weight) : 0.0;
                const double square = mean * mean;
                part[l] += square;
            }
        }
        return fold(part);
    }
};

}  // namespace coterie::cluster::device
