// Which CSR rows the sums get and give, in the order of the clusters: a cluster's sums of common features then stay in the cache
// while its rows come by.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie::cluster {

struct RowMove {
    index_t row;
    index_t begin, nnz;  // where its nonzeros are, so that nothing else has to be read to ask for them
    std::int32_t cluster;
    bool gives;  // the cluster gives the row away

    SparseRow nonzeros(const CsrView& x) const { return {x.data + begin, x.indices + begin, nnz}; }
};

// Moves [begin, end), of their rows the features in [first, last).
struct MoveTask {
    index_t begin, end, first, last;
};

// Boundaries of n_ranges ranges of features, or fewer, with about equal numbers of nonzeros.
std::vector<index_t> balanced_ranges(const std::vector<index_t>& count, index_t n_ranges);

class RowMoves {
  public:
    // The rows listed go from members[row] (-1: from none) to labels[row]. range: boundaries of feature ranges of about equal
    // nonzero counts, which says how finely tasks are cut.
    RowMoves(const CsrView& x, const std::vector<index_t>& rows, const std::int32_t* labels,
             const std::int32_t* members, index_t k, const std::vector<index_t>& range);

    const std::vector<RowMove>& moves() const { return moves_; }
    // No two tasks write one cache line of sums, but for features at the border of two ranges.
    const std::vector<MoveTask>& tasks() const { return tasks_; }

  private:
    std::vector<RowMove> moves_;
    std::vector<MoveTask> tasks_;
};

}  // namespace coterie::cluster
