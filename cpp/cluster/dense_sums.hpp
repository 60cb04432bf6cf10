// Where the integer sums of dense rows lie: every one has its place, so that nothing need be asked for (see SumLines).
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/large_vector.hpp"
#include "core/types.hpp"

namespace coterie::cluster {

class DenseSums {
  public:
    DenseSums(index_t d, index_t k) : d_(d), sums_(static_cast<std::size_t>(k * d)) {}

    void want(index_t, index_t) {}
    void place(int) {}

    std::int64_t at(index_t c, index_t j) const { return sums_[static_cast<std::size_t>(c * d_ + j)]; }
    std::int64_t& at(index_t c, index_t j) { return sums_[static_cast<std::size_t>(c * d_ + j)]; }
    void set_zero() { std::fill(sums_.begin(), sums_.end(), 0); }

    std::int64_t* of_cluster(index_t c) { return sums_.data() + c * d_; }  // [d]
    std::int64_t* data() { return sums_.data(); }                          // [k][d]

  private:
    index_t d_;
    LargeZeros<std::int64_t> sums_;
};

}  // namespace coterie::cluster
