#include "similarity/selection.hpp"

#include <bit>
#include <memory>
#include <utility>

namespace coterie {
namespace {

constexpr std::size_t kFew = 96;
constexpr int kDigits = 4;

struct Place {
    std::uint32_t key;
    std::uint32_t at;
};

// Increases as the score, rounded to float32, decreases; + 0.0f makes -0 into +0.
std::uint32_t descending_key(double score) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(score) + 0.0f);
    return bits >> 31 != 0 ? bits : bits ^ 0x7FFFFFFFu;
}

// Stable, by increasing key, one byte at a time. Returns the one of the two arrays in which the result lies.
Place* sort_by_key(Place* from, Place* to, std::size_t n) {
    std::array<std::array<std::uint32_t, 256>, kDigits> count{};
    for (std::size_t i = 0; i < n; ++i)
        for (int digit = 0; digit < kDigits; ++digit) ++count[digit][from[i].key >> (8 * digit) & 255];
    for (int digit = 0; digit < kDigits; ++digit) {
        if (count[digit][from[0].key >> (8 * digit) & 255] == n) continue;
        std::uint32_t begin = 0;
        for (std::uint32_t& c : count[digit]) begin += std::exchange(c, begin);
        for (std::size_t i = 0; i < n; ++i) to[count[digit][from[i].key >> (8 * digit) & 255]++] = from[i];
        std::swap(from, to);
    }
    return from;
}

}  // namespace

// Several of each, as a minimum waits for the one before it.
std::pair<float, float> range_of(const float* values, index_t n) {
    constexpr index_t kLanes = 8;
    float least[kLanes], largest[kLanes];
    std::fill_n(least, kLanes, values[0]);
    std::fill_n(largest, kLanes, values[0]);
    index_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
        for (index_t l = 0; l < kLanes; ++l) {
            const float v = values[i + l];
            least[l] = v < least[l] ? v : least[l];
            largest[l] = v > largest[l] ? v : largest[l];
        }
    for (; i < n; ++i) {
        least[0] = std::min(least[0], values[i]);
        largest[0] = std::max(largest[0], values[i]);
    }
    return {*std::min_element(least, least + kLanes), *std::max_element(largest, largest + kLanes)};
}

void sort_best_first(std::vector<Candidate>& items) {
    const std::size_t n = items.size();
    if (n <= kFew) {
        std::sort(items.begin(), items.end(), better);
        return;
    }
    const auto places = std::make_unique_for_overwrite<Place[]>(2 * n);
    for (std::size_t i = 0; i < n; ++i)
        places[i] = {descending_key(items[i].score), static_cast<std::uint32_t>(i)};
    const Place* const sorted = sort_by_key(places.get(), places.get() + n, n);
    const std::vector<Candidate> old(items);
    for (std::size_t begin = 0, end = 0; begin < n; begin = end) {
        for (; end < n && sorted[end].key == sorted[begin].key; ++end) items[end] = old[sorted[end].at];
        const auto first = items.begin() + static_cast<std::ptrdiff_t>(begin),
                   last = items.begin() + static_cast<std::ptrdiff_t>(end);
        if (!std::is_sorted(first, last, better)) std::sort(first, last, better);
    }
}

}  // namespace coterie
