// The kernel bodies, written once over a vector type V and instantiated by each ISA file.
//
// V provides: kLanes; F (kLanes floats); D (8 doubles); U (16 unsigned 32-bit integers); operations on them. Its types have internal linkage
// in every ISA file, so no instantiation made with one file's compiler flags can be merged with another's.
// For the same reason nothing here calls an inline function of the standard library.
#pragma once

#include "core/elementary.hpp"
#include "kernels/kernels.hpp"
#include "kernels/packed_terms_body.hpp"
#include "kernels/philox_body.hpp"
#include "kernels/row_lanes.hpp"
#include "kernels/scan.hpp"
#include "kernels/with_width.hpp"

namespace coterie::kernels {

template <typename V>
struct Body {
    using F = typename V::F;
    using D = typename V::D;
    static constexpr index_t L = V::kLanes;
    static constexpr int kPanelVectors = V::kPanelVectors;
    static constexpr index_t kPanel = L * kPanelVectors;
    static constexpr int kRows = V::kRows;

    static double dot(const float* x, const float* y, index_t d) noexcept {
        D sum = V::zero_d();
        index_t j = 0;
        for (; j + 8 <= d; j += 8) sum = V::fma(V::widen(x + j), V::widen(y + j), sum);
        // Absent lanes add +0 to sums that are never -0, so the tail changes no bit of them.
        if (j < d) sum = V::fma(V::widen_first(x + j, d - j), V::widen_first(y + j, d - j), sum);
        return V::fold(sum);
    }

    static double squared_distance(const float* x, const float* y, index_t d) noexcept {
        D sum = V::zero_d();
        index_t j = 0;
        const auto step = [&sum](D a, D b) {
            const D difference = V::sub(a, b);
            sum = V::add(sum, V::mul(difference, difference));
        };
        for (; j + 8 <= d; j += 8) step(V::widen(x + j), V::widen(y + j));
        if (j < d) step(V::widen_first(x + j, d - j), V::widen_first(y + j, d - j));
        return V::fold(sum);
    }

    template <int C>
    static void dots_of(const float* x, const double* y, index_t ld, index_t d, double* out) noexcept {
        D sum[C];
        for (int c = 0; c < C; ++c) sum[c] = V::zero_d();
        index_t j = 0;
        for (; j + 8 <= d; j += 8) {
            const D xj = V::widen(x + j);
            for (int c = 0; c < C; ++c) sum[c] = V::fma(xj, V::load_d(y + c * ld + j), sum[c]);
        }
        if (j < d) {
            const D xj = V::widen_first(x + j, d - j);
            for (int c = 0; c < C; ++c) sum[c] = V::fma(xj, V::load_d(y + c * ld + j), sum[c]);
        }
        for (int c = 0; c < C; ++c) out[c] = V::fold(sum[c]);
    }

    static void dots(const float* x, const double* y, index_t ld, index_t count, index_t d,
                     double* out) noexcept {
        with_width<8>(count, [&]<int C>() { dots_of<C>(x, y, ld, d, out); });
    }

    // A sum waits for itself only, so several at once take little longer than one.
    template <int C>
    static void dot_rows_of(const float* x, const float* const* y, index_t d, double* out) noexcept {
        D sum[C];
        for (int c = 0; c < C; ++c) sum[c] = V::zero_d();
        index_t j = 0;
        for (; j + 8 <= d; j += 8) {
            const D xj = V::widen(x + j);
            for (int c = 0; c < C; ++c) sum[c] = V::fma(xj, V::widen(y[c] + j), sum[c]);
        }
        if (j < d) {
            const D xj = V::widen_first(x + j, d - j);
            for (int c = 0; c < C; ++c) sum[c] = V::fma(xj, V::widen_first(y[c] + j, d - j), sum[c]);
        }
        for (int c = 0; c < C; ++c) out[c] = V::fold(sum[c]);
    }

    static void dot_rows(const float* x, const float* const* y, index_t count, index_t d,
                         double* out) noexcept {
        with_width<8>(count, [&]<int C>() { dot_rows_of<C>(x, y, d, out); });
    }

    static void sparse_dots(SparseRow row, const double* terms, double* out) noexcept {
        D sum = V::zero_d();
        for (index_t p = 0; p < row.nnz; ++p)
            sum = V::fma(V::broadcast_d(row.data[p]), V::load_d(terms + index_t{row.indices[p]} * 8), sum);
        V::store_d(out, sum);
    }

