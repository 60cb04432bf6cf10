// What is looked for in one row of scores, over the vector type V of body.hpp, whose rules hold here.
#pragma once

#include "kernels/kernels.hpp"

namespace coterie::kernels {

// The two largest of L lanes of best and of runner_up, where runner_up <= best in each lane.
template <int L>
static inline void top_two_of(const float* best, const float* runner_up, float* first, float* second) {
    float a = best[0], b = runner_up[0];
    for (int l = 1; l < L; ++l) {
        const float s = best[l];
        const float loser = s < a ? s : a;
        a = s < a ? a : s;
        b = loser < b ? b : loser;
        b = runner_up[l] < b ? b : runner_up[l];
    }
    *first = a;
    *second = b;
}

template <typename V>
struct Scan {
    using F = typename V::F;
    static constexpr index_t L = V::kLanes;
    static constexpr index_t kGroup = kScoreGroup / L;  // vectors of a whole group

    static void top_two(const float* scores, index_t n, float* maxima, float* first, float* second) noexcept {
        F best = V::broadcast(2 * kPadScore), runner_up = best;  // -inf
        index_t c = 0;
        // The two largest of a group are found beside it, so that groups wait for one maximum each.
        for (; c + kScoreGroup <= n; c += kScoreGroup, maxima += L) {
            F most = V::load(scores + c), next = V::broadcast(2 * kPadScore);
            for (index_t v = 1; v < kGroup; ++v) {
                const F s = V::load(scores + c + v * L);
                next = V::max(next, V::min(most, s));
                most = V::max(most, s);
            }
            V::store(maxima, most);
            runner_up = V::max(V::max(runner_up, next), V::min(best, most));
            best = V::max(best, most);
        }
        if (c < n) {
            F most = V::broadcast(2 * kPadScore);
            for (; c < n; c += L) {
                const F s = V::load(scores + c);
                runner_up = V::max(runner_up, V::min(best, s));
                best = V::max(best, s);
                most = V::max(most, s);
            }
            V::store(maxima, most);
        }
        V::top_two_of_lanes(best, runner_up, first, second);
    }

    // Without a branch that depends on scores: the rows overlap.
    static void top_two_of_rows(const float* scores, index_t ld, index_t m, index_t n, float* first,
                                float* second, std::int32_t* where) noexcept {
        const index_t last_group = (n - 1) / kScoreGroup * kScoreGroup;
        for (index_t r = 0; r < m; ++r) {
            const float* const row = scores + r * ld;
            F best = V::load(row), runner_up = V::broadcast(2 * kPadScore);  // -inf
            for (index_t c = L; c < n; c += L) {
                const F s = V::load(row + c);
                runner_up = V::max(runner_up, V::min(best, s));
                best = V::max(best, s);
            }
            V::top_two_of_lanes(best, runner_up, first + r, second + r);
            const F wanted = V::broadcast(first[r]);
            index_t position = 0;
            for (index_t g = last_group; g >= 0; g -= kScoreGroup) {
                const index_t width = n - g < kScoreGroup ? n - g : kScoreGroup;
                std::uint64_t mask = 0;
                for (index_t c = 0; c < width; c += L)
                    mask |= std::uint64_t{V::at_least(V::load(row + g + c), wanted)} << c;
                position = mask != 0 ? g + __builtin_ctzll(mask) : position;
            }
            where[r] = static_cast<std::int32_t>(position);
        }
    }

    static index_t find(const float* scores, index_t n, float value) noexcept {
        const F wanted = V::broadcast(value);
        for (index_t c = 0; c < n; c += L) {
            const unsigned mask = V::at_least(V::load(scores + c), wanted);
            if (mask != 0) return c + __builtin_ctz(mask);
        }
        return n;
    }

    static index_t collect_at_least(const float* scores, index_t n, float threshold,
                                    std::int32_t* out) noexcept {
        const F bound = V::broadcast(threshold);
        index_t count = 0;
        for (index_t c = 0; c < n; c += L) {
            unsigned mask = V::at_least(V::load(scores + c), bound);
            while (mask != 0) {
                out[count++] = static_cast<std::int32_t>(c + __builtin_ctz(mask));
                mask &= mask - 1;
            }
        }
        return count;
    }

    static index_t split_at(const float* scores, index_t n, const float* maxima, float threshold,
                            std::int32_t* out, float* below) noexcept {
        const F bound = V::broadcast(threshold);
        F rest = V::broadcast(2 * kPadScore);  // -inf
        index_t count = 0;
        for (index_t c = 0; c < n; maxima += L) {
            const index_t end = c + kScoreGroup < n ? c + kScoreGroup : n;
            const F most = V::load(maxima);
            if (V::at_least(most, bound) == 0) {
                rest = V::max(rest, most);
                c = end;
                continue;
            }
            for (; c < end; c += L) {
                const F s = V::load(scores + c);
                rest = V::max(rest, V::only_below(s, bound));
                for (unsigned mask = V::at_least(s, bound); mask != 0; mask &= mask - 1)
                    out[count++] = static_cast<std::int32_t>(c + __builtin_ctz(mask));
            }
        }
        *below = V::largest_lane(rest);
        return count;
    }
};

}  // namespace coterie::kernels
