// Canonical lengths of dense rows. The squares of float32 numbers cannot overflow in float64, so a length is finite exactly when
// its row is.
#pragma once

#include <vector>

#include "core/types.hpp"

namespace coterie {

// Throws std::invalid_argument naming the first value that is not finite.
std::vector<double> dense_norms(const MatrixView<const float>& x, const char* op, int n_threads);

// Throws it if one of n lengths of rows of x is not finite.
void check_norms(const double* norms, index_t n, const MatrixView<const float>& x, const char* op,
                 int n_threads);

}  // namespace coterie
