// The bfloat16 filter of dense rows on matrix units, fused with the search for each row's best: n x k scores exist in
// registers only. What it proves is what filter.hpp says, with the bound of bf16_bound.
#pragma once

#include <type_traits>

#include "cluster/device_bounds.hpp"
#include "cuda/tile_product.hpp"
#include "cuda/wgmma_product.hpp"
#include "kernels/bf16.hpp"
#include "kernels/kernels.hpp"

namespace coterie::cluster::device {

// Candidates kept for one uncertain row; one with more is compared with every centroid.
inline constexpr int kMostCandidates = 16;

// Rows that the filter left uncertain, in no particular order.
struct Uncertain {
    std::int64_t* row;        // [n] which
    float* cut;               // [n] every column with a score of cut or more is a candidate
    std::int32_t* n_found;    // [n] more than kMostCandidates: they are not all listed
    std::int32_t* candidate;  // [n][kMostCandidates]
};

// A row's two highest scores of the filter so far and the column of the highest.
struct TopTwo {
    float best = -kFloatInfinity, second = -kFloatInfinity;
    std::int32_t column = 0;

    // Without a branch: lanes of a warp would go both ways at every score.
    COTERIE_HOST_DEVICE void offer(float score, std::int32_t c) {
        second = cuda::larger(second, cuda::smaller(best, score));
        column = score > best ? c : column;
        best = cuda::larger(best, score);
    }
    COTERIE_HOST_DEVICE void include(const TopTwo& other) {
        offer(other.best, other.column);
        if (other.second > second) second = other.second;
    }
    // Of the columns c, c + 1, c + 8 and c + 9.
    COTERIE_HOST_DEVICE void offer_four(const float (&scores)[4], std::int32_t c) {
#pragma unroll
        for (int q = 0; q < 4; ++q) offer(scores[q], c + q / 2 * 8 + q % 2);
    }
    COTERIE_HOST_DEVICE TopTwo top_two() const { return *this; }
};

COTERIE_HOST_DEVICE inline float highest_of(const float (&scores)[4]) {
    return cuda::larger(cuda::larger(scores[0], scores[1]), cuda::larger(scores[2], scores[3]));
}

// The same by groups of four columns, with three comparisons and selections for a score instead of five: the scores of the
// group with the highest are kept, and the highest of all others.
struct LeadingFour {
    float best = -kFloatInfinity, elsewhere = -kFloatInfinity;
    float scores[4] = {-kFloatInfinity, -kFloatInfinity, -kFloatInfinity, -kFloatInfinity};
    std::int32_t column = 0;

    COTERIE_HOST_DEVICE void offer_four(const float (&offered)[4], std::int32_t c) {
        const float highest = highest_of(offered);
        const bool leads = highest > best;
        elsewhere = cuda::larger(elsewhere, cuda::smaller(best, highest));
        best = cuda::larger(best, highest);
        column = leads ? c : column;
#pragma unroll
        for (int q = 0; q < 4; ++q) scores[q] = leads ? offered[q] : scores[q];
    }
    COTERIE_HOST_DEVICE TopTwo top_two() const {
        TopTwo top;
        top.offer_four(scores, column);
        top.second = cuda::larger(top.second, elsewhere);
        return top;
    }
};

// Writes the label of row i where the filter proves it, else lists the row. second: null, or where the runner-up goes;
// then every row is listed, with the candidates for both.
struct Verdict {
    std::int32_t *labels, *second;
    Uncertain uncertain;
    AssignCounters* counters;
    const LoopState* loop;
    Bounds bounds;

    // How many of n rows are looked at, and the q-th of them.
    COTERIE_HOST_DEVICE index_t n_active(index_t n) const {
        return bounds.gap == nullptr ? n : counters->active;
    }
    COTERIE_HOST_DEVICE index_t active_row(index_t q) const {
        return bounds.gap == nullptr ? q : bounds.active[q];
    }

