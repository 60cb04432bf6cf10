// Connected components of the graph that joins rows with similarity >= threshold.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie {

// first[i] = the lowest row in the component of row i. Similarities are those of cosine_top_k and
// jaccard_top_k, compared after rounding to float32; threshold > 0. Pairs are united as they are found and
// never stored; a pair whose rows are together already is not evaluated. Throws std::invalid_argument as
// those ops do.
std::vector<std::int32_t> cosine_components(const MatrixView<const float>& x, float threshold, int n_threads);
std::vector<std::int32_t> cosine_components(const CsrView& x, float threshold, int n_threads);
std::vector<std::int32_t> jaccard_components(const CsrView& x, float threshold, int n_threads);

}  // namespace coterie
