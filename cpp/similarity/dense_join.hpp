// All pairs of two dense matrices, tile by tile, with a certified filter.
//
// Canonical score: s(x, y) = <x,y> / (|x| |y|) with the float64 dot and norms of kernels::Table, clamped to
// [-1, 1]; 0 when a norm is 0. Filter: s' ~ <x~,y~> with x~ = float32(x / |x|), |s' - s| <= DenseJoin::error_bound();
// computed in int8 or bfloat16 where the kernel table can (DenseFilter), in float32 elsewhere, and for few rows of X, which do
// not pay for packing Y, as s itself. Working on unit rows, no filter overflows or underflows at any magnitude of the
// input.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/prefetch.hpp"
#include "core/types.hpp"
#include "similarity/dense_filter.hpp"

namespace coterie {

class DenseJoin {
  public:
    // How many pairs of each row of a sample have to be scored canonically only because the sample's error bound is not 0.
    using Trial = std::function<double(const DenseJoin& sample, index_t n_rows)>;

    // Computes the norms, and throws std::invalid_argument where a value is not finite; the views must outlive this. With many rows the trial decides whether int8 pays; without
    // a trial it does not.
    DenseJoin(MatrixView<const float> x, MatrixView<const float> y, int n_threads, const Trial& trial);

    // A bound of |s' - s| for every pair of rows.
    double error_bound() const { return error_bound_; }
    double score(index_t i, index_t j) const;
    static constexpr index_t kTogether = 8;
    // out[q] = score(i, columns[q]), q < n <= kTogether.
    void scores(index_t i, const std::int32_t* columns, index_t n, double* out) const;
    // Asks for row j of Y, which is to be scored soon.
    void fetch(index_t j) const { prefetch(y_.row(j), y_.cols); }
    index_t n_columns() const { return y_.rows; }
    bool is_self_join() const { return same_; }

    // What a consumer of scores implements; each row of X is visited by one thread at a time, but see symmetric().
    class Sink {
      public:
        virtual ~Sink() = default;
        // Rows of X that are in flight together: [begin, end). Called on the calling thread.
        virtual void begin_rows(index_t begin, index_t end) = 0;
        virtual void end_rows(index_t begin, index_t end) = 0;
        // Columns with s' below this are of no interest to row i.
        virtual float cut(index_t i) = 0;
        // scores[q] is s'(i, first_column + positions[q]), q < n, in increasing positions; some may be below the cut.
        virtual void accept(index_t i, index_t first_column, const float* scores,
                            const std::int32_t* positions, index_t n) = 0;
        // Whether row i of X wants only the columns j < i.
        virtual bool lower_triangle() const { return false; }
        // Whether, X being Y, one score may serve both rows: all rows are then in flight together, accept() is called for
        // any row by any thread, and least(c) = cut(first + c), c < n, is asked for.
        virtual bool symmetric() const { return false; }
        virtual void cuts(index_t /*first*/, index_t /*n*/, float* /*least*/) {}
    };

    // Throws Interrupted on Ctrl-C.
    void run(Sink& sink) const;

  private:
    // Of one thread.
    struct Scratch {
        std::vector<float> rows, scores, found;
        std::vector<std::int32_t> positions;
        // With a DenseFilter: of a group of rows, and of one block of them.
        std::vector<PackedLine> packed_rows;
        std::vector<float> scales;
        std::vector<double> offsets;
        std::vector<float> column_cuts;
        float row_cuts[DenseFilter::kRows], row_offsets[DenseFilter::kRows];
        std::int32_t counts[DenseFilter::kRows];
    };

    // Some rows of another join's X, with its filter.
    DenseJoin(const DenseJoin& whole, MatrixView<const float> sample);
    void choose_filter(const Trial& trial);
    void use(PackedFormat format);
    bool int8_pays(const Trial& trial) const;
    double score_of(double dot, index_t i, index_t j) const;
    bool serves_both(const Sink& sink) const;
    index_t n_columns(const Sink& sink, index_t end) const;
    void hand_over(Sink& sink, index_t i, index_t first_column, const float* scores, index_t n,
                   std::vector<float>& found, std::vector<std::int32_t>& positions) const;
    void run_directly(Sink& sink, index_t begin, index_t end, Scratch& s) const;
    void run_packed(Sink& sink, index_t begin, index_t end, std::vector<Scratch>& scratch) const;
    void score_group(Sink& sink, index_t begin, index_t end, Scratch& s) const;
    void join_block(Sink& sink, index_t begin, index_t first_row, index_t m, index_t first_column, index_t n,
                    Scratch& s) const;
    // What the filter found of one row, before the offset.
    struct RowHits {
        const std::int32_t* positions;
        float* scores;
        index_t n;
        double offset;
    };
    void hand_over_wanted(Sink& sink, index_t i, index_t first_column, RowHits hits,
                          const float* column_cuts) const;
    void run_float32(Sink& sink, index_t begin, index_t end, std::vector<Scratch>& scratch) const;
    void score_tile(Sink& sink, index_t begin, index_t end, index_t tile, const std::vector<float>& packed,
                    const std::vector<float>& bias, Scratch& s) const;
    void pack_tile(index_t begin, index_t rows, std::vector<float>& packed, std::vector<float>& bias) const;

    MatrixView<const float> x_;
    MatrixView<const float> y_;
    int n_threads_;
    std::vector<double> x_norms_;
    std::vector<double> y_norms_;
    bool same_;  // X is Y
    bool directly_;
    std::shared_ptr<const DenseFilter> filter_;
    double error_bound_;
};

}  // namespace coterie