    // squared_base: see Bounds::certify; norm: |x_i|.
    COTERIE_HOST_DEVICE void decide(index_t i, const TopTwo& top, double error, double squared_base,
                                    double norm, bool is_cosine) const {
        // With one column the second score is that of padding, which cuts nothing off.
        const float cut = threshold_below(second == nullptr ? top.best : top.second, 2 * error);
        if (second == nullptr && error < kInfinity && top.second < cut) {
            if (labels[i] != top.column) cuda::atomic_add(&counters->changed, std::int64_t{1});
            labels[i] = top.column;
            if (bounds.gap != nullptr)
                bounds.certify(i, top.best, top.second, error, squared_base, norm, is_cosine);
            return;
        }
        if (bounds.gap != nullptr) bounds.gap[i] = 0;
        const std::int64_t slot = cuda::atomic_add(&counters->uncertain, std::int64_t{1});
        uncertain.row[slot] = i;
        uncertain.cut[slot] = error < kInfinity ? cut : kFloatInfinity;
        uncertain.n_found[slot] = error < kInfinity ? 0 : kMostCandidates + 1;
    }
    COTERIE_HOST_DEVICE void collect(index_t slot, std::int32_t c) const {
        const std::int32_t place = cuda::atomic_add(uncertain.n_found + slot, 1);
        if (place < kMostCandidates) uncertain.candidate[slot * kMostCandidates + place] = c;
    }
};

// Packed rows and columns (centroids), bfloat16, d_padded a multiple of TileProduct::kTileDepth, n_columns of kTileColumns.
struct PackedRows {
    const std::uint16_t* values;   // [n][d_padded]
    const float *norm, *residual;  // [n] of x - mu
};
struct PackedColumns {
    const std::uint16_t* values;  // [n_columns][d_padded], zero beyond k
    const float* start;           // [n_columns], kPadScore beyond k
    const ColumnSummary* summary;
};

// kCollect false: rows 0 .. n-1, or those of them that bounds list, are decided. true: the uncertain rows, which the device has counted, are scored again, and
// their candidates listed; by a grid of any size.
template <bool kCollect, typename Tiles = cuda::TileProduct>
struct DenseFilter {
    static constexpr const char* kName = kCollect ? "candidates of dense rows" : "assignment of dense rows";
    static constexpr int kThreads = Tiles::kThreads;
    static constexpr std::size_t kSharedBytes = Tiles::kSharedBytes;

    Rows<Dense> rows;
    PackedRows packed;
    PackedColumns columns;
    index_t n, k, n_columns, d_padded;
    double mean_norm;
    Verdict verdict;

    struct Best {
        std::conditional_t<Tiles::kHasRegistersForGroups, LeadingFour, TopTwo> row[Tiles::kRowsPerThread];
    };

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        if (is_halted(verdict.loop)) return;
        const index_t end = kCollect ? verdict.counters->uncertain : verdict.n_active(n);
        const index_t step = block.n_blocks();
        for (index_t at = block.block(); at * Tiles::kTileRows < end; at += step)
            meet_columns(block, at * Tiles::kTileRows, end);
    }

  private:
    // Active rows, or uncertain rows, first .. min(first + kTileRows, end) - 1.
    template <typename Block>
    COTERIE_HOST_DEVICE void meet_columns(Block& block, index_t first, index_t end) const {
        typename Block::template PerThread<Best> best(block);
        const Tiles tiles{packed.values, columns.values, n_columns, d_padded};
        tiles.run(
            block,
            [&](int r) -> index_t {
                const index_t last = end - 1 < first + r ? end - 1 : first + r;
                return kCollect ? verdict.uncertain.row[last] : verdict.active_row(last);
            },
            [&](index_t tile, auto& scores) { take(block, first, end, tile, scores, best); });
        if constexpr (!kCollect) finish(block, first, end, best);
    }

