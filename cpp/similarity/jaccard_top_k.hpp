// Jaccard neighbours of non-negative rows: sum min / sum max; on 0/1 rows |A and B| / |A or B|. Ties to the
// lowest row.
#pragma once

#include "similarity/neighbours.hpp"

namespace coterie {

// Throws std::invalid_argument when the numbers of features differ, Y has 2^31 rows or more, or a value is
// negative or not finite.
Neighbours jaccard_top_k(const CsrView& x, const CsrView& y, const NeighbourQuery& query, int n_threads);

// Throws std::invalid_argument naming the first row and column with a negative value.
void check_not_negative(const CsrView& x, const char* op, int n_threads);

}  // namespace coterie