    template <int H>
    static void add_columns(SparseRow row, const float* terms, index_t ld, double* sums) noexcept {
        // As in sparse_columns: the rows of rare terms are asked for this many nonzeros ahead.
        constexpr index_t kAhead = 16;
        const index_t reachable = row.nnz + row.following;
        D sum[H];
        for (int h = 0; h < H; ++h) sum[h] = V::load_d(sums + 8 * h);
        for (index_t p = 0; p < row.nnz; ++p) {
            if (p + kAhead < reachable) {
                const float* const ahead = terms + index_t{row.indices[p + kAhead]} * ld;
                for (int h = 0; h < H; h += 2) __builtin_prefetch(ahead + 8 * h);
            }
            const float* term = terms + index_t{row.indices[p]} * ld;
            const D value = V::broadcast_d(row.data[p]);
            for (int h = 0; h < H; ++h) sum[h] = V::fma(value, V::widen(term + 8 * h), sum[h]);
        }
        for (int h = 0; h < H; ++h) V::store_d(sums + 8 * h, sum[h]);
    }

    static void add_term_rows(SparseRow row, const float* terms, index_t ld, index_t columns,
                              double* sums) noexcept {
        constexpr int kMost = V::kSumVectors;
        index_t c = 0;
        const auto add = [&]<int H>() { add_columns<H>(row, terms + c, ld, sums + c); };
        for (; c + 8 * kMost <= columns; c += 8 * kMost) add.template operator()<kMost>();
        if (c < columns) with_width<kMost>((columns - c) / 8, add);
    }

    template <int R, int W>
    static void add_product_tile(const double* a, index_t a_row, index_t a_step, const double* b, index_t ldb,
                                 index_t steps, double* c, index_t ldc) noexcept {
        D sum[R][W];
        for (int r = 0; r < R; ++r)
            for (int w = 0; w < W; ++w) sum[r][w] = V::load_d(c + r * ldc + 8 * w);
        for (index_t s = 0; s < steps; ++s) {
            D right[W];
            for (int w = 0; w < W; ++w) right[w] = V::load_d(b + s * ldb + 8 * w);
            for (int r = 0; r < R; ++r) {
                const D left = V::broadcast_d(a[r * a_row + s * a_step]);
                for (int w = 0; w < W; ++w) sum[r][w] = V::add(sum[r][w], V::mul(left, right[w]));
            }
        }
        for (int r = 0; r < R; ++r)
            for (int w = 0; w < W; ++w) V::store_d(c + r * ldc + 8 * w, sum[r][w]);
    }

    static void add_products(const double* a, index_t a_row, index_t a_step, const double* b, index_t ldb,
                             index_t m, index_t n, index_t steps, double* c, index_t ldc) noexcept {
        constexpr int R = V::kProductRows, W = V::kProductVectors;
        for (index_t j = 0; j < n; j += 8 * W)
            with_width<W>((n - j) / 8, [&]<int Width>() {
                index_t i = 0;
                for (; i + R <= m; i += R)
                    add_product_tile<R, Width>(a + i * a_row, a_row, a_step, b + j, ldb, steps,
                                               c + i * ldc + j, ldc);
                for (; i < m; ++i)
                    add_product_tile<1, Width>(a + i * a_row, a_row, a_step, b + j, ldb, steps,
                                               c + i * ldc + j, ldc);
            });
    }

    // In the steps of canonical_exp.
    static void exponentials(double* values, index_t n) noexcept {
        const D round = V::broadcast_d(0x1.8p52), to_base_2 = V::broadcast_d(0x1.71547652b82fep+0);
        const D high = V::broadcast_d(kLn2High), low = V::broadcast_d(kLn2Low);
        for (index_t i = 0; i < n; i += 8) {
            const D x = V::load_d(values + i);
            const D shifted = V::add(V::mul(x, to_base_2), round), whole = V::sub(shifted, round);
            const D r = V::sub(V::sub(x, V::mul(whole, high)), V::mul(whole, low));
            D series = V::broadcast_d(kExpSeries[0]);
            for (int c = 1; c < kExpTerms; ++c)
                series = V::add(V::mul(series, r), V::broadcast_d(kExpSeries[c]));
            V::store_d(values + i, V::mul(series, V::power_of_two(shifted)));
        }
    }

    // In the steps of canonical_log.
    static void logarithms(double* values, index_t n) noexcept {
        const D one = V::broadcast_d(1), two = V::broadcast_d(2);
        const D high = V::broadcast_d(kLn2High), low = V::broadcast_d(kLn2Low);
        for (index_t i = 0; i < n; i += 8) {
            D m;
            const D whole = V::split_exponent(V::load_d(values + i), m);
            const D s = V::div(V::sub(m, one), V::add(m, one)), z = V::mul(s, s), twice = V::mul(two, s);
            D series = V::broadcast_d(kLogSeries[0]);
            for (int c = 1; c < kLogTerms; ++c)
                series = V::add(V::mul(series, z), V::broadcast_d(kLogSeries[c]));
            const D rest = V::add(V::mul(twice, V::mul(z, series)), V::mul(whole, low));
            V::store_d(values + i, V::add(V::mul(whole, high), V::add(twice, rest)));
        }
    }

