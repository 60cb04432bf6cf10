// The products of packed bfloat16 rows and columns on matrix units, tile by tile, for programs that use the scores as they
// come: n x k of them exist in registers only.
#pragma once

#include "core/types.hpp"
#include "cuda/emulated_block.hpp"

namespace coterie::cuda {

// A block of 256 threads takes kTileRows rows down all columns, kTileColumns at a time. Its 8 warps are 4 x 2, each with 64 x 64
// scores in registers: 4 x 8 products of 16 x 8. Steps of kTileDepth dimensions come through kStages buffers of shared memory
// by asynchronous copies, of which kStages - 1 are under way. A tile row is 64 bytes; its four chunks of 16 bytes are permuted by
// the row (chunk ^ row / 2 % 4), so that the eight rows which a matrix load reads at once lie in different banks.
struct TileProduct {
    static constexpr int kThreads = 256;
    static constexpr int kTileRows = 256, kTileColumns = 128, kTileDepth = 32, kStages = 4;
    static constexpr int kChunk = 8;                        // elements of 16 bytes
    static constexpr int kChunks = kTileDepth / kChunk;     // of a tile row
    static constexpr int kRowsAtOnce = kThreads / kChunks;  // that one round of copies fills
    static constexpr int kStage = (kTileRows + kTileColumns) * kTileDepth;
    static constexpr std::size_t kSharedBytes = std::size_t{kStages} * kStage * sizeof(std::uint16_t);
    static constexpr int kMTiles = 4, kNTiles = 8, kRowsPerThread = 2 * kMTiles;
    // Threads that share the columns of a tile of one row.
    static constexpr int kParts = 8;

    const std::uint16_t* rows;     // [n][d_padded], d_padded a multiple of kTileDepth
    const std::uint16_t* columns;  // [n_columns][d_padded], n_columns a multiple of kTileColumns
    index_t n_columns, d_padded;

    // Register 2 i + h of product (m, p) of thread t is the score of row tile_row(t, m, i) and column tile_column(t, p) + h.
    struct Scores {
        float v[kMTiles][kNTiles][4];
    };

    COTERIE_HOST_DEVICE static int tile_row(int t, int m, int half) {
        return t / 64 * 64 + m * 16 + t % 32 / 4 + 8 * half;
    }
    COTERIE_HOST_DEVICE static int tile_column(int t, int product) {
        return t / 32 % 2 * 64 + product * 8 + 2 * (t % 4);
    }
    // Which of the kParts threads of a row thread t is.
    COTERIE_HOST_DEVICE static int part(int t) { return t / 32 % 2 * 4 + t % 4; }

    // row_of(r): the packed row that tile row r is. take(tile, scores) uses the scores of columns tile * kTileColumns on and
    // leaves them zero; it must not touch shared memory.
    template <typename Block, typename RowOf, typename Take>
    COTERIE_HOST_DEVICE void run(Block& block, const RowOf& row_of, const Take& take) const {
        const index_t depth = d_padded / kTileDepth, n_steps = n_columns / kTileColumns * depth;
        typename Block::template PerThread<Sources> sources(block);
        typename Block::template PerThread<Scores> scores(block);
        block.each([&](int t) {
            const int chunk = t % kChunks, r = t / kChunks;
#pragma unroll
            for (int q = 0; q < kTileRows / kRowsAtOnce; ++q)
                sources(t).row[q] = rows + row_of(r + q * kRowsAtOnce) * d_padded + chunk * kChunk;
            sources(t).column = columns + r * d_padded + chunk * kChunk;
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
            take(tile, scores);
        }
        block.template wait_copies<0>();
        block.sync();  // shared memory is free again
    }

  private:
    struct Sources {
        const std::uint16_t* row[kTileRows / kRowsAtOnce];
        const std::uint16_t* column;
    };
    struct Left {
        std::uint32_t v[kMTiles][4];
    };
    struct Right {
        std::uint32_t v[kNTiles * 2];
    };

    // Where chunk c of tile row r lies.
    COTERIE_HOST_DEVICE static int place(int r, int c) {
        return r * kTileDepth + (c ^ (r >> 1 & (kChunks - 1))) * kChunk;
    }

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
                    return LoadMatrices{left + place(r, 2 * half + lane / 16), a(t).v[m]};
                });
            }
#pragma unroll
            for (int pair = 0; pair < kNTiles / 2; ++pair) {
                block.load_matrices([&](int t) {
                    const int lane = t % 32, c = t / 32 % 2 * 64 + pair * 16 + lane / 16 * 8 + lane % 8;
                    return LoadMatrices{right + place(c, 2 * half + lane / 8 % 2), b(t).v + 4 * pair};
                });
            }
#pragma unroll
            for (int m = 0; m < kMTiles; ++m) {
#pragma unroll
                for (int p = 0; p < kNTiles; ++p)
                    block.mma(
                        [&](int t) { return MmaRegisters{scores(t).v[m][p], a(t).v[m], b(t).v + 2 * p}; });
            }
        }
    }
};

}  // namespace coterie::cuda
