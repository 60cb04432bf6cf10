#include "similarity/posting_lists.hpp"

#include <algorithm>

#include "core/parallel.hpp"

namespace coterie {
namespace {

constexpr index_t kMostElements = index_t{1} << 30;

PostingLists transpose(const CsrView& y, const std::vector<double>& scales, index_t begin, index_t end) {
    PostingLists lists;
    lists.first_row = begin;
    lists.n_rows = end - begin;
    const index_t first = y.indptr[begin], last = y.indptr[end];
    lists.offsets.assign(static_cast<std::size_t>(y.cols) + 1, 0);
    lists.rows.resize(static_cast<std::size_t>(last - first));
    lists.weights.resize(static_cast<std::size_t>(last - first));
    for (index_t p = first; p < last; ++p) ++lists.offsets[static_cast<std::size_t>(y.indices[p]) + 1];
    for (index_t c = 0; c < y.cols; ++c) lists.offsets[c + 1] += lists.offsets[c];
    // Filling moves offsets[c] to the end of column c, which is where column c + 1 began.
    for (index_t i = begin; i < end; ++i) {
        for (index_t p = y.indptr[i]; p < y.indptr[i + 1]; ++p) {
            const std::int32_t at = lists.offsets[y.indices[p]]++;
            lists.rows[at] = static_cast<std::int32_t>(i - begin);
            lists.weights[at] = static_cast<float>(y.data[p] * scales[i]);
        }
    }
    std::copy_backward(lists.offsets.begin(), lists.offsets.end() - 1, lists.offsets.end());
    lists.offsets[0] = 0;
    return lists;
}

}  // namespace

std::vector<PostingLists> make_posting_lists(const CsrView& y, const std::vector<double>& scales,
                                             index_t max_rows, int n_threads) {
    std::vector<index_t> starts = {0};
    for (index_t i = 0; i < y.rows; ++i) {
        const bool too_many = y.indptr[i + 1] - y.indptr[starts.back()] > kMostElements;
        if (i - starts.back() >= max_rows || (too_many && i > starts.back())) starts.push_back(i);
    }
    starts.push_back(y.rows);
    std::vector<PostingLists> blocks(starts.size() - 1);
    parallel_for(static_cast<index_t>(blocks.size()), n_threads, [&](index_t b, int) {
        blocks[static_cast<std::size_t>(b)] = transpose(y, scales, starts[b], starts[b + 1]);
    });
    return blocks;
}

}  // namespace coterie
