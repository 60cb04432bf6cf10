#include "similarity/dense_neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "kernels/rounding.hpp"

namespace coterie {
namespace {

constexpr index_t kRowsPerTask = 64;

}  // namespace

DenseNeighbours::DenseNeighbours(const DenseJoin& join, const NeighbourQuery& query, index_t n_rows,
                                 int n_threads)
    : join_(join),
      query_(query),
      n_rows_(n_rows),
      n_threads_(n_threads),
      eps_(join.error_bound()),
      most_waiting_(2 * query.k + 64) {}

void DenseNeighbours::begin_rows(index_t begin, index_t end) {
    begin_ = begin;
    Row empty{0, {}, Best(query_)};
    empty.cut = cut_of(empty);
    rows_.assign(static_cast<std::size_t>(end - begin), empty);
}

float DenseNeighbours::cut_of(const Row& row) const {
    return kernels::round_down(std::max(row.best.floor() - eps_, -2.0));
}

void DenseNeighbours::accept(index_t i, index_t first_column, const float* scores,
                             const std::int32_t* positions, index_t n_positions) {
    Row& row = rows_[static_cast<std::size_t>(i - begin_)];
    const index_t excluded = query_.excluded == nullptr ? -1 : query_.excluded[i];
    for (index_t p = 0; p < n_positions; ++p) {
        const index_t j = first_column + positions[p];
        if (j != excluded && scores[positions[p]] >= row.cut)
            row.waiting.push_back({scores[positions[p]], static_cast<std::int32_t>(j)});
    }
    if (static_cast<index_t>(row.waiting.size()) <= most_waiting_) return;
    if (query_.k > 0) prune(row);
    // Near-ties that the filter cannot tell apart must not pile up; without k they are the answer itself.
    if (query_.k > 0 && static_cast<index_t>(row.waiting.size()) > most_waiting_) evaluate(i, row);
    if (row.waiting.capacity() > 4 * static_cast<std::size_t>(most_waiting_) && query_.k > 0)
        row.waiting.shrink_to_fit();
}

void DenseNeighbours::prune(Row& row) const {
    auto& waiting = row.waiting;
    if (static_cast<index_t>(waiting.size()) <= query_.k) return;
    const auto kth = waiting.begin() + (query_.k - 1);
    std::nth_element(waiting.begin(), kth, waiting.end(),
                     [](const Waiting& a, const Waiting& b) { return a.score > b.score; });
    row.cut = std::max(row.cut, kernels::round_down(static_cast<double>(kth->score) - 2 * eps_));
    std::erase_if(waiting, [&](const Waiting& w) { return w.score < row.cut; });
}

void DenseNeighbours::evaluate(index_t i, Row& row) const {
    // Best first, so that the floor rises early and most of the rest need no evaluation.
    std::sort(row.waiting.begin(), row.waiting.end(), [](const Waiting& a, const Waiting& b) {
        return a.score > b.score || (a.score == b.score && a.index < b.index);
    });
    for (const Waiting& w : row.waiting) {
        if (w.score + eps_ < row.best.floor()) break;
        row.best.offer(join_.score(i, w.index), w.index);
    }
    row.waiting.clear();
    row.cut = std::max(row.cut, cut_of(row));
}

void DenseNeighbours::end_rows(index_t begin, index_t end) {
    const std::size_t first = blocks_.size();
    blocks_.resize(first + static_cast<std::size_t>(ceil_div(end - begin, kRowsPerTask)));
    parallel_for_rows(end - begin, kRowsPerTask, n_threads_, [&](index_t from, index_t to, int) {
        NeighbourBlock& block = blocks_[first + static_cast<std::size_t>(from / kRowsPerTask)];
        for (index_t r = from; r < to; ++r) {
            Row& row = rows_[static_cast<std::size_t>(r)];
            if (query_.k > 0) prune(row);
            evaluate(begin + r, row);
            row.best.take(block);
        }
    });
    rows_.clear();
}

}  // namespace coterie
