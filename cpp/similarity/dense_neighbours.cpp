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
// From this k on, tasks of up to so many rows; their likeliest candidates are scored by groups of rows of Y with so many values where
// so many of the rows on average meet each.
constexpr index_t kLargeK = 64, kRowsInCommon = 512, kCommonValues = 196608, kTimesInCommon = 2;
constexpr index_t kNoColumn = std::numeric_limits<index_t>::max();
// What int8 leaves in lists grows with k.
constexpr index_t kMostByBytes = 16;
// Candidates whose rows are asked for before the one that is scored.
constexpr index_t kAhead = 2;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Whether the candidates of all rows at once take no more memory than the rows do. Without k they are the answer.
bool fits_all_rows(index_t most_waiting, const NeighbourQuery& query, index_t n_features) {
    return query.k > 0 && 2 * most_waiting <= n_features;  // of 8 bytes and 4
}

// Keeps the order.
template <typename Waiting>
void drop_below(std::vector<Waiting>& waiting, float least) {
    std::size_t kept = 0;
    for (const Waiting& w : waiting) {
        waiting[kept] = w;
        kept += w.score >= least;
    }
    waiting.resize(kept);
}

}  // namespace

DenseNeighbours::DenseNeighbours(const DenseJoin& join, const NeighbourQuery& query, index_t n_rows,
                                 index_t n_features, int n_threads)
    : join_(join),
      query_(query),
      n_rows_(n_rows),
      n_features_(std::max<index_t>(n_features, 1)),
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
    std::fill(least + std::max<index_t>(known, 0), least + n, kInfinity);
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
    const std::size_t n_before = row.waiting.size();
    row.waiting.resize(n_before + static_cast<std::size_t>(n_positions));
    Waiting* next = row.waiting.data() + n_before;
    for (index_t p = 0; p < n_positions; ++p) {
        const index_t j = first_column + positions[p];
        *next = {scores[p], static_cast<std::int32_t>(j)};
        next += static_cast<int>(j != excluded) & static_cast<int>(scores[p] >= least);
    }
    row.waiting.resize(static_cast<std::size_t>(next - row.waiting.data()));
    if (query_.k == 0 || static_cast<index_t>(row.waiting.size()) <= most_waiting_) return;
    if (!row.best.full()) {
        std::vector<float> keys;
        prune(i, row, keys);
    }
    if (static_cast<index_t>(row.waiting.size()) > (most_waiting_ + query_.k) / 2) tighten(i, row);
    // Near-ties that the filter cannot tell apart must not pile up.
    if (static_cast<index_t>(row.waiting.size()) > most_waiting_ * 3 / 4) evaluate(i, row);
    if (row.waiting.capacity() > 4 * static_cast<std::size_t>(most_waiting_)) row.waiting.shrink_to_fit();
}

float DenseNeighbours::prune(index_t i, Row& row, std::vector<float>& scores) {
    auto& waiting = row.waiting;
    if (static_cast<index_t>(waiting.size()) < query_.k) return -kInfinity;
    const float kth = kth_largest(waiting, query_.k, scores, [](const Waiting& w) { return w.score; });
    raise_cut(i, kernels::round_down(static_cast<double>(kth) - 2 * eps_));
    drop_below(waiting, cut(i));
    return kth;
}

// Canonical scores of the likeliest candidates raise the floor to about T, and the cut to T - eps.
void DenseNeighbours::tighten(index_t i, Row& row) {
    auto& waiting = row.waiting;
    const index_t n = std::min(query_.k, static_cast<index_t>(waiting.size()));
    std::partial_sort(waiting.begin(), waiting.begin() + n, waiting.end(), Likelier{});
    std::size_t p = 0;
    while (p < static_cast<std::size_t>(n) && (!row.best.full() || waiting[p].score > row.best.floor()))
        visit(i, row, p++);
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(p));
    raise_cut(i, cut_of(row));
    drop_below(waiting, cut(i));
}

