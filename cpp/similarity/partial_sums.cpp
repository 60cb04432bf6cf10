#include "similarity/partial_sums.hpp"

#include <algorithm>
#include <functional>

#include "kernels/kernels.hpp"

namespace coterie {

float kth_largest_sum(const float* sums, index_t n, index_t k, std::vector<float>& heap) {
    constexpr index_t kChunk = 1024;
    const kernels::Table& t = kernels::active();
    std::int32_t found[kChunk];
    heap.clear();  // the k largest so far, the least of them in front
    const auto full = [&] { return static_cast<index_t>(heap.size()) == k; };
    for (index_t c = 0; c < n; c += kChunk) {
        const float cut = full() ? heap.front() : kLeastSum;
        const index_t n_found = t.collect_at_least(sums + c, std::min(kChunk, n - c), cut, found);
        for (index_t f = 0; f < n_found; ++f) {
            const float sum = sums[c + found[f]];
            if (full()) {
                if (sum <= heap.front()) continue;
                std::pop_heap(heap.begin(), heap.end(), std::greater<float>());
                heap.back() = sum;
            } else {
                heap.push_back(sum);
            }
            std::push_heap(heap.begin(), heap.end(), std::greater<float>());
        }
    }
    const float kth = full() ? heap.front() : kLeastSum;
    heap.clear();
    return kth;
}

}  // namespace coterie
