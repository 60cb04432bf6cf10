#include "cluster/sum_lines.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/check.hpp"
#include "core/parallel.hpp"

namespace coterie::cluster {

// Room for every line; pages that no line reaches cost nothing.
SumLines::SumLines(index_t d, index_t k)
    : d_(d),
      n_stripes_(ceil_div(k, kColumns)),
      sums_(static_cast<std::size_t>((n_stripes_ * d + 1) * kColumns)),
      line_(static_cast<std::size_t>(n_stripes_ * d)),
      state_(static_cast<std::size_t>(n_stripes_ * d)),
      lists_(static_cast<std::size_t>(n_stripes_)) {
    require(n_stripes_ * d < index_t{std::numeric_limits<std::uint32_t>::max()}, "kmeans", "n_features=", d,
            " and n_clusters=", k, " are too many for sums of sparse rows");
}

void SumLines::place(int n_threads) {
    parallel_for(n_stripes_, n_threads, [&](index_t stripe, int) { place_stripe(stripe); });
}

void SumLines::place_stripe(index_t stripe) {
    std::uint8_t* const state = state_.data() + stripe * d_;
    std::vector<kernels::TermLine> fresh;
    const auto wanted_from = [&](index_t j) {
        const void* const found = std::memchr(state + j, kWanted, static_cast<std::size_t>(d_ - j));
        return found == nullptr ? d_ : static_cast<const std::uint8_t*>(found) - state;
    };
    for (index_t j = wanted_from(0); j < d_; j = wanted_from(j + 1)) {
        state[j] = kPlaced;
        fresh.push_back({static_cast<std::int32_t>(j), 0});
    }
    if (fresh.empty()) return;
    auto line = static_cast<std::uint32_t>(next_.fetch_add(static_cast<index_t>(fresh.size())));
    for (kernels::TermLine& f : fresh) {
        f.line = line++;
        line_[static_cast<std::size_t>(stripe * d_ + f.term)] = f.line;
    }
    auto& list = lists_[static_cast<std::size_t>(stripe)];
    const auto n_before = static_cast<std::ptrdiff_t>(list.size());
    list.insert(list.end(), fresh.begin(), fresh.end());
    std::inplace_merge(list.begin(), list.begin() + n_before, list.end(),
                       [](const auto& a, const auto& b) { return a.term < b.term; });
}

void SumLines::set_zero() {
    std::fill(sums_.begin(), sums_.begin() + next_ * kColumns, 0);
}

std::vector<kernels::TermLine> SumLines::of_all_features(index_t stripe) const {
    std::vector<kernels::TermLine> lines(static_cast<std::size_t>(d_));
    for (index_t j = 0; j < d_; ++j)
        lines[static_cast<std::size_t>(j)] = {static_cast<std::int32_t>(j),
                                              line_[static_cast<std::size_t>(stripe * d_ + j)]};
    return lines;
}

}  // namespace coterie::cluster