    // w * (x / norm) * scale of 8 features, not yet rounded.
    static D scaled(D x, D length, bool is_unit, D weight, D scale) noexcept {
        const D unit = is_unit ? x : V::to_float32(V::div(x, length));
        return V::mul(V::mul(weight, unit), scale);
    }

    static void move_row(const float* x, double norm, double w, const double* scale, index_t d,
                         std::int64_t* into, std::int64_t* from) noexcept {
        const D weight = V::broadcast_d(w), length = V::broadcast_d(norm);
        const bool is_unit = norm == 1.0;
        index_t j = 0;
        for (; j + 8 <= d; j += 8) {
            const D q = scaled(V::widen(x + j), length, is_unit, weight, V::load_d(scale + j));
            V::move_rounded(q, into + j, from == nullptr ? nullptr : from + j);
        }
        if (j == d) return;
        const index_t left = d - j;
        double last_scales[8] = {};
        for (index_t l = 0; l < left; ++l) last_scales[l] = scale[j + l];
        std::int64_t into_last[8] = {}, from_last[8] = {};
        V::move_rounded(scaled(V::widen_first(x + j, left), length, is_unit, weight, V::load_d(last_scales)),
                        into_last, from_last);
        for (index_t l = 0; l < left; ++l) into[j + l] += into_last[l];
        if (from != nullptr)
            for (index_t l = 0; l < left; ++l) from[j + l] += from_last[l];
    }

    static void raise_magnitudes(const float* x, index_t d, float* largest) noexcept {
        index_t j = 0;
        for (; j + L <= d; j += L) {
            const F value = V::load(x + j);
            V::store(largest + j, V::max(V::load(largest + j), V::max(value, V::sub(V::zero(), value))));
        }
        for (; j < d; ++j) {
            const float magnitude = x[j] < 0 ? -x[j] : x[j];
            largest[j] = magnitude > largest[j] ? magnitude : largest[j];
        }
    }

    static void update_terms(const std::int64_t* sums, const TermLine* lines, index_t n_lines,
                             const double* scale, const double* weight, const double* length, float* terms,
                             index_t ld, double* squared_norm, double* squared_shift) noexcept {
        constexpr int H = kTermColumns / 8;
        constexpr index_t kAhead = 24;  // lines; features lie too irregularly for the hardware
        D part[8][H], shift[H];
        for (int h = 0; h < H; ++h) {
            shift[h] = V::zero_d();
            for (int p = 0; p < 8; ++p) part[p][h] = V::zero_d();
        }
        for (index_t n = 0; n < n_lines; ++n) {
            const TermLine& next = lines[n + kAhead < n_lines ? n + kAhead : n];
            for (int h = 0; h < H; ++h)
                __builtin_prefetch(sums + index_t{next.line} * kTermColumns + 8 * h, 0);
            if (terms != nullptr) __builtin_prefetch(terms + next.term * ld, 1);
            const index_t j = lines[n].term;
            const std::int64_t* const line = sums + index_t{lines[n].line} * kTermColumns;
            const D unit = V::broadcast_d(1.0 / scale[j]);  // exact
            for (int h = 0; h < H; ++h) {
                const D mean = V::div(V::mul(V::from_int64(line + 8 * h), unit), V::load_d(weight + 8 * h));
                if (terms == nullptr) {
                    part[j % 8][h] = V::add(part[j % 8][h], V::mul(mean, mean));
                    continue;
                }
                float* const term = terms + j * ld + 8 * h;
                const D value =
                    V::to_float32(length == nullptr ? mean : V::div(mean, V::load_d(length + 8 * h)));
                const D change = V::sub(value, V::widen(term));
                shift[h] = V::add(shift[h], V::mul(change, change));
                part[j % 8][h] = V::fma(value, value, part[j % 8][h]);
                V::store_narrow(term, value);
            }
        }
        for (int h = 0; h < H; ++h) {
            const auto& p = part;
            const D even = V::add(V::add(p[0][h], p[4][h]), V::add(p[2][h], p[6][h]));
            const D odd = V::add(V::add(p[1][h], p[5][h]), V::add(p[3][h], p[7][h]));
            V::store_d(squared_norm + 8 * h, V::add(even, odd));
            V::store_d(squared_shift + 8 * h, shift[h]);
        }
    }

