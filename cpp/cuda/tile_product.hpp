// The products of packed bfloat16 rows and columns on matrix units, tile by tile, for programs that use the scores as they
// come: n x k of them exist in registers only.
#pragma once

#include "cuda/emulated_block.hpp"
#include "cuda/packed_tiles.hpp"

namespace coterie::cuda {

// The 8 warps of a block are 4 x 2, each with 64 x 64 scores in registers: 4 x 8 products of 16 x 8. All but one of the buffers
// are on their way while one is multiplied.
struct TileProduct : PackedTiles {
    static constexpr std::size_t kStageBytes = kRowsBytes + kColumnsBytes;
    static constexpr std::size_t kSharedBytes = kStages * kStageBytes;
    static constexpr int kMTiles = 4, kNTiles = 8, kRowsPerThread = 2 * kMTiles;
    // Threads that share the columns of a tile of one row.
    static constexpr int kParts = 8;
    // Whether a thread has registers left for four scores of each of its rows.
    static constexpr bool kHasRegistersForGroups = false;

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
        const index_t depth = steps_of_depth(), steps = n_steps();
        typename Block::template PerThread<Sources> sources(block);
        typename Block::template PerThread<Scores> scores(block);
        find_sources(block, sources, row_of);
        Cursor next;
        const auto load_next = [&] {
            if (next.step < steps) {
                const std::size_t at = stage(next.step);
                load_rows(block, sources, at, next.depth);
                load_columns(block, sources, at + kRowsBytes, next);
                next.advance(depth);
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
                multiply(block, stage(step), scores);
            }
            take(tile, scores);
        }
        block.template wait_copies<0>();
        block.sync();  // shared memory is free again
    }

  private:
    struct Left {
        std::uint32_t v[kMTiles][4];
    };
    struct Right {
        std::uint32_t v[kNTiles * 2];
    };

    // The byte of shared memory where a step's rows begin; its columns follow.
    COTERIE_HOST_DEVICE static std::size_t stage(index_t step) {
        return static_cast<std::size_t>(step % kStages) * kStageBytes;
    }

    template <typename Block, typename PerThreadScores>
    COTERIE_HOST_DEVICE void multiply(Block& block, std::size_t at, PerThreadScores& scores) const {
        const std::uint16_t* const left = block.template shared<std::uint16_t>(at);
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
