// Dense neighbours by the definition alone: every pair by its canonical score. For few rows of X, which do not pay for a filter
// of Y, and for a k that most rows of Y would pass the filter for.
#pragma once

#include "similarity/neighbours.hpp"

namespace coterie {

bool pays_directly(index_t x_rows, index_t y_rows, index_t k);

// Throws std::invalid_argument when a value is not finite, Interrupted on Ctrl-C.
Neighbours direct_neighbours(const MatrixView<const float>& x, const MatrixView<const float>& y,
                             const NeighbourQuery& query, int n_threads);

}  // namespace coterie
