// Similarities of given pairs of rows, those of cosine_top_k and jaccard_top_k.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie {

// similarity[p] of rows first[p] and second[p] of x, p < n_pairs, rounded once to float32. Throws
// std::invalid_argument when a row is not one of x.
std::vector<float> cosine_pairs(const MatrixView<const float>& x, const std::int32_t* first,
                                const std::int32_t* second, index_t n_pairs, int n_threads);
std::vector<float> cosine_pairs(const CsrView& x, const std::int32_t* first, const std::int32_t* second,
                                index_t n_pairs, int n_threads);
std::vector<float> jaccard_pairs(const CsrView& x, const std::int32_t* first, const std::int32_t* second,
                                 index_t n_pairs, int n_threads);

}  // namespace coterie
