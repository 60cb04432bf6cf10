#include "similarity/size_segments.hpp"

#include <algorithm>

namespace coterie {
namespace {

// Sizes of a segment differ by at most this factor, unless its first kAlignment rows do.
constexpr double kSpread = 1.0625;

}  // namespace

SizeSegments::SizeSegments(const double* sizes, index_t n) {
    for (index_t begin = 0; begin < n; begin += kAlignment) {
        const index_t end = std::min(begin + kAlignment, n);
        const auto [least, largest] = std::minmax_element(sizes + begin, sizes + end);
        if (!segments_.empty()) {
            Segment& last = segments_.back();
            const double low = std::min(last.least, *least), high = std::max(last.largest, *largest);
            if (high <= kSpread * low) {
                last = {last.begin, end, low, high};
                continue;
            }
        }
        segments_.push_back({begin, end, *least, *largest});
    }
    if (segments_.empty()) return;
    least_ = *std::min_element(sizes, sizes + n);
    largest_ = *std::max_element(sizes, sizes + n);
}

SizeSegments::Window SizeSegments::window(double least, double largest) const {
    const auto within = [&](const Segment& s) { return s.largest >= least && s.least <= largest; };
    const auto first = std::find_if(segments_.begin(), segments_.end(), within);
    if (first == segments_.end()) return {0, 0};
    const auto last = std::find_if(segments_.rbegin(), segments_.rend(), within);
    return {first->begin, last->end};
}

}  // namespace coterie
