// The most frequent columns of a sparse matrix as dense panels: where most pairs of rows share a column, a
// matrix product costs less than following its posting list (one multiply-add of a vector lane against a
// load, an add and a store at a scattered place).
#pragma once

#include <cstdint>
#include <vector>

#include "core/large_vector.hpp"
#include "core/types.hpp"
#include "kernels/bf16_pack.hpp"
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

    // Rows of X as score() reads them.
    struct Rows {
        index_t count = 0;
        std::vector<float> values;  // [count][n_columns]
        std::vector<kernels::Bf16Line>
            packed;                  // the same in bfloat16, where the kernel table has that filter
        std::vector<double> errors;  // [count] what bfloat16 adds to the error of a row's sums
    };
    // Appends a row's values in the panel's columns, scaled as its filter weights are.
    void append(SparseRow row, double scale, Rows& rows) const;

    // Distance between the rows of sums that score() writes for n_rows rows of a block.
    index_t stride(index_t n_rows) const;
    // rows.count rounded up to a whole number of kernel calls.
    index_t rows_written(index_t count) const;
    // sums[r * ld + j] = sum over the panel's columns of row r * row j of the block, j < n_rows, up to the error of the
    // same terms added one by one and rows.errors[r]; ld = stride(n_rows). Sums from n_rows up to the next multiple of the
    // table's lanes are not positive.
    void score(std::size_t block, const Rows& rows, index_t n_rows, float* sums, index_t ld) const;

  private:
    void pack(const std::vector<float>& rows, index_t n_rows, std::vector<float>& packed) const;
    kernels::Bf16Size pack(const std::vector<float>& rows, index_t n_rows,
                           LargeVector<kernels::Bf16Line>& tiles) const;
    index_t lines() const { return kernels::bf16_depth(n_columns_) / kernels::kBf16Depth; }

    index_t n_columns_ = 0;
    std::vector<std::int32_t> slots_;                          // column -> place in the panel, or -1
    std::vector<std::vector<float>> packed_;                   // float32 panels of a block
    std::vector<LargeVector<kernels::Bf16Line>> packed_bf16_;  // or its tiles
    std::vector<float> bias_;
    std::vector<float> no_mean_;
    kernels::Bf16Size row_size_;  // of the block's rows
};

}  // namespace coterie
