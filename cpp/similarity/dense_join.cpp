#include "similarity/dense_join.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "kernels/kernels.hpp"
#include "kernels/rounding.hpp"
#include "similarity/dense_norms.hpp"

namespace coterie {
namespace {

constexpr const char* kOp = "cosine";
// Rows of X whose candidates are kept at once, and rows of Y packed at once: packing costs 1/kRowsInFlight of
// scoring.
constexpr index_t kRowsInFlight = 16384;
constexpr index_t kTileColumns = 3840;
// Up to so many rows of X cost less by the definition than the packing of Y.
constexpr index_t kFewRows = 32;
// Of a 2 MB L2 cache: 1 MB of bfloat16 columns, and the hits of 32 rows with them, few of 32 x 2016 as a rule. Y is read once
// for kGroupRows rows of X.
constexpr index_t kTileLines = (index_t{1} << 20) / static_cast<index_t>(sizeof(PackedLine));
constexpr index_t kMostColumns = 2016;
constexpr index_t kGroupRows = 1024;
constexpr index_t kFirstColumns = 128;
// 64 rows x ~1000 columns of scores and one packed panel stay in a 2 MB L2 cache.
constexpr index_t kBlockRows = 64;
constexpr index_t kChunkColumns = 1024;
// A trial asks for the neighbours of so many rows, for one of so many rows at most.
constexpr index_t kTrialRows = 64, kRowsPerTrialRow = 64;
// Below this the search of a block of scores takes longer than its products.
constexpr index_t kLeastFeatures = 128;
// Below this rows lie so close together that bfloat16 leaves many candidates, and float32 products are few.
constexpr index_t kLeastPacked = 5;
// Rough costs in cycles of one core, for the comparison only: float32 products, and what one more candidate takes, its scattered
// read and its place in lists included.
constexpr double kFloat32Rate = 32, kCanonicalRate = 2, kCanonicalStart = 200;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// u = 2^-24. Each unit row is off by at most u (1 + 2u) plus sqrt(d) 2^-150 where it underflows; the float32
// sum by gamma_{d+1} |x~||y~| plus 2 d 2^-150; the canonical score by (d + 8) 2^-53. (d + 8) u covers the
// first three with room for the second-order terms while (d + 8) u <= 2^-6.
double float32_bound(index_t d) {
    const double bound = static_cast<double>(d + 8) * kernels::kFloatRoundoff;
    return bound * (1 + 0x1p-4) + static_cast<double>(d) * 0x1p-140;
}

}  // namespace

DenseJoin::DenseJoin(MatrixView<const float> x, MatrixView<const float> y, int n_threads, const Trial& trial)
    : x_(x),
      y_(y),
      n_threads_(n_threads),
      x_norms_(dense_norms(x, kOp, n_threads)),
      y_norms_(x.data == y.data && x.rows == y.rows ? x_norms_ : dense_norms(y, kOp, n_threads)),
      same_(x.data == y.data && x.rows == y.rows),
      directly_(x.rows <= kFewRows || x.cols == 0 || float32_bound(x.cols) > 0x1p-6),
      error_bound_(directly_ ? kernels::kFloatRoundoff : float32_bound(x.cols)) {
    if (!directly_) choose_filter(trial);
}

DenseJoin::DenseJoin(const DenseJoin& whole, MatrixView<const float> sample)
    : x_(sample),
      y_(whole.y_),
      n_threads_(whole.n_threads_),
      x_norms_(dense_norms(sample, kOp, n_threads_)),
      y_norms_(whole.y_norms_),
      same_(false),
      directly_(false),
      filter_(whole.filter_),
      error_bound_(whole.error_bound_) {}

void DenseJoin::use(PackedFormat format) {
    filter_.reset();  // before the next one takes its memory
    filter_ = std::make_shared<const DenseFilter>(x_, x_norms_, y_, y_norms_, format, n_threads_);
    error_bound_ = filter_->error_bound();
}

// int8 scores are some eight times coarser than those in bfloat16; which of them leave too many candidates depends on the data.
void DenseJoin::choose_filter(const Trial& trial) {
    if (trial && DenseFilter::has(PackedFormat::int8) && x_.rows >= kTrialRows * kRowsPerTrialRow &&
        x_.cols >= kLeastFeatures && x_.cols <= kernels::kInt8MostFeatures) {
        use(PackedFormat::int8);
        if (int8_pays(trial)) return;
        filter_.reset();
        error_bound_ = float32_bound(x_.cols);
    }
    if (DenseFilter::has(PackedFormat::bfloat16) && x_.cols >= kLeastPacked) use(PackedFormat::bfloat16);
}

bool DenseJoin::int8_pays(const Trial& trial) const {
    const auto d = static_cast<double>(x_.cols), products = static_cast<double>(y_.rows) * d;
    const double other = DenseFilter::has(PackedFormat::bfloat16)
                             ? DenseFilter::products_per_cycle(PackedFormat::bfloat16)
                             : kFloat32Rate;
    const double saved = products / other - products / DenseFilter::products_per_cycle(PackedFormat::int8);
    const index_t step = x_.rows / kTrialRows;
    const DenseJoin sample(*this, {x_.data, kTrialRows, x_.cols, x_.stride * step});
    return trial(sample, kTrialRows) * (d / kCanonicalRate + kCanonicalStart) < saved;
}

double DenseJoin::score_of(double dot, index_t i, index_t j) const {
    const double scale = x_norms_[i] * y_norms_[j];
    return scale == 0 ? 0 : std::clamp(dot / scale, -1.0, 1.0);
}

double DenseJoin::score(index_t i, index_t j) const {
    return score_of(kernels::active().dot(x_.row(i), y_.row(j), x_.cols), i, j);
}

void DenseJoin::scores(index_t i, const std::int32_t* columns, index_t n, double* out) const {
    const float* rows[kTogether];
    for (index_t q = 0; q < n; ++q) rows[q] = y_.row(columns[q]);
    kernels::active().dot_rows(x_.row(i), rows, n, x_.cols, out);
    for (index_t q = 0; q < n; ++q) out[q] = score_of(out[q], i, columns[q]);
}

bool DenseJoin::serves_both(const Sink& sink) const {
    return same_ && filter_ && sink.symmetric();
}

// The columns that rows of X before end are scored against.
index_t DenseJoin::n_columns(const Sink& sink, index_t end) const {
    return sink.lower_triangle() || serves_both(sink) ? std::min(end, y_.rows) : y_.rows;
}

void DenseJoin::run(Sink& sink) const {
    std::vector<Scratch> scratch(static_cast<std::size_t>(resolve_thread_count(n_threads_)));
    const index_t rows = directly_ ? kFewRows : serves_both(sink) ? x_.rows : kRowsInFlight;
    for (index_t begin = 0; begin < x_.rows; begin += rows) {
        const index_t end = std::min(begin + rows, x_.rows);
        sink.begin_rows(begin, end);
        if (directly_) {
            run_directly(sink, begin, end, scratch[0]);
        } else if (filter_) {
            run_packed(sink, begin, end, scratch);
        } else {
            run_float32(sink, begin, end, scratch);
        }
        sink.end_rows(begin, end);
    }
}

// Scores are s'(i, first_column ...); those that reach the row's cut go to the sink. Before the first column the cut is the
// lowest and rises fast, so it is asked for more often there.
void DenseJoin::hand_over(Sink& sink, index_t i, index_t first_column, const float* scores, index_t n,
                          std::vector<float>& found, std::vector<std::int32_t>& positions) const {
    if (static_cast<index_t>(positions.size()) < n) positions.resize(static_cast<std::size_t>(n));
    if (static_cast<index_t>(found.size()) < n) found.resize(static_cast<std::size_t>(n));
    index_t step = first_column == 0 ? kFirstColumns : n;
    for (index_t c = 0; c < n; c += step, step *= 2) {
        const float least = std::max(sink.cut(i), -2.0f);
        index_t n_found =
            kernels::active().collect_at_least(scores + c, std::min(step, n - c), least, positions.data());
        while (sink.lower_triangle() && n_found > 0 && first_column + c + positions[n_found - 1] > i)
            --n_found;
        if (n_found == 0) continue;
        for (index_t q = 0; q < n_found; ++q) found[q] = scores[c + positions[q]];
        sink.accept(i, first_column + c, found.data(), positions.data(), n_found);
    }
}

// Columns are divided among the threads, so that a single row occupies them all.
void DenseJoin::run_directly(Sink& sink, index_t begin, index_t end, Scratch& s) const {
    constexpr index_t kColumns = 16384;
    const kernels::Table& t = kernels::active();
    const index_t d = x_.cols, ld = ceil_div(d, 8) * 8, m = end - begin, last = n_columns(sink, end);
    std::vector<double> wide(static_cast<std::size_t>(m * ld), 0.0);
    for (index_t r = 0; r < m; ++r) std::copy(x_.row(begin + r), x_.row(begin + r) + d, wide.data() + r * ld);
    std::vector<std::vector<std::int32_t>> positions(static_cast<std::size_t>(m));
    std::vector<std::vector<float>> found(static_cast<std::size_t>(m));
    for (index_t first = 0; first < last; first += kColumns) {
        const index_t n = std::min(kColumns, last - first), padded = kernels::padded(t, n);
        s.scores.assign(static_cast<std::size_t>(m * padded), kernels::kPadScore);
        parallel_for_rows(n, 128, n_threads_, [&](index_t from, index_t to, int) {
            double dots[kTogether];
            for (index_t c = from; c < to; ++c) {
                const index_t j = first + c;
                for (index_t r = 0; r < m; r += kTogether) {
                    const index_t count = std::min(kTogether, m - r);
                    t.dots(y_.row(j), wide.data() + r * ld, ld, count, d, dots);
                    for (index_t q = 0; q < count; ++q)
                        s.scores[(r + q) * padded + c] =
                            static_cast<float>(score_of(dots[q], begin + r + q, j));
                }
            }
        });
        parallel_for(m, n_threads_, [&](index_t r, int) {
            hand_over(sink, begin + r, first, s.scores.data() + r * padded, padded,
                      found[static_cast<std::size_t>(r)], positions[static_cast<std::size_t>(r)]);
        });
    }
}

// Answers do not depend on how rows are cut into groups, so few rows may be cut finer to occupy every thread.
void DenseJoin::run_packed(Sink& sink, index_t begin, index_t end, std::vector<Scratch>& scratch) const {
    const auto tasks = 4 * static_cast<index_t>(scratch.size());
    const index_t rows = ceil_div(ceil_div(end - begin, tasks), DenseFilter::kRows) * DenseFilter::kRows;
    parallel_for_rows(
        end - begin, std::min(rows, kGroupRows), n_threads_, [&](index_t from, index_t to, int slot) {
            score_group(sink, begin + from, begin + to, scratch[static_cast<std::size_t>(slot)]);
        });
}

// A tile of columns stays in the L2 cache while the blocks of the group pass over it.
void DenseJoin::score_group(Sink& sink, index_t begin, index_t end, Scratch& s) const {
    constexpr index_t kBlock = DenseFilter::kRows, kPair = DenseFilter::kColumns;
    const index_t lines = filter_->row_lines();
    const index_t m = end - begin, columns = kernels::bf16_columns(n_columns(sink, end));
    const index_t tile_columns = std::clamp<index_t>(kTileLines / lines / kPair * kPair, kPair, kMostColumns);
    s.rows.resize(static_cast<std::size_t>(x_.cols));
    const bool both = serves_both(sink);
    s.offsets.resize(static_cast<std::size_t>(m));
    s.scales.assign(static_cast<std::size_t>(ceil_div(m, kBlock) * kBlock), 0.0f);
    s.column_cuts.resize(static_cast<std::size_t>(tile_columns));
    s.positions.resize(static_cast<std::size_t>(kBlock * tile_columns));
    s.found.resize(static_cast<std::size_t>(kBlock * tile_columns));
    s.packed_rows.resize(static_cast<std::size_t>(ceil_div(m, kBlock) * kBlock * lines));
    for (index_t r = 0; r < m; ++r)
        s.offsets[r] = filter_->pack_row(x_.row(begin + r), x_norms_[begin + r], s.rows.data(),
                                         &s.packed_rows[r * lines], &s.scales[r]);
    std::fill(s.packed_rows.begin() + m * lines, s.packed_rows.end(), PackedLine{});
    for (index_t tile = 0; tile < columns; tile += tile_columns) {
        const index_t n = std::min(tile_columns, columns - tile);
        for (index_t r = 0; r < m; r += kBlock) {
            const index_t last = std::min(r + kBlock, m);
            const index_t width = both ? std::min(n, kernels::bf16_columns(begin + last) - tile) : n;
            if (width > 0) join_block(sink, begin, begin + r, last - r, tile, width, s);
        }
    }
}

// m rows of the group that starts at begin, and n columns.
void DenseJoin::join_block(Sink& sink, index_t begin, index_t first_row, index_t m, index_t first_column,
                           index_t n, Scratch& s) const {
    const bool both = serves_both(sink);
    const PackedLine* const rows = &s.packed_rows[(first_row - begin) * filter_->row_lines()];
    const auto capacity = static_cast<index_t>(s.positions.size()) / DenseFilter::kRows;
    index_t step = first_column == 0 ? kFirstColumns : n;  // as in hand_over
    for (index_t c = 0; c < n; c += step, step *= 2) {
        const index_t width = std::min(step, n - c);
        for (index_t r = 0; r < DenseFilter::kRows; ++r) {
            const double offset = r < m ? s.offsets[first_row - begin + r] : -kInfinity;
            const double cut = r < m ? double{std::max(sink.cut(first_row + r), -2.0f)} : 0;
            s.row_offsets[r] = static_cast<float>(offset);
            s.row_cuts[r] = kernels::round_down(cut - offset);
            s.counts[r] = 0;
        }
        if (both) sink.cuts(first_column + c, width, s.column_cuts.data());
        filter_->find_wanted(rows, s.scales.data() + (first_row - begin), first_column + c, width,
                             {s.row_cuts, s.row_offsets, both ? s.column_cuts.data() : nullptr},
                             {s.positions.data(), s.found.data(), capacity, s.counts});
        for (index_t r = 0; r < m; ++r)
            if (s.counts[r] > 0)
                hand_over_wanted(sink, first_row + r, first_column + c,
                                 {s.positions.data() + r * capacity, s.found.data() + r * capacity,
                                  s.counts[r], s.offsets[first_row - begin + r]},
                                 both ? s.column_cuts.data() : nullptr);
    }
}

// Row i takes what it wants of its scores; with column_cuts, the rows that the columns are take the same scores.
void DenseJoin::hand_over_wanted(Sink& sink, index_t i, index_t first_column, RowHits hits,
                                 const float* column_cuts) const {
    constexpr std::int32_t kHere = 0;
    // Beyond the diagonal a score belongs to the other row.
    if (column_cuts != nullptr || sink.lower_triangle())
        while (hits.n > 0 && first_column + hits.positions[hits.n - 1] > i) --hits.n;
    for (index_t q = 0; q < hits.n; ++q) hits.scores[q] = static_cast<float>(hits.scores[q] + hits.offset);
    if (hits.n > 0) sink.accept(i, first_column, hits.scores, hits.positions, hits.n);
    if (column_cuts == nullptr) return;
    for (index_t q = 0; q < hits.n && first_column + hits.positions[q] < i; ++q)
        if (hits.scores[q] >= column_cuts[hits.positions[q]])
            sink.accept(first_column + hits.positions[q], i, hits.scores + q, &kHere, 1);
}

void DenseJoin::pack_tile(index_t begin, index_t rows, std::vector<float>& packed,
                          std::vector<float>& bias) const {
    const kernels::Table& t = kernels::active();
    const index_t d = y_.cols, width = t.panel_width, padded = kernels::padded(t, rows);
    packed.resize(static_cast<std::size_t>(padded * d));
    bias.assign(static_cast<std::size_t>(padded), 0.0f);
    std::fill(bias.begin() + rows, bias.end(), -kernels::kPadScore);
    parallel_for(ceil_div(rows, width), n_threads_, [&](index_t panel, int) {
        const index_t first = panel * width, n = std::min(width, rows - first);
        std::vector<float> unit(static_cast<std::size_t>(n * d));
        for (index_t r = 0; r < n; ++r) {
            const index_t j = begin + first + r;
            unit_row(y_.row(j), y_norms_[j], d, unit.data() + r * d);
        }
        kernels::pack_panels(t, {unit.data(), n, d, d}, packed.data() + first * d);
    });
}

void DenseJoin::run_float32(Sink& sink, index_t begin, index_t end, std::vector<Scratch>& scratch) const {
    const index_t width = kernels::active().panel_width;
    const index_t tile_columns = kTileColumns / width * width, last = n_columns(sink, end);
    const auto tasks = 4 * static_cast<index_t>(scratch.size());
    const index_t block = std::clamp<index_t>(ceil_div(end - begin, tasks), 1, kBlockRows);
    std::vector<float> packed, bias;
    for (index_t tile = 0; tile < last; tile += tile_columns) {
        pack_tile(tile, std::min(tile_columns, y_.rows - tile), packed, bias);
        parallel_for_rows(end - begin, block, n_threads_, [&](index_t from, index_t to, int slot) {
            if (tile < n_columns(sink, begin + to))
                score_tile(sink, begin + from, begin + to, tile, packed, bias,
                           scratch[static_cast<std::size_t>(slot)]);
        });
    }
}

void DenseJoin::score_tile(Sink& sink, index_t begin, index_t end, index_t tile,
                           const std::vector<float>& packed, const std::vector<float>& bias,
                           Scratch& s) const {
    const kernels::Table& t = kernels::active();
    const index_t d = x_.cols, m = end - begin, chunk = kChunkColumns / t.panel_width * t.panel_width;
    const auto n_packed = static_cast<index_t>(bias.size());
    s.rows.resize(static_cast<std::size_t>(kBlockRows * d));
    s.scores.resize(static_cast<std::size_t>(kBlockRows * chunk));
    for (index_t r = 0; r < m; ++r)
        unit_row(x_.row(begin + r), x_norms_[begin + r], d, s.rows.data() + r * d);
    for (index_t c = 0; c < n_packed; c += chunk) {
        const index_t n = std::min(chunk, n_packed - c);
        t.score_block(s.rows.data(), d, m, packed.data() + c * d, bias.data() + c, n, d, s.scores.data(), n);
        for (index_t r = 0; r < m; ++r)
            hand_over(sink, begin + r, tile + c, s.scores.data() + r * n, n, s.found, s.positions);
    }
}

}  // namespace coterie
