// Asking for memory before it is read.
#pragma once

#include "core/types.hpp"

namespace coterie {

// The cache lines of n numbers that lie one after another. For pieces in an order that the hardware does not foresee.
template <typename T>
void prefetch(const T* piece, index_t n) {
    for (index_t j = 0; j < n; j += static_cast<index_t>(64 / sizeof(T))) __builtin_prefetch(piece + j);
}

}  // namespace coterie
