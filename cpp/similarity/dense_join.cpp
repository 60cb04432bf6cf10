#include "similarity/dense_join.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "kernels/kernels.hpp"
#include "kernels/rounding.hpp"

namespace coterie {
namespace {

// Rows of X whose candidates are kept at once, and rows of Y packed at once: packing costs 1/kRowsInFlight of
// scoring.
constexpr index_t kRowsInFlight = 16384;
constexpr index_t kTileColumns = 3840;
// Up to so many rows of X cost less by the definition than the packing of Y.
constexpr index_t kFewRows = 32;
// Of a 2 MB L2 cache: 1 MB of bfloat16 columns, and 32 x 2016 scores at most (not 2048: rows of
// scores a power of two apart would compete for few lines). Y is read once for kGroupRows rows of X.
constexpr index_t kTileElements = index_t{1} << 19;
constexpr index_t kMostColumns = 2016;
constexpr index_t kGroupRows = 1024;
constexpr index_t kFirstColumns = 128;
// 64 rows x ~1000 columns of scores and one packed panel stay in a 2 MB L2 cache.
constexpr index_t kBlockRows = 64;
constexpr index_t kChunkColumns = 1024;

std::vector<double> norms(MatrixView<const float> x, int n_threads) {
    std::vector<double> result(static_cast<std::size_t>(x.rows));
    const kernels::Table& t = kernels::active();
    parallel_for_rows(x.rows, 1024, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) result[i] = std::sqrt(t.dot(x.row(i), x.row(i), x.cols));
    });
    return result;
}

// u = 2^-24. Each unit row is off by at most u (1 + 2u) plus sqrt(d) 2^-150 where it underflows; the float32
// sum by gamma_{d+1} |x~||y~| plus 2 d 2^-150; the canonical score by (d + 8) 2^-53. (d + 8) u covers the
// first three with room for the second-order terms while (d + 8) u <= 2^-6.
double float32_bound(index_t d) {
    const double bound = static_cast<double>(d + 8) * kernels::kFloatRoundoff;
    return bound * (1 + 0x1p-4) + static_cast<double>(d) * 0x1p-140;
}

}  // namespace

DenseJoin::DenseJoin(MatrixView<const float> x, MatrixView<const float> y, int n_threads)
    : x_(x),
      y_(y),
      n_threads_(n_threads),
      x_norms_(norms(x, n_threads)),
      y_norms_(x.data == y.data && x.rows == y.rows ? x_norms_ : norms(y, n_threads)),
      same_(x.data == y.data && x.rows == y.rows),
      directly_(x.rows <= kFewRows || float32_bound(x.cols) > 0x1p-6),
      error_bound_(directly_ ? kernels::kFloatRoundoff : float32_bound(x.cols)) {
    if (directly_ || kernels::active().bf16 == nullptr) return;
    filter_.emplace(y, y_norms_, n_threads);
    error_bound_ =
        filter_->error_bound(same_ ? filter_->column_size() : filter_->size_of(x, x_norms_, n_threads));
}

double DenseJoin::score_of(double dot, index_t i, index_t j) const {
    const double scale = x_norms_[i] * y_norms_[j];
    return scale == 0 ? 0 : std::clamp(dot / scale, -1.0, 1.0);
}

double DenseJoin::score(index_t i, index_t j) const {
    return score_of(kernels::active().dot(x_.row(i), y_.row(j), x_.cols), i, j);
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
            run_bf16(sink, begin, end, scratch);
        } else {
            run_float32(sink, begin, end, scratch);
        }
        sink.end_rows(begin, end);
    }
}

// Scores + offset are s'(i, first_column ...); those that reach the row's cut go to the sink. Before the first column the
// cut is the lowest and rises fast, so it is asked for more often there.
void DenseJoin::hand_over(Sink& sink, index_t i, index_t first_column, double offset, float* scores,
                          index_t n, std::vector<std::int32_t>& positions) const {
    if (static_cast<index_t>(positions.size()) < n) positions.resize(static_cast<std::size_t>(n));
    const bool triangle = sink.lower_triangle() || serves_both(sink);
    index_t step = first_column == 0 ? kFirstColumns : n;
    for (index_t c = 0; c < n; c += step, step *= 2) {
        const float least = kernels::round_down(static_cast<double>(std::max(sink.cut(i), -2.0f)) - offset);
        float* const some = scores + c;
        index_t found =
            kernels::active().collect_at_least(some, std::min(step, n - c), least, positions.data());
        // Beyond the diagonal a score belongs to the other row.
        while (triangle && found > 0 && first_column + c + positions[found - 1] > i) --found;
        if (found == 0) continue;
        for (index_t p = 0; p < found; ++p)
            some[positions[p]] = static_cast<float>(some[positions[p]] + offset);
        sink.accept(i, first_column + c, some, positions.data(), found);
    }
}

