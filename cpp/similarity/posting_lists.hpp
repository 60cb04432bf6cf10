// The term-major form of a block of sparse rows: for each column, the rows that store it and their filter
// weights.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie {

struct PostingLists {
    index_t first_row = 0;  // rows [first_row, first_row + n_rows) of the matrix
    index_t n_rows = 0;
    std::vector<std::int32_t> offsets;  // column c: [offsets[c], offsets[c + 1])
    std::vector<std::int32_t> rows;     // relative to first_row, increasing within a column
    std::vector<float> weights;
};

// weight(i, p) = float32(data[p] * scales[i]). Blocks have at most max_rows rows, so that one float per row
// stays in the L2 cache, and fewer where they would hold 2^30 elements.
std::vector<PostingLists> make_posting_lists(const CsrView& y, const std::vector<double>& scales,
                                             index_t max_rows, int n_threads);

}  // namespace coterie
