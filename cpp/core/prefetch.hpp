// Asking for memory before it is read.
#pragma once

#include <cstdint>

#include "core/types.hpp"

namespace coterie {

inline void prefetch_line(const void* address) {
    __builtin_prefetch(address);
    // GCC takes a function of nothing but prefetches for one without effects, and leaves out calls that it does not inline.
    __asm__ volatile("");
}

// The cache lines of n numbers that lie one after another. For pieces in an order that the hardware does not foresee.
template <typename T>
void prefetch(const T* piece, index_t n) {
    constexpr std::uintptr_t kLine = 64;
    const auto end = reinterpret_cast<std::uintptr_t>(piece + n);
    // From the start of a line: a piece shorter than one can lie in two.
    for (auto at = reinterpret_cast<std::uintptr_t>(piece) / kLine * kLine; at < end; at += kLine)
        prefetch_line(reinterpret_cast<const void*>(at));
}

}  // namespace coterie
