// Disjoint sets that several threads may unite at once (Anderson and Woll, "Wait-free parallel algorithms for
// the union-find problem", STOC 1991). A root is always the smallest member, so the sets, and the root of
// each, are the same in whatever order the unions happen.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/types.hpp"

namespace coterie {

class DisjointSets {
  public:
    explicit DisjointSets(index_t n)
        : parent_(std::make_unique<std::atomic<std::int32_t>[]>(static_cast<std::size_t>(n))) {
        for (index_t i = 0; i < n; ++i)
            parent_[i].store(static_cast<std::int32_t>(i), std::memory_order_relaxed);
    }

    std::int32_t root(std::int32_t i) {
        for (;;) {
            std::int32_t parent = parent_[i].load(std::memory_order_relaxed);
            if (parent == i) return i;
            const std::int32_t grandparent = parent_[parent].load(std::memory_order_relaxed);
            // Path halving; losing the race only leaves a longer path.
            parent_[i].compare_exchange_weak(parent, grandparent, std::memory_order_relaxed);
            i = grandparent;
        }
    }

    bool together(std::int32_t a, std::int32_t b) { return root(a) == root(b); }

    void unite(std::int32_t a, std::int32_t b) {
        for (;;) {
            a = root(a);
            b = root(b);
            if (a == b) return;
            if (a < b) std::swap(a, b);
            std::int32_t expected = a;
            if (parent_[a].compare_exchange_strong(expected, b, std::memory_order_relaxed)) return;
        }
    }

  private:
    std::unique_ptr<std::atomic<std::int32_t>[]> parent_;
};

}  // namespace coterie