    // R rows x W vectors of centroids: R * W accumulators stay in registers over the whole dot product.
    template <int R, int W>
    static void score_tile(const float* x, index_t ldx, const float* panel, const float* bias, index_t d,
                           float* scores, index_t ld) noexcept {
        F acc[R][W];
        for (int r = 0; r < R; ++r)
            for (int w = 0; w < W; ++w) acc[r][w] = V::zero();
        for (index_t j = 0; j < d; ++j) {
            F c[W];
            for (int w = 0; w < W; ++w) c[w] = V::load(panel + j * (W * L) + w * L);
            for (int r = 0; r < R; ++r) {
                const F xj = V::broadcast(x[r * ldx + j]);
                for (int w = 0; w < W; ++w) acc[r][w] = V::fma(xj, c[w], acc[r][w]);
            }
        }
        for (int r = 0; r < R; ++r)
            for (int w = 0; w < W; ++w)
                V::store(scores + r * ld + w * L, V::sub(acc[r][w], V::load(bias + w * L)));
    }

    template <int W>
    static void score_panel(const float* x, index_t ldx, index_t m, const float* panel, const float* bias,
                            index_t d, float* scores, index_t ld) noexcept {
        index_t i = 0;
        for (; i + kRows <= m; i += kRows)
            score_tile<kRows, W>(x + i * ldx, ldx, panel, bias, d, scores + i * ld, ld);
        for (; i < m; ++i) score_tile<1, W>(x + i * ldx, ldx, panel, bias, d, scores + i * ld, ld);
    }

    static void score_block(const float* x, index_t ldx, index_t m, const float* packed, const float* bias,
                            index_t k_padded, index_t d, float* scores, index_t ld) noexcept {
        for (index_t c = 0; c < k_padded; c += kPanel) {
            const float* panel = packed + c * d;
            const index_t vectors = (k_padded - c < kPanel ? k_padded - c : kPanel) / L;
            with_width<kPanelVectors>(
                vectors, [&]<int W>() { score_panel<W>(x, ldx, m, panel, bias + c, d, scores + c, ld); });
        }
    }

    template <int W>
    static void sparse_columns(SparseRow row, const float* terms, index_t ld, const float* bias,
                               float* scores) noexcept {
        // The rows of frequent terms sit in the nearer caches; the others are asked for this many nonzeros
        // ahead, which for short rows is in the rows that follow.
        constexpr index_t kAhead = 32;
        const index_t reachable = row.nnz + row.following;
        F acc[W];
        for (int w = 0; w < W; ++w) acc[w] = V::zero();
        for (index_t p = 0; p < row.nnz; ++p) {
            if (p + kAhead < reachable) {
                const float* ahead = terms + row.indices[p + kAhead] * ld;
                for (int w = 0; w < W; w += (16 / L > 1 ? 16 / L : 1)) __builtin_prefetch(ahead + w * L);
            }
            const float* term = terms + row.indices[p] * ld;
            const F value = V::broadcast(row.data[p]);
            for (int w = 0; w < W; ++w) acc[w] = V::fma(value, V::load(term + w * L), acc[w]);
        }
        for (int w = 0; w < W; ++w) V::store(scores + w * L, V::sub(acc[w], V::load(bias + w * L)));
    }

    static void score_sparse_row(SparseRow row, const float* terms, index_t ld, const float* bias,
                                 index_t k_padded, float* scores) noexcept {
        constexpr int kMost = 8;
        index_t c = 0;
        const auto score = [&]<int W>() { sparse_columns<W>(row, terms + c, ld, bias + c, scores + c); };
        for (; c + kMost * L <= k_padded; c += kMost * L) score.template operator()<kMost>();
        if (c < k_padded) with_width<kMost>((k_padded - c) / L, score);
    }

    static constexpr Table table(const char* name) {
        return {name,
                nullptr,
                nullptr,
                dot,
                squared_distance,
                dots,
                dot_rows,
                sparse_dots,
                add_term_rows,
                add_products,
                exponentials,
                logarithms,
                move_row,
                raise_magnitudes,
                update_terms,
                philox_words<V>,
                L,
                kPanel,
                score_block,
                RowLanes<V>::label_rows,
                score_sparse_row,
                PackedTermsBody<V>::pack_term,
                PackedTermsBody<V>::score_row,
                Scan<V>::top_two,
                Scan<V>::top_two_of_rows,
                Scan<V>::find,
                Scan<V>::collect_at_least,
                Scan<V>::split_at};
    }
};

}  // namespace coterie::kernels
