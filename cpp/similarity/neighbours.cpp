#include "similarity/neighbours.hpp"

namespace coterie {

void NeighbourBlock::append(const std::vector<Candidate>& row) {
    const std::size_t n = indices.size();
    counts.push_back(static_cast<std::int64_t>(row.size()));
    indices.resize(n + row.size());
    similarities.resize(n + row.size());
    for (std::size_t p = 0; p < row.size(); ++p) {
        indices[n + p] = row[p].index;
        similarities[n + p] = static_cast<float>(row[p].score);
    }
}

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
