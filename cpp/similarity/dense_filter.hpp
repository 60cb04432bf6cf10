// Unit rows and the filter of DenseJoin in a small format: rows of Y as packed columns.
//
// With x~ = float32(x / |x|) and mu the mean of a sample of the y~,
//     <x~, y~> = <x~ - mu, y~ - mu> + (<mu, y~> - |mu|^2) + <mu, x~>.
// The first product runs in bfloat16 or int8, the second term is where its sum starts, the third is added once a row. The
// smaller the rows are without what they have in common, the less a small format loses of them.
//
// With r what packing loses of a row, n and N the norm and the largest norm without mu, and E = max r_x max n_y + N max r_y the
// bound for all pairs, that of one pair is r_x max n_y + N r_y. Scores are lowered by what this is below E: they remain within E,
// and score + E exceeds what the pair can reach by no more than its own bound. One odd row thus costs the others nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "core/large_vector.hpp"
#include "core/types.hpp"
#include "kernels/bf16_pack.hpp"
#include "kernels/int8_pack.hpp"
#include "kernels/kernels.hpp"

namespace coterie {

// out = float32(x / |x|); zeros for a zero row.
void unit_row(const float* x, double norm, index_t d, float* out);

enum class PackedFormat { bfloat16, int8 };

// A row of either format is a number of these, so that no row of a tile straddles two cache lines.
struct alignas(64) PackedLine {
    std::uint8_t bytes[64];
};

class DenseFilter {
  public:
    static constexpr index_t kRows = kernels::kBf16Rows;            // scored at a time
    static constexpr index_t kColumns = 2 * kernels::kBf16Columns;  // columns come in multiples of it

    static bool has(PackedFormat format);
    static double products_per_cycle(PackedFormat format);

    // Packs all rows of y for rows of x; the active kernel table has a filter of that format.
    DenseFilter(MatrixView<const float> x, const std::vector<double>& x_norms, MatrixView<const float> y,
                const std::vector<double>& y_norms, PackedFormat format, int n_threads);

    // A bound of | score + offset - <x, y> / (|x| |y|) |, canonical rounding included, for all rows of x and y.
    double error_bound() const { return error_bound_; }

    index_t row_lines() const { return row_lines_; }
    index_t n_columns() const { return n_columns_; }
    // A row of x: out[row_lines] and scale (int8 only) for find_wanted(); returns the offset of its scores. unit: d floats of
    // scratch.
    double pack_row(const float* x, double norm, float* unit, PackedLine* out, float* scale) const;
    // The wanted scores of kRows packed rows and columns first .. first + n - 1, both multiples of kColumns; columns count from
    // first, and those beyond the columns of y score kPadScore.
    void find_wanted(const PackedLine* rows, const float* scales, index_t first, index_t n,
                     const kernels::ScoreCuts& cuts, const kernels::ScoreHits& hits) const;

  private:
    double pack(const float* x, double norm, float* unit, PackedLine* out, float* scale,
                kernels::Bf16Size& size) const;
    kernels::Bf16Size size_of(MatrixView<const float> x, const std::vector<double>& norms,
                              int n_threads) const;
    void lower_starts(const std::vector<double>& residuals);
    double bound() const;
    void sample_mean(MatrixView<const float> y, const std::vector<double>& norms);
    std::vector<double> pack_columns(MatrixView<const float> y, const std::vector<double>& norms,
                                     int n_threads);
    void pack_tiles(const std::vector<PackedLine>& rows, index_t first);

    PackedFormat format_;
    index_t d_, d_padded_, row_lines_, n_columns_;
    std::vector<float> mean_;
    double squared_mean_ = 0, largest_start_ = 0;
    LargeVector<PackedLine> packed_;
    std::vector<float> start_;  // [n_columns]
    std::vector<float> scale_;  // [n_columns], int8 only, as offset_
    std::vector<std::int32_t> offset_;
    kernels::Bf16Size column_size_, row_size_;
    double error_bound_;
};

}  // namespace coterie
