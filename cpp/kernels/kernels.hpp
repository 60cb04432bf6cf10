// The CPU micro-kernels: one table of function pointers per instruction set, chosen once at run time.
// Every pointer argument is caller-owned; kernels allocate nothing, throw nothing and know no threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/types.hpp"
#include "kernels/bf16.hpp"
#include "kernels/int8.hpp"
#include "kernels/packed_terms.hpp"

namespace coterie::kernels {

// Columns of one call of Table::update_terms: a cache line of floats.
inline constexpr index_t kTermColumns = 16;

// Where the sums of one feature lie for Table::update_terms.
struct TermLine {
    std::int32_t term;
    std::uint32_t line;
};

// Scores that Table::top_two sums up in one vector of maxima; a multiple of the lanes of every table.
inline constexpr index_t kScoreGroup = 64;

// Rows of one call of Table::label_rows, a bit of its answer each; a multiple of twice the lanes of every table.
inline constexpr index_t kLaneRows = 64;

// Columns of one call of Table::label_rows: their numbers are kept as floats.
inline constexpr index_t kMostLaneColumns = index_t{1} << 24;

// Counters of one group of Table::random_words.
inline constexpr index_t kRandomLanes = 16;

// Score of a padding column: below every real score.
inline constexpr float kPadScore = -3.0e38f;

struct Table {
    const char* name;       // "portable", "avx2", "avx512", "avx512_bf16", "amx"
    const Bf16Table* bf16;  // the bfloat16 filter, or null where this instruction set has none
    const Int8Table* int8;  // the int8 filter, likewise

    // ---- canonical arithmetic: the same bits from every table ----

    // sum_j x[j] * y[j] in float64: partial sum j mod 8 in increasing j, then ((p0+p4)+(p2+p6)) + ((p1+p5)+(p3+p7)).
    double (*dot)(const float* x, const float* y, index_t d) noexcept;
    // sum_j (x[j] - y[j])^2 in float64, each difference, square and sum rounded once, in the order of dot.
    double (*squared_distance)(const float* x, const float* y, index_t d) noexcept;

    // The same for up to 8 vectors at once, given widened: y[c * ld + j], ld a multiple of 8, zero beyond d.
    // out[c] = dot(x, y_c), c < count <= 8.
    void (*dots)(const float* x, const double* y, index_t ld, index_t count, index_t d, double* out) noexcept;
    // out[c] = dot(x, y[c], d), c < count <= 8.
    void (*dot_rows)(const float* x, const float* const* y, index_t count, index_t d, double* out) noexcept;
    // out[c] = sum_p data[p] * terms[indices[p] * 8 + c], c < 8, in float64 in order of p; terms is
    // term-major.
    void (*sparse_dots)(SparseRow row, const double* terms, double* out) noexcept;
    // sums[c] += sum_p data[p] * terms[indices[p] * ld + c], c < columns (a multiple of 8), in float64 in order of p.
    void (*add_term_rows)(SparseRow row, const float* terms, index_t ld, index_t columns,
                          double* sums) noexcept;
    // c[i * ldc + j] += sum_s a[i * a_row + s * a_step] * b[s * ldb + j], i < m, j < n (a multiple of 8), in float64 in order
    // of s < steps, each product and each sum rounded.
    void (*add_products)(const double* a, index_t a_row, index_t a_step, const double* b, index_t ldb,
                         index_t m, index_t n, index_t steps, double* c, index_t ldc) noexcept;
    // values[i] = exp(values[i]) as canonical_exp (core/elementary.hpp) has it, n a multiple of 8, each in [-700, 700].
    void (*exponentials)(double* values, index_t n) noexcept;
    // values[i] = ln(values[i]) as canonical_log has it, n a multiple of 8, each > 0 and not denormal.
    void (*logarithms)(double* values, index_t n) noexcept;
    // Integer sums: into[j] += q_j, and from[j] -= q_j unless from is null, q_j = round(w * (x[j] / norm) *
    // scale[j]) with x / norm rounded to float32 first (norm == 1 leaves x as it is), ties to even, scale[j]
    // a power of two.
    void (*move_row)(const float* x, double norm, double w, const double* scale, index_t d,
                     std::int64_t* into, std::int64_t* from) noexcept;

    // largest[j] = max(largest[j], |x[j]|).
    void (*raise_magnitudes)(const float* x, index_t d, float* largest) noexcept;

    // Term-major centroids from term-major integer sums, kTermColumns columns: for each feature j
    //     terms[j * ld + c] = float32((sums[j][c] / scale[j]) / weight[c] / length[c]),  scale[j] a power of two,
    // without the last division where length is null;
    // squared_norm[c] = sum of the squares of the new values in the order of dot; squared_shift[c] = sum of the squared
    // changes in increasing j. A null terms writes nothing, and squared_norm sums the float64 means' squares instead.
    // Only the features of lines, in increasing order, with sums[line * kTermColumns + c] for sums[j][c]; the others' sums and
    // terms are zero here and stay so.
    void (*update_terms)(const std::int64_t* sums, const TermLine* lines, index_t n_lines,
                         const double* scale, const double* weight, const double* length, float* terms,
                         index_t ld, double* squared_norm, double* squared_shift) noexcept;

