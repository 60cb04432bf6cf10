// Errors that ops raise about their arguments: "[op] what was got and what was wanted".
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

#include "core/types.hpp"

namespace coterie {

// require(k <= n, "kmeans", "n_samples=", n, " must be >= n_clusters=", k)
template <typename... Parts>
void require(bool condition, const char* op, const Parts&... parts) {
    if (condition) return;
    std::ostringstream message;
    message << '[' << op << "] ";
    (message << ... << parts);
    throw std::invalid_argument(message.str());
}

// Proves that x can be read safely and is canonical: indptr starts at 0 or above, never decreases and ends
// within nnz stored elements; each row's columns are strictly increasing and within [0, cols). Throws
// std::invalid_argument.
void check_csr(const CsrView& x, index_t n_stored, const char* op, int n_threads);

// Throws std::invalid_argument naming the first row and column that is NaN or infinite.
void check_finite(const MatrixView<const float>& x, const char* op, int n_threads);
void check_finite(const CsrView& x, const char* op, int n_threads);

}  // namespace coterie
