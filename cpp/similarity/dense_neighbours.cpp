#include "similarity/dense_neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "kernels/rounding.hpp"

namespace coterie {
namespace {

constexpr index_t kRowsPerTask = 64;
constexpr std::size_t kLocks = 1024;

// Whether the candidates of all rows at once take no more memory than the rows do. Without k they are the answer.
bool fits_all_rows(index_t waiting_bytes, const NeighbourQuery& query, index_t n_features) {
    return query.k > 0 && waiting_bytes <= n_features * static_cast<index_t>(sizeof(float));
}

}  // namespace

DenseNeighbours::DenseNeighbours(const DenseJoin& join, const NeighbourQuery& query, index_t n_rows,
                                 index_t n_features, int n_threads)
    : join_(join),
      query_(query),
      n_rows_(n_rows),
      n_threads_(n_threads),
      eps_(join.error_bound()),
      most_waiting_(2 * query.k + 64),
      locks_(fits_all_rows(most_waiting_ * static_cast<index_t>(sizeof(Waiting)), query, n_features) ? kLocks
                                                                                                     : 0) {}

void DenseNeighbours::begin_rows(index_t begin, index_t end) {
    begin_ = begin;
    const Row empty{{}, Best(query_)};
    rows_.assign(static_cast<std::size_t>(end - begin), empty);
    cuts_.assign(rows_.size(), cut_of(empty));
}

void DenseNeighbours::cuts(index_t first, index_t n, float* least) {
    const index_t known = std::min(n, begin_ + static_cast<index_t>(rows_.size()) - first);
    for (index_t c = 0; c < known; ++c) least[c] = cut(first + c);
    std::fill(least + std::max<index_t>(known, 0), least + n, std::numeric_limits<float>::infinity());
}

void DenseNeighbours::raise_cut(index_t i, float cut) {
    const auto shared = shared_cut(i);
    shared.store(std::max(shared.load(std::memory_order_relaxed), cut), std::memory_order_relaxed);
}

float DenseNeighbours::cut_of(const Row& row) const {
    return kernels::round_down(std::max(row.best.floor() - eps_, -2.0));
}

void DenseNeighbours::accept(index_t i, index_t first_column, const float* scores,
                             const std::int32_t* positions, index_t n_positions) {
    std::unique_lock<std::mutex> lock;
    if (symmetric()) lock = std::unique_lock(locks_[static_cast<std::size_t>(i) % locks_.size()]);
    Row& row = rows_[static_cast<std::size_t>(i - begin_)];
    const float least = cut(i);
    const index_t excluded = query_.excluded == nullptr ? -1 : query_.excluded[i];
    for (index_t p = 0; p < n_positions; ++p) {
        const index_t j = first_column + positions[p];
        if (j != excluded && scores[p] >= least)
            row.waiting.push_back({scores[p], static_cast<std::int32_t>(j)});
    }
    if (static_cast<index_t>(row.waiting.size()) <= most_waiting_) return;
    if (query_.k > 0) prune(i, row);
    // Near-ties that the filter cannot tell apart must not pile up; without k they are the answer itself.
    if (query_.k > 0 && static_cast<index_t>(row.waiting.size()) > most_waiting_) evaluate(i, row);
    if (row.waiting.capacity() > 4 * static_cast<std::size_t>(most_waiting_) && query_.k > 0)
        row.waiting.shrink_to_fit();
}

void DenseNeighbours::prune(index_t i, Row& row) {
    auto& waiting = row.waiting;
    if (static_cast<index_t>(waiting.size()) <= query_.k) return;
    const auto kth = waiting.begin() + (query_.k - 1);
    std::nth_element(waiting.begin(), kth, waiting.end(),
                     [](const Waiting& a, const Waiting& b) { return a.score > b.score; });
    raise_cut(i, kernels::round_down(static_cast<double>(kth->score) - 2 * eps_));
    std::erase_if(waiting, [least = cut(i)](const Waiting& w) { return w.score < least; });
}

void DenseNeighbours::evaluate(index_t i, Row& row) {
    // Best first, so that the floor rises early and most of the rest need no evaluation.
    std::sort(row.waiting.begin(), row.waiting.end(), [](const Waiting& a, const Waiting& b) {
        return a.score > b.score || (a.score == b.score && a.index < b.index);
    });
    for (const Waiting& w : row.waiting) {
        if (w.score + eps_ < row.best.floor()) break;
        row.best.offer(join_.score(i, w.index), w.index);
    }
    row.waiting.clear();
    raise_cut(i, cut_of(row));
}

void DenseNeighbours::end_rows(index_t begin, index_t end) {
    const std::size_t first = blocks_.size();
    blocks_.resize(first + static_cast<std::size_t>(ceil_div(end - begin, kRowsPerTask)));
    parallel_for_rows(end - begin, kRowsPerTask, n_threads_, [&](index_t from, index_t to, int) {
        NeighbourBlock& block = blocks_[first + static_cast<std::size_t>(from / kRowsPerTask)];
        for (index_t r = from; r < to; ++r) {
            Row& row = rows_[static_cast<std::size_t>(r)];
            if (query_.k > 0) prune(begin + r, row);
            evaluate(begin + r, row);
            row.best.take(block);
        }
    });
    rows_.clear();
}

}  // namespace coterie