    // ---- random numbers ----

    // The four words of Philox4x32-10 (see core/philox.hpp) for the counters counter + i, i < 16 * groups, all below 2^32:
    // word w of counter + i is out[(i / 16) * 64 + w * 16 + i % 16].
    void (*random_words)(std::uint64_t seed, std::uint64_t stream, std::uint32_t counter, index_t groups,
                         std::uint32_t* out) noexcept;

    // ---- float32 filter, dense ----

    // Centroids are packed in panels of panel_width columns; the last panel is cut to a multiple of lanes.
    // Panel p starts at packed + p * panel_width * d and holds [d][width] floats.
    index_t lanes;
    index_t panel_width;
    // scores[i * ld + c] ~ <x_i, c_c> - bias[c], i < m, c < k_padded (a multiple of lanes);
    // |error| <= gamma_{d+1} (|x_i| |c_c| + |bias[c]|). x rows are ldx floats apart.
    void (*score_block)(const float* x, index_t ldx, index_t m, const float* packed, const float* bias,
                        index_t k_padded, index_t d, float* scores, index_t ld) noexcept;
    // For kLaneRows rows, the first column that has the row's highest score; columns[c * d + j], c < k <= kMostLaneColumns, error as above.
    // Returns a bit for each row whose highest score is above its second highest by no more than reach. lanes: kLaneRows * d
    // floats of scratch.
    std::uint64_t (*label_rows)(const float* x, index_t ldx, const float* columns, const float* bias,
                                index_t k, index_t d, float reach, float* lanes,
                                std::int32_t* labels) noexcept;

    // ---- float32 filter, CSR row ----

    // scores[c] ~ sum_p data[p] * terms[indices[p] * ld + c] - bias[c], c < k_padded; error as above with nnz for d.
    // terms is term-major: one row of ld floats per feature.
    void (*score_sparse_row)(SparseRow row, const float* terms, index_t ld, const float* bias,
                             index_t k_padded, float* scores) noexcept;

    // ---- filter on bytes, CSR row ----

    // One term's k weights, padded with zeros to code_columns(k), into its line (see packed_terms.hpp); weights are below 1e37.
    // False: one is negative, and the line is of no use.
    bool (*pack_term)(const float* weights, index_t k, std::uint8_t* line) noexcept;
    // scores[c] ~ sum_p data[p] * step_j * code_j[c] - bias[c], j = indices[p], c < k_padded, from the lines of all terms;
    // |error| <= gamma_{n+3} (255 sum_p |data[p]| step_j + |bias[c]|). Returns that sum, with a relative error of gamma_{n+1}.
    float (*score_packed_terms)(const SparseRow& row, const std::uint8_t* lines, index_t k, const float* bias,
                                index_t k_padded, float* scores) noexcept;

    // ---- scan of one row of scores ----

    // The largest and the second largest value (equal when the largest occurs twice); n is a multiple of lanes. maxima: for
    // every group of kScoreGroup scores (the last may be shorter) the largest of each lane, for split_at.
    void (*top_two)(const float* scores, index_t n, float* maxima, float* first, float* second) noexcept;
    // Those two of each of m rows of scores, ld apart, and the first position of the largest.
    void (*top_two_of_rows)(const float* scores, index_t ld, index_t m, index_t n, float* first,
                            float* second, std::int32_t* where) noexcept;
    // The first position of a value that occurs in scores.
    index_t (*find)(const float* scores, index_t n, float value) noexcept;
    // The positions with scores[c] >= threshold in increasing order; returns how many, writes all of them.
    index_t (*collect_at_least)(const float* scores, index_t n, float threshold, std::int32_t* out) noexcept;
    // The same, and the largest score below the threshold (-infinity: there is none). maxima as top_two left them: groups
    // below the threshold are not read again.
    index_t (*split_at)(const float* scores, index_t n, const float* maxima, float threshold,
                        std::int32_t* out, float* below) noexcept;
};

// The table in use: the best this CPU runs, or the one named by COTERIE_CPU. Throws std::invalid_argument
// when COTERIE_CPU names a table that is unknown or that this CPU cannot run.
const Table& active();

// Tables this CPU can run, slowest first.
std::vector<std::string> available_isas();

// Chooses by name from now on; "auto" returns to the default. Throws as active() does.
void set_active(const std::string& name);

// Number of columns after padding k to the lanes of the table.
inline index_t padded(const Table& t, index_t k) {
    return ceil_div(k, t.lanes) * t.lanes;
}

// Packs k centroids of d floats into panels (see Table::score_block); padding columns are zero.
// packed has padded(t, k) * d floats.
void pack_panels(const Table& t, MatrixView<const float> centroids, float* packed) noexcept;

}  // namespace coterie::kernels
