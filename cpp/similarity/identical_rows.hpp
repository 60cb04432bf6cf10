// Which rows are equal, element by element (+0 equals -0; stored zeros count as elements).
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie {

// first[i] = the lowest row equal to row i. Rows are hashed and every match is verified. Throws
// std::invalid_argument for 2^31 rows or more.
std::vector<std::int32_t> identical_rows(const MatrixView<const float>& x, int n_threads);
std::vector<std::int32_t> identical_rows(const CsrView& x, int n_threads);

}  // namespace coterie
