// Device programs of greedy k-means++ seeding: kmeans_plusplus.cpp's Seeding, one pass over the rows at a time.
#pragma once

#include <type_traits>

#include "cluster/device_assign.hpp"

namespace coterie::cluster::device {

inline constexpr int kTrialsAtOnce = 8;
inline constexpr index_t kSeedingRowsPerTask = 512;

struct SeedingScales {
    double potential, weight;
};

COTERIE_HOST_DEVICE inline std::int64_t potential_of(double weight, double squared_distance, double scale) {
    const double weighted = weight * squared_distance;
    return static_cast<std::int64_t>(llrint(weighted * scale));
}

// out[r] = row listed[r]
struct GatherRows {
    static constexpr const char* kName = "gathering of rows";
    static constexpr int kThreads = 128;
    static constexpr std::size_t kSharedBytes = 0;

    Dense x;
    const std::int64_t* listed;
    float* out;  // [n listed][x.cols]

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const float* const row = row_at(x, listed[block.block()]);
            for (index_t j = t; j < x.cols; j += kThreads) out[block.block() * x.cols + j] = row[j];
        });
    }
};

// Row r of out, a CSR matrix whose bounds are known, = row listed[r] of x. A block takes a row.
struct GatherSparseRows {
    static constexpr const char* kName = "gathering of sparse rows";
    static constexpr int kThreads = 128;
    static constexpr std::size_t kSharedBytes = 0;

    Sparse x;
    const std::int64_t *listed, *bounds;  // [rows], [rows + 1]
    float* data;
    std::int32_t* indices;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const SparseRow row = row_at(x, listed[block.block()]);
            const std::int64_t begin = bounds[block.block()];
            for (index_t p = t; p < row.nnz; p += kThreads) {
                data[begin + p] = row.data[p];
                indices[begin + p] = row.indices[p];
            }
        });
    }
};

// spread[j][c] = x_j of CSR row trial[c], from zeros. A block takes a trial.
struct SpreadTrials {
    static constexpr const char* kName = "spreading of seeding trials";
    static constexpr int kThreads = 128;
    static constexpr std::size_t kSharedBytes = 0;

    Sparse x;
    std::int64_t trial[kTrialsAtOnce];
    double* spread;  // [d][kTrialsAtOnce]

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t c = block.block();
            const SparseRow row = row_at(x, trial[c]);
            for (index_t p = t; p < row.nnz; p += kThreads)
                spread[index_t{row.indices[p]} * kTrialsAtOnce + c] = static_cast<double>(row.data[p]);
        });
    }
};

// distances[c * n + i] = min(closest[i], D^2 of row i to trial c), potentials[c] += its integer potential. The trials are
// rows of the same samples.
template <typename View>
struct MeasureTrials {
    static constexpr const char* kName = "distances to seeding trials";
    static constexpr bool kDense = std::is_same_v<View, Dense>;
    static_assert(kTrialsAtOnce == kLanes);
    static constexpr int kThreads = 256;
    static constexpr index_t kRowsPerBlock = kThreads / kLanes;
    static constexpr std::size_t kSharedBytes =
        kThreads * kTrialsAtOnce * sizeof(double) + kRowsPerBlock * kTrialsAtOnce * sizeof(std::int64_t);

    Rows<View> rows;
    std::int64_t trial[kTrialsAtOnce];
    const double* spread;  // of CSR rows: what SpreadTrials made
    int n_trials;
    double scale;
    const double* closest;
    double* distances;
    std::int64_t* potentials;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        double* const part = block.template shared<double>(0);  // [kTrialsAtOnce][kThreads]
        std::int64_t* const potential =
            block.template shared<std::int64_t>(kThreads * kTrialsAtOnce * sizeof(double));  // [rows][trials]
        const index_t n = rows.x.rows, first = block.block() * kRowsPerBlock;
        if constexpr (kDense) {
            block.each([&](int t) {
                const index_t i = first + t / kLanes;
                for (int c = 0; c < n_trials; ++c)
                    part[c * kThreads + t] =
                        i < n ? dot_lane(row_at(rows.x, i), row_at(rows.x, trial[c]), rows.x.cols, t % kLanes)
                              : 0.0;
            });
            block.sync();
        }
        block.each([&](int t) {  // a thread takes one row and one trial
            const int r = t / kLanes, c = t % kLanes;
            const index_t i = first + r;
            potential[r * kTrialsAtOnce + c] = 0;
            if (i >= n || c >= n_trials) return;
            double dot = 0;
            if constexpr (kDense) {
                dot = fold(part + c * kThreads + r * kLanes);
            } else {
                dot = spread_dot(i, c);
            }
            const double found = squared_distance(i, trial[c], dot);
            const double d2 = found < closest[i] ? found : closest[i];
            distances[c * n + i] = d2;
            potential[r * kTrialsAtOnce + c] = potential_of(rows.weight_of(i), d2, scale);
        });
        block.sync();
        block.each([&](int t) {
            if (t >= n_trials) return;
            std::int64_t sum = 0;
            for (index_t r = 0; r < kRowsPerBlock; ++r) sum += potential[r * kTrialsAtOnce + t];
            cuda::atomic_add(potentials + t, sum);
        });
    }

  private:
    // In order of the stored nonzeros; the eight threads of a row read the line of each one's trials together.
    COTERIE_HOST_DEVICE double spread_dot(index_t i, int c) const {
        const SparseRow row = row_at(rows.x, i);
        double sum = 0;
        for (index_t p = 0; p < row.nnz; ++p)
            sum += static_cast<double>(row.data[p]) * spread[index_t{row.indices[p]} * kTrialsAtOnce + c];
        return sum;
    }

    COTERIE_HOST_DEVICE double squared_distance(index_t i, index_t seed, double dot) const {
        const double xx = rows.squared_norm[i], cc = rows.squared_norm[seed];
        if (!rows.is_cosine) return larger(0.0, (xx - 2 * dot) + cc);
        const double norms = sqrt(xx) * sqrt(cc);
        if (!(norms > 0)) return 1.0;
        const double value = 1 - dot / norms;
        return value < 0.0 ? 0.0 : value > 2.0 ? 2.0 : value;
    }
};

// sums[task] = sum of the integer potentials of a task's rows, or with closest null of their integer weights.
struct TaskSums {
    static constexpr const char* kName = "sums of potentials";
    static constexpr int kThreads = 64;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(std::int64_t);

    index_t n;
    const double *weight, *closest;  // [n] or null
    SeedingScales scales;
    std::int64_t* sums;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        std::int64_t* const part = block.template shared<std::int64_t>(0);
        const index_t first = block.block() * kSeedingRowsPerTask;
        block.each([&](int t) {
            std::int64_t sum = 0;
            for (index_t r = t; r < kSeedingRowsPerTask && first + r < n; r += kThreads) {
                const index_t i = first + r;
                const double w = weight == nullptr ? 1.0 : weight[i];
                sum += closest == nullptr ? static_cast<std::int64_t>(llrint(w * scales.weight))
                                          : potential_of(w, closest[i], scales.potential);
            }
            part[t] = sum;
        });
        block.sync();
        block.each([&](int t) {
            if (t != 0) return;
            std::int64_t sum = 0;
            for (int q = 0; q < kThreads; ++q) sum += part[q];
            sums[block.block()] = sum;
        });
    }
};

}  // namespace coterie::cluster::device
