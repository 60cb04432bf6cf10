// One row of X on its way through one block of posting lists: shared by sparse_join.cpp and sparse_scan.cpp.
#pragma once

#include <limits>

#include "similarity/sparse_join.hpp"

namespace coterie {

inline constexpr float kNever =
    -std::numeric_limits<float>::infinity();  // the sum of a row that takes no part
// Relative room for every float64 rounding in the bounds.
inline constexpr double kRoom = 1e-6;

template <typename Measure>
struct SparseJoin<Measure>::Pass {
    const PostingLists& lists;
    std::size_t block;
    index_t i;
    index_t n_rows;     // of the block, those that take part,
    index_t first;      // from this one on
    double size;        // of the row of X, in filter units
    double eps;         // of a float32 sum, in filter units
    index_t request;    // which of the rows visited together
    bool prefilled;     // whether a panel has written all sums
    std::size_t p = 0;  // terms already added
    index_t done = 0;   // postings already read
    index_t remaining = 0;
    index_t next_check = 0;
    SizeSegments::Window touched{0, 0};  // rows whose sums may have changed
    double window_floor = -1;            // for which first and n_rows have been narrowed
};

}  // namespace coterie
