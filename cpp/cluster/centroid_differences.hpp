// Differences of two centroids in codes of 16 bits, for int8 rows that are compared with the same pair again and again. A thread's
// own, and of one set of centroids.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/centroids.hpp"
#include "core/large_vector.hpp"

namespace coterie::cluster {

class CentroidDifferences {
  public:
    // c_low - c_high = step codes + what was lost.
    struct Difference {
        std::int32_t low = -1, high = -1;  // -1: the place is free
        bool is_packed = false;
        // What is added to Int8Table::multiply, since rows lie kInt8Zero above their codes.
        std::uint32_t offset = 0;
        double step = 0;
        double length = 0, lost = 0;  // not below those of the exact difference
        const std::int16_t* codes = nullptr;
    };

    // The difference of a pair with low < high, or null where its squares may leave the range of float32.
    const Difference* find(const Centroids<Dense>& centroids, index_t low, index_t high);

  private:
    void pack(const Centroids<Dense>& centroids, Difference& difference, std::int16_t* codes) const;

    index_t d_padded_ = 0;
    std::vector<Difference> places_;
    LargeVector<std::int16_t> codes_;  // [places][d_padded]
};

}  // namespace coterie::cluster
