// A copy of a sparse matrix with its rows in order of size, so that rows of similar size are neighbours in memory.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie {

class RowsBySize {
  public:
    // By sum of the row, ties by row number.
    RowsBySize(const CsrView& x, int n_threads);
    RowsBySize(const RowsBySize&) = delete;
    RowsBySize& operator=(const RowsBySize&) = delete;

    const CsrView& view() const { return view_; }
    // original()[r] is the row of x that is row r here.
    const std::vector<std::int32_t>& original() const { return original_; }
    // The inverse of original().
    std::vector<std::int32_t> places() const;

  private:
    std::vector<std::int32_t> original_;
    std::vector<float> data_;
    std::vector<std::int32_t> indices_;
    std::vector<std::int64_t> indptr_;
    CsrView view_;
};

}  // namespace coterie