    // Adds where the columns' sums start, uses the tile's scores and clears them.
    template <typename Block, typename PerThreadScores, typename PerThreadBest>
    COTERIE_HOST_DEVICE void take(Block& block, index_t first, index_t end, index_t tile,
                                  PerThreadScores& scores, PerThreadBest& best) const {
        block.each([&](int t) {
            if constexpr (kCollect) {
                list_candidates(t, first, end, tile, scores(t));
            } else {
                for_fours(t, tile, scores(t), [&](int q, const float (&four)[4], std::int32_t c) {
                    best(t).row[q].offer_four(four, c);
                });
            }
        });
    }

    // use(q, four, c): what the thread's q-th row has for the columns c, c + 1, c + 8 and c + 9.
    template <typename Scores, typename Use>
    COTERIE_HOST_DEVICE void for_fours(int t, index_t tile, Scores& scores, const Use& use) const {
#pragma unroll
        for (int p = 0; p < Tiles::kNTiles; p += 2) {
            const index_t c = tile * Tiles::kTileColumns + Tiles::tile_column(t, p);
            const cuda::Two starts[2] = {cuda::two_at(columns.start + c),
                                         cuda::two_at(columns.start + c + 8)};
#pragma unroll
            for (int q = 0; q < Tiles::kRowsPerThread; ++q) {
                float four[4];
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                    float& score = scores.v[q / 2][p + e / 2][2 * (q % 2) + e % 2];
                    four[e] = score + starts[e / 2].v[e % 2];
                    score = 0;
                }
                use(q, four, static_cast<std::int32_t>(c));
            }
        }
    }

    template <typename Scores>
    COTERIE_HOST_DEVICE void list_candidates(int t, index_t first, index_t end, index_t tile,
                                             Scores& scores) const {
        float cut[Tiles::kRowsPerThread];
#pragma unroll
        for (int q = 0; q < Tiles::kRowsPerThread; ++q) {
            const index_t slot = first + Tiles::tile_row(t, q / 2, q % 2);
            cut[q] = slot < end ? verdict.uncertain.cut[slot] : kFloatInfinity;
        }
        for_fours(t, tile, scores, [&](int q, const float (&four)[4], std::int32_t c) {
            if (!(highest_of(four) >= cut[q])) return;
            const index_t slot = first + Tiles::tile_row(t, q / 2, q % 2);
#pragma unroll
            for (int e = 0; e < 4; ++e) {
                const std::int32_t column = c + e / 2 * 8 + e % 2;
                if (four[e] >= cut[q] && slot < end && column < k) verdict.collect(slot, column);
            }
        });
    }

    // Tiles::kParts threads hold a part of each row's columns.
    template <typename Block, typename PerThreadBest>
    COTERIE_HOST_DEVICE void finish(Block& block, index_t first, index_t end, PerThreadBest& best) const {
        constexpr int kParts = Tiles::kParts;
        TopTwo* const parts = block.template shared<TopTwo>(0);  // [kTileRows][kParts]
        block.each([&](int t) {
            const int part = Tiles::part(t);
#pragma unroll
            for (int m = 0; m < Tiles::kMTiles; ++m) {
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    parts[Tiles::tile_row(t, m, half) * kParts + part] = best(t).row[2 * m + half].top_two();
            }
        });
        block.sync();
        block.each([&](int t) {
            if (first + t >= end) return;
            const index_t i = verdict.active_row(first + t);
            TopTwo top;
            for (int p = 0; p < kParts; ++p) top.include(parts[t * kParts + p]);
            const double norm = sqrt(rows.squared_norm[i]), centred = packed.norm[i];
            const double error =
                bf16_bound(*columns.summary, centred, packed.residual[i], norm, mean_norm, d_padded);
            // |x - c|^2 = |x - mu|^2 + |mu|^2 - 2 (<x - mu, c - mu> - bias), and the scores start at shift - bias.
            const double squared_base =
                centred * centred * (1 + 4e-6) + mean_norm * mean_norm + 2 * columns.summary->shift;
            verdict.decide(i, top, error, squared_base, norm, rows.is_cosine);
        });
        block.sync();  // shared memory is free again
    }
};

}  // namespace coterie::cluster::device
