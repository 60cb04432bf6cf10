// Near-duplicates among the candidates of MinHash with banding.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie {

// A pair is a candidate when in at least one of n_bands bands all rows_per_band minima of the hashed columns agree,
// which happens with probability 1 - (1 - J^rows_per_band)^n_bands for column sets of Jaccard similarity J (Broder,
// "On the resemblance and containment of documents", SEQUENCES 1997).
struct MinHash {
    index_t n_bands;
    index_t rows_per_band;
    std::uint64_t seed;
};

// As cosine_components and jaccard_components, over the candidate pairs only; each of them is evaluated canonically.
std::vector<std::int32_t> cosine_minhash_components(const CsrView& x, float threshold, const MinHash& minhash,
                                                    int n_threads);
std::vector<std::int32_t> jaccard_minhash_components(const CsrView& x, float threshold,
                                                     const MinHash& minhash, int n_threads);

}  // namespace coterie
