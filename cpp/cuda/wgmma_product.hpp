// The products of tile_product.hpp by the matrix units of Hopper (compute capability 9.0), which read shared memory themselves.
#pragma once

#include "cuda/emulated_block.hpp"
#include "cuda/packed_tiles.hpp"

namespace coterie::cuda {

// A block is two warpgroups; one has 128 x 128 scores in registers, two products of 64 x 128. Rows of up to kMostResident
// dimensions are brought to shared memory once; of longer ones the first dimensions stay there, and the others, which share
// kStages buffers, come again with every tile of columns. Two buffers are on their way; the product of one step is still
// under way when that of the next begins. Groups of eight tile rows are 512 bytes apart.
struct WgmmaProduct : PackedTiles {
    static constexpr int kWarpgroup = 128;
    static constexpr index_t kMostResident = 384;
    static constexpr index_t kRowPlaces = kMostResident / kTileDepth;  // more than kStages
    static constexpr std::size_t kRowRoom = static_cast<std::size_t>(kRowPlaces) * kRowsBytes;
    static constexpr std::size_t kSharedBytes = kRowRoom + kStages * kColumnsBytes;
    static constexpr int kMTiles = 2, kNTiles = 16, kRowsPerThread = 2 * kMTiles;
    // Threads that share the columns of a tile of one row.
    static constexpr int kParts = 4;
    static constexpr bool kHasRegistersForGroups = true;

    // Register 2 i + h of part p of product m of thread t is the score of row tile_row(t, m, i) and column tile_column(t, p) + h.
    struct Scores {
        float v[kMTiles][kNTiles][4];
    };

    COTERIE_HOST_DEVICE static int tile_row(int t, int m, int half) {
        return t / kWarpgroup * 128 + m * 64 + t % kWarpgroup / 32 * 16 + t % 32 / 4 + 8 * half;
    }
    COTERIE_HOST_DEVICE static int tile_column(int t, int product) { return product * 8 + 2 * (t % 4); }
    COTERIE_HOST_DEVICE static int part(int t) { return t % 4; }

    // As TileProduct::run.
    template <typename Block, typename RowOf, typename Take>
    COTERIE_HOST_DEVICE void run(Block& block, const RowOf& row_of, const Take& take) const {
        const index_t depth = steps_of_depth(), steps = n_steps();
        const index_t n_resident = depth <= kRowPlaces ? depth : kRowPlaces - kStages;
        typename Block::template PerThread<Sources> sources(block);
        typename Block::template PerThread<Scores> scores(block);
        find_sources(block, sources, row_of);
        Cursor next;
        const auto load_next = [&] {
            if (next.step < steps) {
                if (next.tile == 0 || next.depth >= n_resident)
                    load_rows(block, sources, row_place(next.step, next.depth, n_resident), next.depth);
                load_columns(block, sources, column_place(next.step), next);
                next.advance(depth);
            }
            block.commit_copies();  // also an empty group, so that the count of groups is that of steps
        };
        for (int s = 0; s < kStages - 2; ++s) load_next();
        index_t step = 0;
        for (index_t tile = 0; tile * kTileColumns < n_columns; ++tile) {
            hold(block, scores);
            for (index_t j = 0; j < depth; ++j, ++step) {
                block.template wait_copies<kStages - 3>();
                block.show_copies_to_wgmma();
                // This step's tiles are there, and the product of the step before the last is over in all threads.
                block.sync();
                load_next();  // into the place of that one
                multiply(block, row_place(step, j, n_resident), column_place(step), scores);
                block.template wait_wgmma<1>();
            }
            block.template wait_wgmma<0>();
            hold(block, scores);
            take(tile, scores);
        }
        block.template wait_copies<0>();
        block.sync();  // shared memory is free again
    }

  private:
    template <typename Block, typename PerThreadScores>
    COTERIE_HOST_DEVICE static void hold(Block& block, PerThreadScores& scores) {
#pragma unroll
        for (int m = 0; m < kMTiles; ++m) block.hold_wgmma([&](int t) { return scores(t).v[m][0]; });
    }

    // Bytes of shared memory where the rows and columns of a step begin, j its place in the depth.
    COTERIE_HOST_DEVICE static std::size_t row_place(index_t step, index_t j, index_t n_resident) {
        return static_cast<std::size_t>(j < n_resident ? j : n_resident + step % kStages) * kRowsBytes;
    }
    COTERIE_HOST_DEVICE static std::size_t column_place(index_t step) {
        return kRowRoom + static_cast<std::size_t>(step % kStages) * kColumnsBytes;
    }
    // Matrix descriptor of rows from this byte of shared memory on: 64-byte swizzle, eight rows in 512 bytes.
    COTERIE_HOST_DEVICE static std::uint64_t descriptor(std::uint64_t byte) {
        return (byte & 0x3FFFF) >> 4 | std::uint64_t{1} << 16 | std::uint64_t{512 >> 4} << 32 |
               std::uint64_t{2} << 62;
    }

    template <typename Block, typename PerThreadScores>
    COTERIE_HOST_DEVICE void multiply(Block& block, std::size_t row_at, std::size_t column_at,
                                      PerThreadScores& scores) const {
        const std::uint64_t left = block.shared_address(row_at), right = block.shared_address(column_at);
        block.fence_wgmma();
#pragma unroll
        for (int half = 0; half < 2; ++half) {  // of the step's 32 dimensions
#pragma unroll
            for (int m = 0; m < kMTiles; ++m) {
                block.wgmma([&](int t) {
                    const std::uint64_t first_row = static_cast<std::uint64_t>(t / kWarpgroup * 128 + m * 64);
                    return WgmmaRegisters{
                        scores(t).v[m][0],
                        descriptor(left + first_row * kRowBytes + static_cast<std::uint64_t>(half) * 32),
                        descriptor(right + static_cast<std::uint64_t>(half) * 32)};
                });
            }
        }
        block.commit_wgmma();
    }
};

}  // namespace coterie::cuda
