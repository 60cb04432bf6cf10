// What every op of this room asks of its arguments.
#pragma once

#include <limits>

#include "core/check.hpp"
#include "similarity/neighbours.hpp"

namespace coterie {

template <typename View>
void check_shapes(const View& x, const View& y, const NeighbourQuery& query, const char* op) {
    require(x.cols == y.cols, op, "X has ", x.cols, " features and Y has ", y.cols, "; they must be equal");
    require(y.rows <= std::numeric_limits<std::int32_t>::max(), op, "Y must have fewer than 2^31 rows; got ",
            y.rows);
    require(query.k >= 0, op, "k must be >= 0; got ", query.k);
}

// And that the values are finite.
template <typename View>
void check_pair(const View& x, const View& y, const NeighbourQuery& query, const char* op, int n_threads) {
    check_shapes(x, y, query, op);
    check_finite(x, op, n_threads);
    if (x.data != y.data || x.rows != y.rows) check_finite(y, op, n_threads);
}

}  // namespace coterie
