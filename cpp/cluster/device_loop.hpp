// What an iteration of K-means leaves on the device, so that the next one can be queued before the host has seen it.
#pragma once

#include <cmath>

#include "core/types.hpp"
#include "cuda/host_device.hpp"

namespace coterie::cluster::device {

// Of one assignment.
struct AssignCounters {
    std::int64_t uncertain;   // rows in Uncertain
    std::int64_t changed;     // labels that differ from those before
    std::int64_t candidates;  // of the uncertain rows
    std::int64_t active;      // rows that were looked at, where bounds say which
};

// How far centroids moved in an update, as upper bounds: LabelBounds::centroids_moved.
struct ShiftRank {
    double largest, second;
    std::int32_t farthest;  // the lowest of those that moved most
};

// Why the iterations that follow do nothing.
enum : std::int64_t { kRunning = 0, kFinished = 1, kEmptyClusters = 2 };

struct LoopState {
    std::int64_t halted;
    std::int64_t changed;     // labels, in the last iteration
    std::int64_t candidates;  // compared canonically or certain, in all of them
    std::int64_t evaluated;   // rows that were looked at, in all of them
    double shift;             // sum over the centroids of |c_new - c_old|^2, in the last iteration
};

// null: the work is not part of a loop.
COTERIE_HOST_DEVICE inline bool is_halted(const LoopState* loop) {
    return loop != nullptr && loop->halted != kRunning;
}

// Between the sums and the centroids: an empty cluster is the host's to fill. One block.
struct CheckClusters {
    static constexpr const char* kName = "search for empty clusters";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(std::int32_t);

    const std::int64_t* weight;  // [k]
    index_t k;
    LoopState* loop;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        std::int32_t* const found = block.template shared<std::int32_t>(0);
        block.each([&](int t) {
            found[t] = 0;
            for (index_t c = t; c < k; c += kThreads)
                if (weight[c] == 0) found[t] = 1;
        });
        block.sync();
        block.each([&](int t) {
            if (t != 0 || loop->halted != kRunning) return;
            for (int q = 0; q < kThreads; ++q)
                if (found[q] != 0) loop->halted = kEmptyClusters;
        });
    }
};

// Adds the shifts from left to right, as the host's loop does, finds the largest, and decides whether there is a next iteration.
// One block.
struct EndIteration {
    static constexpr const char* kName = "end of an iteration";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(double);

    const double* squared_shift;  // [k]
    index_t k;
    double tol;
    ShiftRank* rank;
    AssignCounters* counters;  // set to zero for the next iteration
    LoopState* loop;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        if (is_halted(loop)) return;
        double* const shifts = block.template shared<double>(0);
        typename Block::template PerThread<double> sum(block, 0.0);
        typename Block::template PerThread<ShiftRank> most(block, ShiftRank{0, 0, -1});
        for (index_t first = 0; first < k; first += kThreads) {
            block.each([&](int t) { shifts[t] = first + t < k ? squared_shift[first + t] : 0.0; });
            block.sync();
            block.each([&](int t) {
                if (t != 0) return;
                const index_t end = k - first < kThreads ? k - first : kThreads;
                for (index_t q = 0; q < end; ++q) {
                    sum(t) += shifts[q];
                    offer(most(t), shifts[q], static_cast<std::int32_t>(first + q));
                }
            });
            block.sync();
        }
        block.each([&](int t) {
            if (t != 0) return;
            loop->shift = sum(t);
            loop->changed = counters->changed;
            loop->candidates += counters->active - counters->uncertain + counters->candidates;
            loop->evaluated += counters->active;
            loop->halted = counters->changed == 0 || sum(t) <= tol ? kFinished : kRunning;
            *counters = AssignCounters{0, 0, 0, 0};
            *rank = {sqrt(most(t).largest) * (1 + 1e-9), sqrt(most(t).second) * (1 + 1e-9), most(t).farthest};
        });
    }

  private:
    COTERIE_HOST_DEVICE static void offer(ShiftRank& rank, double shift, std::int32_t c) {
        if (shift > rank.largest) {
            rank.second = rank.largest;
            rank.largest = shift;
            rank.farthest = c;
        } else if (shift > rank.second) {
            rank.second = shift;
        }
    }
};

}  // namespace coterie::cluster::device
