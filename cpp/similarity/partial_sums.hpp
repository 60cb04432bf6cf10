// One float32 sum per row of a block of posting lists.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "core/types.hpp"

namespace coterie {

inline constexpr float kLeastSum = std::numeric_limits<float>::denorm_min();

// Rows are distinct within a list, so the four sums of a step never depend on each other.
template <typename Measure>
void add_postings(const std::int32_t* rows, const float* weights, std::int32_t n, float weight, float* sums) {
    const auto* at =
        reinterpret_cast<const std::uint32_t*>(rows);  // zero-extends for free where int32 does not
    std::int32_t q = 0;
    for (; q + 4 <= n; q += 4) {
        float* const a = sums + at[q];
        float* const b = sums + at[q + 1];
        float* const c = sums + at[q + 2];
        float* const d = sums + at[q + 3];
        *a += Measure::filter_term(weight, weights[q]);
        *b += Measure::filter_term(weight, weights[q + 1]);
        *c += Measure::filter_term(weight, weights[q + 2]);
        *d += Measure::filter_term(weight, weights[q + 3]);
    }
    for (; q < n; ++q) sums[at[q]] += Measure::filter_term(weight, weights[q]);
}

// The k-th largest positive sum of n, a multiple of the kernel table's lanes, or kLeastSum when fewer are
// positive.
float kth_largest_sum(const float* sums, index_t n, index_t k, std::vector<float>& heap);

}  // namespace coterie
