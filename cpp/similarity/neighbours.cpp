#include "similarity/neighbours.hpp"

namespace coterie {

Neighbours concatenate(std::vector<NeighbourBlock>&& blocks, index_t n_rows) {
    Neighbours all;
    all.indptr.reserve(static_cast<std::size_t>(n_rows) + 1);
    all.indptr.push_back(0);
    for (const NeighbourBlock& block : blocks)
        for (const std::int64_t count : block.counts) all.indptr.push_back(all.indptr.back() + count);
    all.indices.reserve(static_cast<std::size_t>(all.indptr.back()));
    all.similarities.reserve(static_cast<std::size_t>(all.indptr.back()));
    for (NeighbourBlock& block : blocks) {
        all.indices.insert(all.indices.end(), block.indices.begin(), block.indices.end());
        all.similarities.insert(all.similarities.end(), block.similarities.begin(), block.similarities.end());
        block = NeighbourBlock{};
    }
    return all;
}

}  // namespace coterie
