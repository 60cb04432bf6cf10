#include "cluster/row_moves.hpp"

#include <algorithm>
#include <numeric>

namespace coterie::cluster {
namespace {

constexpr index_t kSumsInLine = 8;  // int64 numbers in a cache line

}  // namespace

std::vector<index_t> balanced_ranges(const std::vector<index_t>& count, index_t n_ranges) {
    const index_t total = std::accumulate(count.begin(), count.end(), index_t{0});
    const auto d = static_cast<index_t>(count.size());
    std::vector<index_t> range = {0};
    index_t seen = 0;
    for (index_t j = 0; j < d; ++j) {
        seen += count[static_cast<std::size_t>(j)];
        if (seen * n_ranges >= total * static_cast<index_t>(range.size()) && j + 1 < d)
            range.push_back(j + 1);
    }
    range.push_back(d);
    return range;
}

RowMoves::RowMoves(const CsrView& x, const std::vector<index_t>& rows, const std::int32_t* labels,
                   const std::int32_t* members, index_t k, const std::vector<index_t>& range) {
    std::vector<index_t> start(static_cast<std::size_t>(k + 1), 0), nnz(static_cast<std::size_t>(k), 0);
    index_t all_nnz = 0;
    const auto count = [&](index_t row, std::int32_t c) {
        if (c < 0) return;
        const index_t n = x.indptr[row + 1] - x.indptr[row];
        ++start[static_cast<std::size_t>(c + 1)];
        nnz[static_cast<std::size_t>(c)] += n;
        all_nnz += n;
    };
    for (const index_t row : rows) {
        count(row, labels[row]);
        count(row, members[row]);
    }
    for (std::size_t c = 0; c < nnz.size(); ++c) start[c + 1] += start[c];
    moves_.resize(static_cast<std::size_t>(start.back()));
    std::vector<index_t> next = start;
    const auto put = [&](index_t row, std::int32_t c, bool gives) {
        if (c < 0) return;
        const index_t begin = x.indptr[row];
        moves_[static_cast<std::size_t>(next[static_cast<std::size_t>(c)]++)] = {
            row, begin, x.indptr[row + 1] - begin, c, gives};
    };
    for (const index_t row : rows) {
        put(row, labels[row], false);
        put(row, members[row], true);
    }
    // A cache line's clusters are one task, or as many as their share of all nonzeros wants.
    const auto n_ranges = static_cast<index_t>(range.size()) - 1;
    for (index_t c = 0; c < k; c += kSumsInLine) {
        const index_t end = std::min(c + kSumsInLine, k);
        index_t of_line = 0;
        for (index_t m = c; m < end; ++m) of_line += nnz[static_cast<std::size_t>(m)];
        if (of_line == 0) continue;
        const index_t n_parts = std::min(n_ranges, ceil_div(of_line * n_ranges, all_nnz));
        for (index_t p = 0; p < n_parts; ++p)
            tasks_.push_back({start[static_cast<std::size_t>(c)], start[static_cast<std::size_t>(end)],
                              range[static_cast<std::size_t>(p * n_ranges / n_parts)],
                              range[static_cast<std::size_t>((p + 1) * n_ranges / n_parts)]});
    }
}

}  // namespace coterie::cluster
