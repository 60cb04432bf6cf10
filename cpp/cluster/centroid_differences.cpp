#include "cluster/centroid_differences.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/int8_pack.hpp"
#include "kernels/rounding.hpp"

namespace coterie::cluster {
namespace {

// A thread's codes may fill most of its second-level cache; pairs that are met often are far fewer than places.
constexpr index_t kCodeBytes = 3 << 19;
constexpr index_t kLeastPlaces = 16, kMostPlaces = 2048;

index_t n_places(index_t d_padded) {
    const auto wanted = static_cast<std::uint64_t>(kCodeBytes / (2 * d_padded));
    return std::clamp(static_cast<index_t>(std::bit_floor(wanted)), kLeastPlaces, kMostPlaces);
}

// Where a pair belongs; places: a power of two.
std::size_t place_of(index_t low, index_t high, std::size_t places) {
    const std::uint64_t pair = static_cast<std::uint64_t>(low) << 32 | static_cast<std::uint64_t>(high);
    return static_cast<std::size_t>(pair * 0x9E3779B97F4A7C15u >> 40) & (places - 1);
}

}  // namespace

const CentroidDifferences::Difference* CentroidDifferences::find(const Centroids<Dense>& centroids,
                                                                 index_t low, index_t high) {
    if (places_.empty()) {
        d_padded_ = kernels::int8_depth(centroids.d);
        places_.resize(static_cast<std::size_t>(n_places(d_padded_)));
        codes_.resize(places_.size() * static_cast<std::size_t>(d_padded_));
    }
    const std::size_t place = place_of(low, high, places_.size());
    Difference& difference = places_[place];
    if (difference.low != low || difference.high != high) {
        difference.low = static_cast<std::int32_t>(low);
        difference.high = static_cast<std::int32_t>(high);
        pack(centroids, difference, codes_.data() + place * static_cast<std::size_t>(d_padded_));
    }
    return difference.is_packed ? &difference : nullptr;
}

void CentroidDifferences::pack(const Centroids<Dense>& centroids, Difference& difference,
                               std::int16_t* codes) const {
    double squared_length = 0, squared_lost = 0;
    float step = 0;
    std::int32_t sum = 0;
    difference.is_packed = kernels::active().int8->pack_difference(
        centroids.row(difference.low), centroids.row(difference.high), centroids.d,
        kernels::int8_largest_code(d_padded_), codes, d_padded_, &step, &sum, &squared_length, &squared_lost);
    difference.offset = 0u - static_cast<std::uint32_t>(sum) * std::uint32_t{kernels::kInt8Zero};
    difference.step = step;
    difference.codes = codes;
    difference.length = std::sqrt(squared_length) * kernels::kUpward;
    // What was lost is measured against the difference in float32, a rounding away.
    difference.lost =
        std::sqrt(squared_lost) * kernels::kUpward + 2 * kernels::kFloatRoundoff * difference.length;
}

}  // namespace coterie::cluster
