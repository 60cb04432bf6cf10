// The bfloat16 filter of dense rows on matrix units, fused with the search for each row's best: n x k scores exist in
// registers only. What it proves is what filter.hpp says, with the bound of bf16_bound.
#pragma once

#include "cluster/device_rows.hpp"
#include "cuda/emulated_block.hpp"
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

struct AssignCounters {
    std::int64_t uncertain;   // rows in Uncertain
    std::int64_t changed;     // labels that differ from those before
    std::int64_t candidates;  // of the uncertain rows
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

    COTERIE_HOST_DEVICE void decide(index_t i, const TopTwo& top, double error) const {
        // With one column the second score is that of padding, which cuts nothing off.
        const float cut = threshold_below(second == nullptr ? top.best : top.second, 2 * error);
        if (second == nullptr && error < kInfinity && top.second < cut) {
            if (labels[i] != top.column) cuda::atomic_add(&counters->changed, std::int64_t{1});
            labels[i] = top.column;
            return;
        }
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

// Packed rows and columns (centroids), bfloat16, d_padded a multiple of kTileDepth, n_columns of kTileColumns.
struct PackedRows {
    const std::uint16_t* values;   // [n][d_padded]
    const float *norm, *residual;  // [n] of x - mu
};
struct PackedColumns {
    const std::uint16_t* values;  // [n_columns][d_padded], zero beyond k
    const float* start;           // [n_columns], kPadScore beyond k
    const ColumnSummary* summary;
};

// kCollect false: rows 0 .. n-1 are decided. true: the n uncertain rows are scored again, and their candidates listed.
//
// A block takes kTileRows rows down all columns, kTileColumns at a time. Its 8 warps are 4 x 2, each with 64 x 64 scores in
// registers: 4 x 8 products of 16 x 8. Steps of kTileDepth dimensions come through kStages buffers of shared memory by
// asynchronous copies, of which kStages - 1 are under way. A tile row is 64 bytes; its four chunks of 16 bytes are permuted by
// the row (chunk ^ row / 2 % 4), so that the eight rows which a matrix load reads at once lie in different banks.
template <bool kCollect>
struct DenseFilter {
    static constexpr const char* kName = kCollect ? "candidates of dense rows" : "assignment of dense rows";
    static constexpr int kThreads = 256;
    static constexpr int kTileRows = 256, kTileColumns = 128, kTileDepth = 32, kStages = 4;
    static constexpr int kChunk = 8;                        // elements of 16 bytes
    static constexpr int kChunks = kTileDepth / kChunk;     // of a tile row
    static constexpr int kRowsAtOnce = kThreads / kChunks;  // that one round of copies fills
    static constexpr int kStage = (kTileRows + kTileColumns) * kTileDepth;
    static constexpr std::size_t kSharedBytes = std::size_t{kStages} * kStage * sizeof(std::uint16_t);
    static constexpr int kMTiles = 4, kNTiles = 8, kRowsPerThread = 2 * kMTiles;

    Rows<Dense> rows;
    PackedRows packed;
    PackedColumns columns;
    index_t n, k, n_columns, d_padded;
    double mean_norm;
    Verdict verdict;

    struct Sources {
        const std::uint16_t* row[kTileRows / kRowsAtOnce];
        const std::uint16_t* column;
    };
    struct Scores {
        float v[kMTiles][kNTiles][4];
    };
    struct Left {
        std::uint32_t v[kMTiles][4];
    };
    struct Right {
        std::uint32_t v[kNTiles * 2];
    };
    struct Best {
        TopTwo row[kRowsPerThread];
    };

    // Where chunk c of tile row r lies.
    COTERIE_HOST_DEVICE static int place(int r, int c) {
        return r * kTileDepth + (c ^ (r >> 1 & (kChunks - 1))) * kChunk;
    }
    // The row slot of the tile that register pair `half` of product m holds for thread t, and its first column.
    COTERIE_HOST_DEVICE static int tile_row(int t, int m, int half) {
        return t / 64 * 64 + m * 16 + t % 32 / 4 + 8 * half;
    }
    COTERIE_HOST_DEVICE static int tile_column(int t, int product) {
        return t / 32 % 2 * 64 + product * 8 + 2 * (t % 4);
    }
    COTERIE_HOST_DEVICE index_t row_of(index_t slot) const {
        const index_t last = n - 1 < slot ? n - 1 : slot;
        return kCollect ? verdict.uncertain.row[last] : last;
    }

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        const index_t first = block.block() * kTileRows;
        const index_t depth = d_padded / kTileDepth, n_steps = n_columns / kTileColumns * depth;
        typename Block::template PerThread<Sources> sources(block);
        typename Block::template PerThread<Scores> scores(block);
        typename Block::template PerThread<Best> best(block);
        block.each([&](int t) {
            const int chunk = t % kChunks, r = t / kChunks;
#pragma unroll
            for (int q = 0; q < kTileRows / kRowsAtOnce; ++q)
                sources(t).row[q] =
                    packed.values + row_of(first + r + q * kRowsAtOnce) * d_padded + chunk * kChunk;
            sources(t).column = columns.values + r * d_padded + chunk * kChunk;
        });
        index_t loaded = 0, load_tile = 0, load_depth = 0;
        const auto load_next = [&] {
            if (loaded < n_steps) {
                load(block, sources, static_cast<int>(loaded % kStages), load_tile, load_depth);
                ++loaded;
                if (++load_depth == depth) {
                    load_depth = 0;
                    ++load_tile;
                }
            }
            block.commit_copies();  // also an empty group, so that the count of groups is that of steps
        };
        for (int s = 0; s < kStages - 1; ++s) load_next();
        index_t step = 0;
        for (index_t tile = 0; tile * kTileColumns < n_columns; ++tile) {
            for (index_t j = 0; j < depth; ++j, ++step) {
                block.template wait_copies<kStages - 2>();
                block.sync();  // this step's tiles are there, and all are done with those of the step before
                load_next();
                multiply(block, static_cast<int>(step % kStages), scores);
            }
            take(block, first, tile, scores, best);
        }
        if constexpr (!kCollect) finish(block, first, best);
    }

  private:
    template <typename Block, typename PerThreadSources>
    COTERIE_HOST_DEVICE void load(Block& block, PerThreadSources& sources, int stage, index_t tile,
                                  index_t j) const {
        std::uint16_t* const left =
            block.template shared<std::uint16_t>(stage * kStage * sizeof(std::uint16_t));
        std::uint16_t* const right = left + kTileRows * kTileDepth;
        block.each([&](int t) {
            const int chunk = t % kChunks, r = t / kChunks;
#pragma unroll
            for (int q = 0; q < kTileRows / kRowsAtOnce; ++q)
                block.copy_async(left + place(r + q * kRowsAtOnce, chunk),
                                 sources(t).row[q] + j * kTileDepth);
#pragma unroll
            for (int q = 0; q < kTileColumns / kRowsAtOnce; ++q)
                block.copy_async(
                    right + place(r + q * kRowsAtOnce, chunk),
                    sources(t).column + (tile * kTileColumns + q * kRowsAtOnce) * d_padded + j * kTileDepth);
        });
    }

    template <typename Block, typename PerThreadScores>
    COTERIE_HOST_DEVICE void multiply(Block& block, int stage, PerThreadScores& scores) const {
        const std::uint16_t* const left =
            block.template shared<std::uint16_t>(stage * kStage * sizeof(std::uint16_t));
        const std::uint16_t* const right = left + kTileRows * kTileDepth;
        typename Block::template PerThread<Left> a(block);
        typename Block::template PerThread<Right> b(block);
#pragma unroll
        for (int half = 0; half < 2; ++half) {  // of the step's 32 dimensions
#pragma unroll
            for (int m = 0; m < kMTiles; ++m) {
                block.load_matrices([&](int t) {
                    const int lane = t % 32, r = t / 64 * 64 + m * 16 + lane % 16;
                    return cuda::LoadMatrices{left + place(r, 2 * half + lane / 16), a(t).v[m]};
                });
            }
#pragma unroll
            for (int pair = 0; pair < kNTiles / 2; ++pair) {
                block.load_matrices([&](int t) {
                    const int lane = t % 32, c = t / 32 % 2 * 64 + pair * 16 + lane / 16 * 8 + lane % 8;
                    return cuda::LoadMatrices{right + place(c, 2 * half + lane / 8 % 2), b(t).v + 4 * pair};
                });
            }
#pragma unroll
            for (int m = 0; m < kMTiles; ++m) {
#pragma unroll
                for (int p = 0; p < kNTiles; ++p)
                    block.mma([&](int t) {
                        return cuda::MmaRegisters{scores(t).v[m][p], a(t).v[m], b(t).v + 2 * p};
                    });
            }
        }
    }

    // Adds where the columns' sums start, uses the tile's scores and clears them.
    template <typename Block, typename PerThreadScores, typename PerThreadBest>
    COTERIE_HOST_DEVICE void take(Block& block, index_t first, index_t tile, PerThreadScores& scores,
                                  PerThreadBest& best) const {
        block.each([&](int t) {
            [[maybe_unused]] float cut[kRowsPerThread];
            if constexpr (kCollect) {
#pragma unroll
                for (int q = 0; q < kRowsPerThread; ++q) {
                    const index_t slot = first + tile_row(t, q / 2, q % 2);
                    cut[q] = slot < n ? verdict.uncertain.cut[slot] : kFloatInfinity;
                }
            }
#pragma unroll
            for (int p = 0; p < kNTiles; ++p) {
                const index_t c = tile * kTileColumns + tile_column(t, p);
                const float start[2] = {columns.start[c], columns.start[c + 1]};
#pragma unroll
                for (int m = 0; m < kMTiles; ++m) {
#pragma unroll
                    for (int i = 0; i < 4; ++i) {
                        const float score = scores(t).v[m][p][i] + start[i % 2];
                        scores(t).v[m][p][i] = 0;
                        const auto column = static_cast<std::int32_t>(c + i % 2);
                        if constexpr (kCollect) {
                            const index_t slot = first + tile_row(t, m, i / 2);
                            if (score >= cut[2 * m + i / 2] && slot < n && column < k)
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
    COTERIE_HOST_DEVICE void finish(Block& block, index_t first, PerThreadBest& best) const {
        constexpr int kParts = 8;
        TopTwo* const parts = block.template shared<TopTwo>(0);  // [kTileRows][kParts]
        block.template wait_copies<0>();
        block.sync();
        block.each([&](int t) {
            const int part = t / 32 % 2 * 4 + t % 4;
#pragma unroll
            for (int m = 0; m < kMTiles; ++m) {
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    parts[tile_row(t, m, half) * kParts + part] = best(t).row[2 * m + half];
            }
        });
        block.sync();
        block.each([&](int t) {
            const index_t i = first + t;
            if (i >= n) return;
            TopTwo top;
            for (int p = 0; p < kParts; ++p) top.include(parts[t * kParts + p]);
            const double error = bf16_bound(*columns.summary, packed.norm[i], packed.residual[i],
                                            sqrt(rows.squared_norm[i]), mean_norm, d_padded);
            verdict.decide(i, top, error);
        });
    }
};

}  // namespace coterie::cluster::device
