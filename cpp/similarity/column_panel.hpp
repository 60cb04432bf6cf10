// The most frequent columns of a sparse matrix as dense panels: where most pairs of rows share a column, a
// matrix product costs less than following its posting list (one multiply-add of a vector lane against a
// load, an add and a store at a scattered place).
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"
#include "similarity/posting_lists.hpp"

namespace coterie {

class ColumnPanel {
  public:
    ColumnPanel() = default;

    // The columns, most frequent first, in which x_frequency * y_frequency pairs of rows cost more by posting
    // list than x.rows * y.rows by panel; so many that the panel does not outgrow the matrix itself.
    static std::vector<std::int32_t> worthwhile(const std::vector<std::int32_t>& x_frequency, index_t x_rows,
                                                const std::vector<std::int32_t>& y_frequency, index_t y_rows,
                                                index_t y_nnz);

    // The cost of n_columns for one row of X, in postings.
    static double postings_worth(index_t n_columns, index_t y_rows);

    // Packs the columns of y, scaled by row, for each block of posting lists.
    ColumnPanel(const CsrView& y, const std::vector<double>& scales, const std::vector<std::int32_t>& columns,
                const std::vector<PostingLists>& blocks, int n_threads);

    bool empty() const { return n_columns_ == 0; }
    bool has(std::int32_t column) const { return !empty() && slots_[static_cast<std::size_t>(column)] >= 0; }

    // out[0 .. columns) = the row's values in the panel's columns, scaled as its filter weights are.
    void gather(SparseRow row, double scale, std::vector<float>& out) const;
    index_t n_columns() const { return n_columns_; }

    // sums[r * ld + j] = sum over the panel's columns of rows[r] * row j of the block, j < n_rows, r < m;
    // error as that of the same terms added one by one. Columns up to ld, a multiple of the table's lanes,
    // are padding.
    void score(std::size_t block, const float* rows, index_t m, index_t n_rows, float* sums,
               index_t ld) const;

  private:
    index_t n_columns_ = 0;
    std::vector<std::int32_t> slots_;  // column -> place in the panel, or -1
    std::vector<std::vector<float>> packed_;
    std::vector<float> bias_;
};

}  // namespace coterie
