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
// What int8 leaves in lists grows with k.
constexpr index_t kMostByBytes = 16;
// Candidates whose rows are asked for before the one that is scored.
constexpr index_t kAhead = 2;

// Whether the candidates of all rows at once take no more memory than the rows do. Without k they are the answer.
bool fits_all_rows(index_t most_waiting, const NeighbourQuery& query, index_t n_features) {
    return query.k > 0 && 2 * most_waiting <= n_features;  // of 8 bytes and 4
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
      locks_(join.is_self_join() && fits_all_rows(most_waiting_, query, n_features) ? kLocks : 0) {}

void DenseNeighbours::begin_rows(index_t begin, index_t end) {
    begin_ = begin;
    const Row empty{{}, Best(query_), 0};
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
    if (query_.k == 0 || static_cast<index_t>(row.waiting.size()) <= most_waiting_) return;
    if (!row.best.full()) prune(i, row);
    if (static_cast<index_t>(row.waiting.size()) > (most_waiting_ + query_.k) / 2) tighten(i, row);
    // Near-ties that the filter cannot tell apart must not pile up.
    if (static_cast<index_t>(row.waiting.size()) > most_waiting_ * 3 / 4) evaluate(i, row);
    if (row.waiting.capacity() > 4 * static_cast<std::size_t>(most_waiting_)) row.waiting.shrink_to_fit();
}

void DenseNeighbours::prune(index_t i, Row& row) {
    auto& waiting = row.waiting;
    if (static_cast<index_t>(waiting.size()) <= query_.k) return;
    const auto kth = waiting.begin() + (query_.k - 1);
    std::nth_element(waiting.begin(), kth, waiting.end(), Likelier{});
    raise_cut(i, kernels::round_down(static_cast<double>(kth->score) - 2 * eps_));
    std::erase_if(waiting, [least = cut(i)](const Waiting& w) { return w.score < least; });
}

// Canonical scores of the likeliest candidates raise the floor to about T, and the cut to T - eps.
void DenseNeighbours::tighten(index_t i, Row& row) {
    auto& waiting = row.waiting;
    const index_t n = std::min(query_.k, static_cast<index_t>(waiting.size()));
    std::partial_sort(waiting.begin(), waiting.begin() + n, waiting.end(), Likelier{});
    index_t p = 0;
    while (p < n && (!row.best.full() || waiting[p].score > row.best.floor())) offer(i, row, waiting[p++]);
    waiting.erase(waiting.begin(), waiting.begin() + p);
    raise_cut(i, cut_of(row));
    std::erase_if(waiting, [least = cut(i)](const Waiting& w) { return w.score < least; });
}

void DenseNeighbours::offer(index_t i, Row& row, const Waiting& w) {
    ++row.n_scored;
    row.best.offer(join_.score(i, w.index), w.index);
}

void DenseNeighbours::evaluate(index_t i, Row& row) {
    // Best first, so that the floor rises early and most of the rest need no evaluation.
    std::sort(row.waiting.begin(), row.waiting.end(), Likelier{});
    const auto n = static_cast<index_t>(row.waiting.size());
    for (index_t p = 0; p < n; ++p) {
        if (p + kAhead < n) join_.fetch(row.waiting[p + kAhead].index);
        if (row.waiting[p].score + eps_ < row.best.floor()) break;
        offer(i, row, row.waiting[p]);
    }
    row.waiting.clear();
    raise_cut(i, cut_of(row));
}

void DenseNeighbours::end_rows(index_t begin, index_t end) {
    const std::size_t first = blocks_.size();
    blocks_.resize(first + static_cast<std::size_t>(ceil_div(end - begin, kRowsPerTask)));
    parallel_for_rows(end - begin, kRowsPerTask, n_threads_, [&](index_t from, index_t to, int) {
        NeighbourBlock& block = blocks_[first + static_cast<std::size_t>(from / kRowsPerTask)];
        index_t in_vain = 0;
        for (index_t r = from; r < to; ++r) {
            Row& row = rows_[static_cast<std::size_t>(r)];
            if (query_.k > 0 && !row.best.full()) prune(begin + r, row);
            evaluate(begin + r, row);
            in_vain += row.n_scored - row.best.size();
            row.best.take(block);
        }
        n_in_vain_ += in_vain;
    });
    rows_.clear();
}

DenseJoin::Trial trial_of(const NeighbourQuery& query, index_t n_features, int n_threads) {
    if (query.k > kMostByBytes) return nullptr;
    NeighbourQuery asked = query;
    asked.excluded = nullptr;
    if (query.excluded != nullptr && query.k > 0) ++asked.k;  // a row comes first among its own neighbours
    return [=](const DenseJoin& sample, index_t n_rows) {
        DenseNeighbours sink(sample, asked, n_rows, n_features, n_threads);
        sample.run(sink);
        return static_cast<double>(sink.n_scored_in_vain()) / static_cast<double>(n_rows);
    };
}

}  // namespace coterie
