// How much more often two terms occur near each other than chance would have it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie {

// Row i has values data[p] in columns indices[p], p in [indptr[i], indptr[i + 1]), increasing.
struct PositivePmi {
    std::vector<float> data;
    std::vector<std::int32_t> indices;
    std::vector<std::int64_t> indptr;
};

// Document d has the terms sequence[p], p in [offsets[d], offsets[d + 1]). With
//
//   n_ij = sum over all pairs of places of i and j in one document, at a distance of 1 <= t <= window, of window + 1 - t
//   n_i  = sum_j n_ij
//
// the value of (i, j) is ln (n_ij / n_i) - ln (n_j^smoothing / sum_k n_k^smoothing), kept where it is above 0.
// Counts are integers, so that threads change no bit. smoothing below 1 makes rare contexts less surprising (Levy,
// Goldberg and Dagan, TACL 2015).
PositivePmi positive_pmi(const std::int32_t* sequence, const std::int64_t* offsets, index_t n_documents,
                         index_t n_terms, index_t window, double smoothing, int n_threads);

}  // namespace coterie
