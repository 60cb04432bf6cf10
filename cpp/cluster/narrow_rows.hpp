// Rows of few features among few centroids: scoring such a row again costs less than remembering bounds for it. Rows stand in
// the lanes of the float32 filter; those whose two best scores are too close for it are left to whoever compares canonically.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/filter.hpp"
#include "cluster/samples.hpp"

namespace coterie::cluster {

// In which passes rows stand in lanes: never, until few of them change their labels, or always.
enum class Lanes { never, at_first, always };

// Rough cycles of one core for a row: in its lanes, and scored by a filter with what bounds ask for.
struct RowCycles {
    double in_lanes, scored;
};

// products_per_cycle and depth: the rate of the filter, and the features it works on.
RowCycles cycles_of(const Dense& x, index_t k, double products_per_cycle, index_t depth);
Lanes lanes_for(const RowCycles& cycles, index_t k);
// Whether so few labels changed in a pass that bounds may decide most rows of the next.
bool is_settled(index_t changed, index_t n_samples);

class NarrowRows {
  public:
    NarrowRows(const Samples<Dense>& samples, const Centroids<Dense>& centroids)
        : samples_(samples), centroids_(centroids), error_(centroids, samples.x.cols) {}

    // settle(i, label) for every row of [begin, end) whose label is certain, leave(i) for the others.
    template <typename Settle, typename Leave>
    void visit(index_t begin, index_t end, FilterScratch& scratch, const Settle& settle,
               const Leave& leave) const {
        std::array<std::int32_t, kernels::kLaneRows> labels;
        for (index_t first = begin; first < end; first += kernels::kLaneRows) {
            const index_t m = std::min(kernels::kLaneRows, end - first);
            const std::uint64_t uncertain = label(first, m, scratch, labels.data());
            for (index_t r = 0; r < m; ++r) {
                if ((uncertain >> r & 1) == 0) {
                    settle(first + r, labels[static_cast<std::size_t>(r)]);
                } else {
                    leave(first + r);
                }
            }
        }
    }

  private:
    // Labels of m <= kLaneRows rows; returns those that are not certain, a bit each.
    std::uint64_t label(index_t first, index_t m, FilterScratch& scratch, std::int32_t* labels) const;

    const Samples<Dense>& samples_;
    const Centroids<Dense>& centroids_;
    Float32Error error_;
};

}  // namespace coterie::cluster
