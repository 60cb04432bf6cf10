#include "similarity/dense_join.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "kernels/kernels.hpp"

namespace coterie {
namespace {

// Rows of X whose candidates are kept at once, and rows of Y packed at once: packing costs 1/kRowsInFlight of
// scoring.
constexpr index_t kRowsInFlight = 8192;
constexpr index_t kTileColumns = 3840;
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

// out = float32(x / |x|); zeros for a zero row.
void unit_row(const float* x, double norm, index_t d, float* out) {
    if (norm == 0) {
        std::fill(out, out + d, 0.0f);
        return;
    }
    const double scale = 1 / norm;
    for (index_t j = 0; j < d; ++j) out[j] = static_cast<float>(x[j] * scale);
}

// u = 2^-24. Each unit row is off by at most u (1 + 2u) plus sqrt(d) 2^-150 where it underflows; the float32
// sum by gamma_{d+1} |x~||y~| plus 2 d 2^-150; the canonical score by (d + 8) 2^-53. (d + 8) u covers the
// first three with room for the second-order terms while (d + 8) u <= 2^-6.
double bound_of_error(index_t d) {
    const double bound = static_cast<double>(d + 8) * 0x1p-24;
    if (bound > 0x1p-6)
        return 4.0;  // beyond every difference of two cosines: each pair is evaluated canonically
    return bound * (1 + 0x1p-4) + static_cast<double>(d) * 0x1p-140;
}

}  // namespace

DenseJoin::DenseJoin(MatrixView<const float> x, MatrixView<const float> y, int n_threads)
    : x_(x),
      y_(y),
      n_threads_(n_threads),
      x_norms_(norms(x, n_threads)),
      y_norms_(x.data == y.data && x.rows == y.rows ? x_norms_ : norms(y, n_threads)),
      error_bound_(bound_of_error(x.cols)) {}

double DenseJoin::score(index_t i, index_t j) const {
    const double scale = x_norms_[i] * y_norms_[j];
    if (scale == 0) return 0;
    return std::clamp(kernels::active().dot(x_.row(i), y_.row(j), x_.cols) / scale, -1.0, 1.0);
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

void DenseJoin::run(Sink& sink) const {
    const kernels::Table& t = kernels::active();
    const index_t d = x_.cols, chunk = kChunkColumns / t.panel_width * t.panel_width;
    const index_t tile_columns = kTileColumns / chunk * chunk;
    // Answers do not depend on how rows are cut into blocks, so few rows may be cut finer to occupy every
    // thread.
    const index_t threads = resolve_thread_count(n_threads_);
    struct Scratch {
        std::vector<float> rows, scores;
        std::vector<std::int32_t> positions;
    };
    std::vector<Scratch> scratch(static_cast<std::size_t>(threads));
    std::vector<float> packed, bias;
    for (index_t begin = 0; begin < x_.rows; begin += kRowsInFlight) {
        const index_t end = std::min(begin + kRowsInFlight, x_.rows);
        const index_t block = std::clamp<index_t>(ceil_div(end - begin, 4 * threads), 1, kBlockRows);
        sink.begin_rows(begin, end);
        const index_t n_columns = sink.lower_triangle() ? std::min(end, y_.rows) : y_.rows;
        for (index_t tile = 0; tile < n_columns; tile += tile_columns) {
            const index_t tile_rows = std::min(tile_columns, y_.rows - tile);
            pack_tile(tile, tile_rows, packed, bias);
            parallel_for_rows(end - begin, block, n_threads_, [&](index_t from, index_t to, int slot) {
                const index_t i0 = begin + from, m = to - from;
                if (sink.lower_triangle() && tile >= i0 + m) return;
                Scratch& s = scratch[static_cast<std::size_t>(slot)];
                s.rows.resize(static_cast<std::size_t>(kBlockRows * d));
                s.scores.resize(static_cast<std::size_t>(kBlockRows * chunk));
                s.positions.resize(static_cast<std::size_t>(chunk));
                for (index_t r = 0; r < m; ++r)
                    unit_row(x_.row(i0 + r), x_norms_[i0 + r], d, s.rows.data() + r * d);
                for (index_t c = 0; c < tile_rows; c += chunk) {
                    const index_t columns = kernels::padded(t, std::min(chunk, tile_rows - c));
                    t.score_block(s.rows.data(), d, m, packed.data() + c * d, bias.data() + c, columns, d,
                                  s.scores.data(), columns);
                    for (index_t r = 0; r < m; ++r) {
                        const float* scores = s.scores.data() + r * columns;
                        const index_t n = t.collect_at_least(
                            scores, columns, std::max(sink.cut(i0 + r), -2.0f), s.positions.data());
                        if (n > 0) sink.accept(i0 + r, tile + c, scores, s.positions.data(), n);
                    }
                }
            });
        }
        sink.end_rows(begin, end);
    }
}

}  // namespace coterie
