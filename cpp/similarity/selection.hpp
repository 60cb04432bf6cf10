// The best of many scored rows: the k-th score without a sort, and the sort of those that are answered.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "core/types.hpp"

namespace coterie {

struct Candidate {
    double score;
    std::int32_t index;
};

inline bool better(const Candidate& a, const Candidate& b) {
    return a.score > b.score || (a.score == b.score && a.index < b.index);
}

// By better(), which must be a strict order of the items: no two have one index.
void sort_best_first(std::vector<Candidate>& items);

// The least and the largest of n >= 1 values.
std::pair<float, float> range_of(const float* values, index_t n);

// The k-th largest float32 among key_of(item), 1 <= k <= n, none of them NaN. Items fall into bins of equal width between the
// least and the largest key; only the bin of the k-th is looked at more closely.
template <typename Item, typename KeyOf>
float kth_largest(const std::vector<Item>& items, index_t k, std::vector<float>& keys, const KeyOf& key_of) {
    constexpr int kBins = 256;
    constexpr index_t kFew = 48;
    const auto n = static_cast<index_t>(items.size());
    keys.resize(items.size());
    for (index_t i = 0; i < n; ++i) keys[i] = key_of(items[i]);
    const auto [least, largest] = range_of(keys.data(), n);
    index_t above = 0, n_left = n;
    // A narrower range would overflow the scale.
    if (n > kFew && largest - least > 1e-30f && largest - least < 1e30f) {
        const float scale = (kBins - 1) / (largest - least);
        const auto bin_of = [&](float key) { return static_cast<int>((key - least) * scale); };
        std::array<std::int32_t, kBins> count{};
        for (const float key : keys) ++count[bin_of(key)];
        int bin = kBins - 1;
        while (above + count[bin] < k) above += count[bin--];
        n_left = 0;
        for (const float key : keys) {
            keys[n_left] = key;
            n_left += bin_of(key) == bin;
        }
    }
    const auto kth = keys.begin() + (k - above - 1);
    std::nth_element(keys.begin(), kth, keys.begin() + n_left, std::greater<float>());
    return *kth;
}

}  // namespace coterie
