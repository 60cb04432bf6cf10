// Philox4x32-10 (core/philox.hpp) in the vectors of one instruction set.
#pragma once

#include <cstdint>

#include "core/types.hpp"
#include "kernels/kernels.hpp"

namespace coterie::kernels {

// The four words of one half of a group's counters, each in the lower half of a 64-bit lane, which a 32 x 32 bit product
// fills. What the upper halves hold is not read before the halves are merged.
template <typename V>
struct PhiloxHalf {
    typename V::U c0, c1, c2, c3;
};

template <typename V>
void philox_round(PhiloxHalf<V>& c, std::uint32_t k0, std::uint32_t k1) {
    const auto product0 = V::multiply_even_u(c.c0, 0xD2511F53u),
               product1 = V::multiply_even_u(c.c2, 0xCD9E8D57u);
    c.c0 = V::xor_u(V::xor_u(V::odd_to_even_u(product1), c.c1), V::broadcast_u(k0));
    c.c2 = V::xor_u(V::xor_u(V::odd_to_even_u(product0), c.c3), V::broadcast_u(k1));
    c.c1 = product1;
    c.c3 = product0;
}

inline constexpr std::uint32_t kLanes[kRandomLanes] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// Table::random_words
template <typename V>
void philox_words(std::uint64_t seed, std::uint64_t stream, std::uint32_t counter, index_t groups,
                  std::uint32_t* out) noexcept {
    using U = typename V::U;
    const U c2 = V::broadcast_u(static_cast<std::uint32_t>(stream));
    const U c3 = V::broadcast_u(static_cast<std::uint32_t>(stream >> 32));
    for (index_t g = 0; g < groups; ++g, counter += kRandomLanes, out += 4 * kRandomLanes) {
        const U c0 = V::add_u(V::broadcast_u(counter), V::load_u(kLanes)), c1 = V::broadcast_u(0);
        PhiloxHalf<V> even = {c0, c1, c2, c3}, odd = {V::odd_to_even_u(c0), c1, c2, c3};
        auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
        for (int round = 0; round < 10; ++round) {
            philox_round<V>(even, k0, k1);
            philox_round<V>(odd, k0, k1);
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        V::store_u(out, V::merge_u(even.c0, odd.c0));
        V::store_u(out + kRandomLanes, V::merge_u(even.c1, odd.c1));
        V::store_u(out + 2 * kRandomLanes, V::merge_u(even.c2, odd.c2));
        V::store_u(out + 3 * kRandomLanes, V::merge_u(even.c3, odd.c3));
    }
}

}  // namespace coterie::kernels
