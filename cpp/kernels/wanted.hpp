// What find_wanted of either small format looks for and lists.
#pragma once

#include <cstdint>

#include "core/types.hpp"

namespace coterie::kernels {

// Score s of row r and column c is wanted if s >= row[r], or, where column is given, if s + offset[r] >= column[c].
struct ScoreCuts {
    const float* row;     // one for each row of a block
    const float* offset;  // likewise, with column
    const float* column;  // [k_padded] or null
};

// The wanted ones of row r in increasing columns: column[r * capacity + q] and score[...], q < count[r].
struct ScoreHits {
    std::int32_t* column;
    float* score;
    index_t capacity;  // >= k_padded
    std::int32_t* count;
};

}  // namespace coterie::kernels
