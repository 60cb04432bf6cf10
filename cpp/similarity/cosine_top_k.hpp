// Cosine neighbours: for each row of X the rows of Y with the largest canonical cosine, ties to the lowest
// row.
#pragma once

#include "similarity/neighbours.hpp"

namespace coterie {

// Throws std::invalid_argument when the numbers of features differ, Y has 2^31 rows or more, or a value is
// not finite.
Neighbours cosine_top_k(const MatrixView<const float>& x, const MatrixView<const float>& y,
                        const NeighbourQuery& query, int n_threads);
Neighbours cosine_top_k(const CsrView& x, const CsrView& y, const NeighbourQuery& query, int n_threads);

}  // namespace coterie
