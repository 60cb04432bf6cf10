// Where the integer sums of CSR rows lie: in lines of kTermColumns clusters of one feature. Most features are rare and occur in
// few clusters, so only lines that some row has touched have a place, in the order in which an update reads them.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/large_vector.hpp"
#include "core/prefetch.hpp"
#include "core/types.hpp"
#include "kernels/kernels.hpp"

namespace coterie::cluster {

class SumLines {
  public:
    SumLines(index_t d, index_t k);

    index_t n_stripes() const { return n_stripes_; }

    // Asks for the sum of cluster c and feature j. From any thread; place() gives what was asked for its line.
    void want(index_t c, index_t j) {
        std::uint8_t* const state = state_.data() + c / kColumns * d_ + j;
        if (__atomic_load_n(state, __ATOMIC_RELAXED) == kNone)
            __atomic_store_n(state, kWanted, __ATOMIC_RELAXED);
    }
    void place(int n_threads);
    void place_stripe(index_t stripe);  // the same for the kTermColumns clusters of one stripe

    std::int64_t at(index_t c, index_t j) const { return sums_[index_of(c, j)]; }
    // Only where it has a line.
    std::int64_t& at(index_t c, index_t j) { return sums_[index_of(c, j)]; }
    void fetch(index_t c, index_t j) const { prefetch_line(sums_.data() + index_of(c, j)); }
    void set_zero();  // every sum; lines keep their places

    // The lines of a stripe of kTermColumns clusters in order of features: those in use, or one of zeros for every other feature too.
    const std::vector<kernels::TermLine>& in_use(index_t stripe) const {
        return lists_[static_cast<std::size_t>(stripe)];
    }
    std::vector<kernels::TermLine> of_all_features(index_t stripe) const;
    const std::int64_t* data() const { return sums_.data(); }

  private:
    static constexpr index_t kColumns = kernels::kTermColumns;
    static constexpr std::uint8_t kNone = 0, kWanted = 1, kPlaced = 2;

    std::size_t index_of(index_t c, index_t j) const {
        const index_t line = line_[static_cast<std::size_t>(c / kColumns * d_ + j)];
        return static_cast<std::size_t>(line * kColumns + c % kColumns);
    }

    index_t d_, n_stripes_;
    LargeZeros<std::int64_t> sums_;   // by line; line 0 stays zero
    LargeZeros<std::uint32_t> line_;  // [n_stripes][d], 0: none
    LargeZeros<std::uint8_t> state_;  // [n_stripes][d]
    std::vector<std::vector<kernels::TermLine>> lists_;
    std::atomic<index_t> next_ = 1;
};

}  // namespace coterie::cluster
