// Unit rows and the bfloat16 filter of DenseJoin: rows of Y as packed columns.
//
// With x~ = float32(x / |x|) and mu the mean of a sample of the y~,
//     <x~, y~> = <x~ - mu, y~ - mu> + (<mu, y~> - |mu|^2) + <mu, x~>.
// The first product runs in bfloat16, the second term is where its sum starts, the third is added once a row. The smaller
// the rows are without what they have in common, the less bfloat16 loses of them.
#pragma once

#include <cstdint>
#include <vector>

#include "core/large_vector.hpp"
#include "core/types.hpp"
#include "kernels/bf16_pack.hpp"

namespace coterie {

// out = float32(x / |x|); zeros for a zero row.
void unit_row(const float* x, double norm, index_t d, float* out);

class DenseFilter {
  public:
    // Packs all rows of y; the active kernel table has a bfloat16 filter.
    DenseFilter(MatrixView<const float> y, const std::vector<double>& norms, int n_threads);

    // What pack_row says of the rows of y, and of those of another matrix.
    const kernels::Bf16Size& column_size() const { return column_size_; }
    kernels::Bf16Size size_of(MatrixView<const float> x, const std::vector<double>& norms,
                              int n_threads) const;
    // A bound of | score + offset - <x, y> / (|x| |y|) |, canonical rounding included, for rows of that size.
    double error_bound(const kernels::Bf16Size& rows) const;

    index_t d_padded() const { return d_padded_; }
    index_t n_columns() const { return n_columns_; }
    // out[d_padded] for find_wanted(); returns <mu, x~>, the offset of its scores. unit: d floats of scratch.
    double pack_row(const float* x, double norm, float* unit, std::uint16_t* out,
                    kernels::Bf16Size& size) const;
    // The wanted scores of kBf16Rows packed rows and columns first .. first + n - 1, both multiples of a pair of blocks; columns
    // count from first, and those beyond the columns of y score kPadScore.
    void find_wanted(const std::uint16_t* rows, index_t first, index_t n, const kernels::Bf16Cuts& cuts,
                     const kernels::Bf16Hits& hits) const;

  private:
    void sample_mean(MatrixView<const float> y, const std::vector<double>& norms);
    void pack_columns(MatrixView<const float> y, const std::vector<double>& norms, int n_threads);

    index_t d_, d_padded_, n_columns_;
    std::vector<float> mean_;
    double squared_mean_ = 0, largest_start_ = 0;
    LargeVector<kernels::Bf16Line> packed_;
    std::vector<float> start_;  // [n_columns]
    kernels::Bf16Size column_size_;
};

}  // namespace coterie
