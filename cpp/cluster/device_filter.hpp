// The bfloat16 filter of dense rows on matrix units, fused with the search for each row's best: n x k scores exist in
// registers only. What it proves is what filter.hpp says, with the bound of bf16_bound.
#pragma once

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

    COTERIE_HOST_DEVICE void offer(float score, std::int32_t c) {
        if (score > best) {
            second = best;
            best = score;
            column = c;
        } else if (score > second) {
            second = score;
        }
    }
    COTERIE_HOST_DEVICE void include(const TopTwo& other) {
        offer(other.best, other.column);
        if (other.second > second) second = other.second;
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
        TopTwo row[Tiles::kRowsPerThread];
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
            [[maybe_unused]] float cut[Tiles::kRowsPerThread];
            if constexpr (kCollect) {
#pragma unroll
                for (int q = 0; q < Tiles::kRowsPerThread; ++q) {
                    const index_t slot = first + Tiles::tile_row(t, q / 2, q % 2);
                    cut[q] = slot < end ? verdict.uncertain.cut[slot] : kFloatInfinity;
                }
            }
#pragma unroll
            for (int p = 0; p < Tiles::kNTiles; ++p) {
                const index_t c = tile * Tiles::kTileColumns + Tiles::tile_column(t, p);
                const float start[2] = {columns.start[c], columns.start[c + 1]};
#pragma unroll
                for (int m = 0; m < Tiles::kMTiles; ++m) {
#pragma unroll
                    for (int i = 0; i < 4; ++i) {
                        const float score = scores(t).v[m][p][i] + start[i % 2];
                        scores(t).v[m][p][i] = 0;
                        const auto column = static_cast<std::int32_t>(c + i % 2);
                        if constexpr (kCollect) {
                            const index_t slot = first + Tiles::tile_row(t, m, i / 2);
                            if (score >= cut[2 * m + i / 2] && slot < end && column < k)
                                verdict.collect(slot, column);
                        } else {
                            best(t).row[2 * m + i / 2].offer(score, column);
                        }
                    }
                }
            }
        });
    }

    // Eight threads hold a part of each row's columns.
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
                    parts[Tiles::tile_row(t, m, half) * kParts + part] = best(t).row[2 * m + half];
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
