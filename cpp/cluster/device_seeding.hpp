// Device programs of greedy k-means++ seeding: kmeans_plusplus.cpp's Seeding, one pass over the rows at a time.
#pragma once

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

// distances[c * n + i] = min(closest[i], D^2 of row i to trial c), potentials[c] += its integer potential. The trials are
// rows of the same samples.
struct MeasureTrials {
    static constexpr const char* kName = "distances to seeding trials";
    static constexpr int kThreads = 256;
    static constexpr index_t kRowsPerBlock = kThreads / kLanes;
    static constexpr std::size_t kSharedBytes =
        kThreads * kTrialsAtOnce * sizeof(double) + kRowsPerBlock * kTrialsAtOnce * sizeof(std::int64_t);

    Rows<Dense> rows;
    std::int64_t trial[kTrialsAtOnce];
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
        block.each([&](int t) {
            const index_t i = first + t / kLanes;
            for (int c = 0; c < n_trials; ++c)
                part[c * kThreads + t] =
                    i < n ? dot_lane(row_at(rows.x, i), row_at(rows.x, trial[c]), rows.x.cols, t % kLanes)
                          : 0.0;
        });
        block.sync();
        block.each([&](int t) {  // a thread takes one row and one trial
            const int r = t / kLanes, c = t % kLanes;
            const index_t i = first + r;
            potential[r * kTrialsAtOnce + c] = 0;
            if (i >= n || c >= n_trials) return;
            const double dot = fold(part + c * kThreads + r * kLanes);
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

    Rows<Dense> rows;
    const double* closest;
    SeedingScales scales;
    std::int64_t* sums;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        std::int64_t* const part = block.template shared<std::int64_t>(0);
        const index_t first = block.block() * kSeedingRowsPerTask;
        block.each([&](int t) {
            std::int64_t sum = 0;
            for (index_t r = t; r < kSeedingRowsPerTask && first + r < rows.x.rows; r += kThreads) {
                const index_t i = first + r;
                sum += closest == nullptr
                           ? static_cast<std::int64_t>(llrint(rows.weight_of(i) * scales.weight))
                           : potential_of(rows.weight_of(i), closest[i], scales.potential);
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