// Scores a candidate canonically, unless it cannot enter.
bool DenseNeighbours::visit(index_t i, Row& row, std::size_t p) {
    const auto& waiting = row.waiting;
    if (p + kAhead < waiting.size()) join_.fetch(waiting[p + kAhead].index);
    if (waiting[p].score + eps_ < row.best.floor()) return false;
    ++row.n_scored;
    row.best.offer(join_.score(i, waiting[p].index), waiting[p].index);
    return true;
}

void DenseNeighbours::evaluate(index_t i, Row& row) {
    std::sort(row.waiting.begin(), row.waiting.end(), Likelier{});
    for (std::size_t p = 0; p < row.waiting.size() && visit(i, row, p); ++p) {
    }
    row.waiting.clear();
    raise_cut(i, cut_of(row));
}

void DenseNeighbours::advance(index_t i, Row& row, Pass& pass, index_t end_column) {
    constexpr index_t kTogether = DenseJoin::kTogether;
    auto& waiting = row.waiting;
    std::int32_t columns[kTogether];
    double scores[kTogether];
    index_t n = 0;
    const auto score_them = [&] {
        join_.scores(i, columns, n, scores);
        row.n_scored += n;
        for (index_t q = 0; q < n; ++q) row.best.offer(scores[q], columns[q]);
        n = 0;
    };
    for (; pass.next < waiting.size() && waiting[pass.next].index < end_column; ++pass.next) {
        const Waiting& w = waiting[pass.next];
        if (w.score < pass.likeliest) {
            waiting[pass.n_left++] = w;
        } else {
            columns[n++] = w.index;
            if (pass.fetches) join_.fetch(w.index);
            if (n == kTogether) score_them();
        }
    }
    if (n > 0) score_them();
}

// The k likeliest of each row nearly all stay. Where the rows have many in common, rows of Y stay in the cache for all of them.
void DenseNeighbours::score_likeliest(index_t begin, index_t end) {
    const index_t n = join_.n_columns();
    const bool in_common = query_.k * (end - begin) >= kTimesInCommon * n;
    const index_t step = in_common ? std::max<index_t>(kCommonValues / n_features_, 1) : n;
    // Those a bound lower are half of what else may be needed: they too cost less in passing than one by one.
    const float reach = in_common ? static_cast<float>(eps_) : 0;
    std::vector<float> scores;
    std::vector<Pass> passes(static_cast<std::size_t>(end - begin));
    for (index_t i = begin; i < end; ++i) {
        Row& row = rows_[static_cast<std::size_t>(i - begin_)];
        const float likeliest = query_.k == 0     ? -kInfinity
                                : row.best.full() ? kInfinity
                                                  : prune(i, row, scores);
        passes[static_cast<std::size_t>(i - begin)] = {likeliest - reach, !in_common};
    }
    for (index_t column = step; column < n + step; column += step)
        for (index_t i = begin; i < end; ++i)
            advance(i, rows_[static_cast<std::size_t>(i - begin_)],
                    passes[static_cast<std::size_t>(i - begin)], column >= n ? kNoColumn : column);
    for (index_t i = begin; i < end; ++i)
        rows_[static_cast<std::size_t>(i - begin_)].waiting.resize(
            passes[static_cast<std::size_t>(i - begin)].n_left);
}

void DenseNeighbours::end_rows(index_t begin, index_t end) {
    const std::size_t first = blocks_.size();
    // Answers do not depend on how rows are cut into tasks.
    const index_t share = ceil_div(end - begin, resolve_thread_count(n_threads_));
    const index_t rows_per_task =
        query_.k >= kLargeK ? std::clamp(share, kRowsPerTask, kRowsInCommon) : kRowsPerTask;
    blocks_.resize(first + static_cast<std::size_t>(ceil_div(end - begin, rows_per_task)));
    parallel_for_rows(end - begin, rows_per_task, n_threads_, [&](index_t from, index_t to, int) {
        NeighbourBlock& block = blocks_[first + static_cast<std::size_t>(from / rows_per_task)];
        index_t in_vain = 0;
        score_likeliest(begin + from, begin + to);
        for (index_t r = from; r < to; ++r) {
            Row& row = rows_[static_cast<std::size_t>(r)];
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