// The same scores as those of rows first_column ... of X and column i < first_column + n, for the columns before i.
void DenseJoin::hand_back(Sink& sink, index_t i, index_t first_column, double offset, const float* scores,
                          index_t n, Scratch& s) const {
    constexpr std::int32_t kHere = 0;
    const index_t found = kernels::active().collect_reaching(scores, static_cast<float>(offset),
                                                             s.least.data(), n, s.positions.data());
    for (index_t p = 0; p < found && first_column + s.positions[p] < i; ++p) {
        const float score = static_cast<float>(scores[s.positions[p]] + offset);
        sink.accept(first_column + s.positions[p], i, &score, &kHere, 1);
    }
}

// Columns are divided among the threads, so that a single row occupies them all.
void DenseJoin::run_directly(Sink& sink, index_t begin, index_t end, Scratch& s) const {
    constexpr index_t kColumns = 16384, kTogether = 8;
    const kernels::Table& t = kernels::active();
    const index_t d = x_.cols, ld = ceil_div(d, 8) * 8, m = end - begin, last = n_columns(sink, end);
    std::vector<double> wide(static_cast<std::size_t>(m * ld), 0.0);
    for (index_t r = 0; r < m; ++r) std::copy(x_.row(begin + r), x_.row(begin + r) + d, wide.data() + r * ld);
    std::vector<std::vector<std::int32_t>> positions(static_cast<std::size_t>(m));
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
            hand_over(sink, begin + r, first, 0, s.scores.data() + r * padded, padded,
                      positions[static_cast<std::size_t>(r)]);
        });
    }
}

// Answers do not depend on how rows are cut into groups, so few rows may be cut finer to occupy every thread.
void DenseJoin::run_bf16(Sink& sink, index_t begin, index_t end, std::vector<Scratch>& scratch) const {
    const auto tasks = 4 * static_cast<index_t>(scratch.size());
    const index_t rows = ceil_div(ceil_div(end - begin, tasks), kernels::kBf16Rows) * kernels::kBf16Rows;
    parallel_for_rows(
        end - begin, std::min(rows, kGroupRows), n_threads_, [&](index_t from, index_t to, int slot) {
            score_group(sink, begin + from, begin + to, scratch[static_cast<std::size_t>(slot)]);
        });
}

// A tile of columns stays in the L2 cache while the blocks of the group pass over it.
void DenseJoin::score_group(Sink& sink, index_t begin, index_t end, Scratch& s) const {
    constexpr index_t kBlock = kernels::kBf16Rows, kPair = 2 * kernels::kBf16Columns;
    const index_t d_padded = filter_->d_padded(), lines = d_padded / kernels::kBf16Depth;
    const index_t m = end - begin, columns = kernels::bf16_columns(n_columns(sink, end));
    const index_t tile_columns =
        std::clamp<index_t>(kTileElements / d_padded / kPair * kPair, kPair, kMostColumns);
    s.rows.resize(static_cast<std::size_t>(x_.cols));
    const bool both = serves_both(sink);
    s.offsets.resize(static_cast<std::size_t>(m));
    s.least.resize(static_cast<std::size_t>(tile_columns));
    s.positions.resize(static_cast<std::size_t>(tile_columns));
    s.packed_rows.resize(static_cast<std::size_t>(ceil_div(m, kBlock) * kBlock * lines));
    s.scores.resize(static_cast<std::size_t>(kBlock * tile_columns));
    kernels::Bf16Size size;
    for (index_t r = 0; r < m; ++r)
        s.offsets[r] = filter_->pack_row(x_.row(begin + r), x_norms_[begin + r], s.rows.data(),
                                         s.packed_rows[r * lines].values, size);
    std::fill(s.packed_rows.begin() + m * lines, s.packed_rows.end(), kernels::Bf16Line{});
    for (index_t tile = 0; tile < columns; tile += tile_columns) {
        const index_t n = std::min(tile_columns, columns - tile);
        for (index_t r = 0; r < m; r += kBlock) {
            const index_t last = std::min(r + kBlock, m);
            const index_t width = both ? std::min(n, kernels::bf16_columns(begin + last) - tile) : n;
            if (width <= 0) continue;
            filter_->score(s.packed_rows[r * lines].values, tile, width, s.scores.data());
            if (both) sink.cuts(tile, width, s.least.data());
            for (index_t q = r; q < last; ++q) {
                float* const scores = s.scores.data() + (q - r) * width;
                if (both) hand_back(sink, begin + q, tile, s.offsets[q], scores, width, s);
                hand_over(sink, begin + q, tile, s.offsets[q], scores, width, s.positions);
            }
        }
    }
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
            hand_over(sink, begin + r, tile + c, 0, s.scores.data() + r * n, n, s.positions);
    }
}

}  // namespace coterie
