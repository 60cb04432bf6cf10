// The products of tile_product.hpp by the matrix units of Hopper (compute capability 9.0), which read shared memory themselves.
#pragma once

#include "core/types.hpp"
#include "cuda/emulated_block.hpp"
#include "cuda/host_device.hpp"

namespace coterie::cuda {

// A block of 256 threads, two warpgroups, takes kTileRows rows down all columns, kTileColumns at a time; a warpgroup has 128 x
// 128 scores in registers, two products of 64 x 128. Rows of up to kMostResident dimensions are brought to shared memory once;
// longer ones come with every tile of columns. Steps of kTileDepth dimensions come through kStages buffers by asynchronous
// copies, two of them under way; the product of one step is still under way when that of the next begins.
//
// A tile row of a step is 64 bytes, its four chunks of 16 bytes permuted by the row (chunk ^ row / 2 % 4): the 64-byte swizzle
// of the PTX manual's matrix descriptors, whose groups of eight rows are 512 bytes apart.
struct WgmmaProduct {
    static constexpr int kThreads = 256, kWarpgroup = 128;
    static constexpr int kTileRows = 256, kTileColumns = 128, kTileDepth = 32, kStages = 4;
    static constexpr index_t kMostResident = 384;
    static constexpr int kChunk = 8;                        // elements of 16 bytes
    static constexpr int kChunks = kTileDepth / kChunk;     // of a tile row
    static constexpr int kRowsAtOnce = kThreads / kChunks;  // that one round of copies fills
    static constexpr std::size_t kRowBytes = kTileDepth * sizeof(std::uint16_t);
    static constexpr std::size_t kRowsBytes = kTileRows * kRowBytes;  // of a step
    static constexpr std::size_t kColumnsBytes = kTileColumns * kRowBytes;
    static constexpr std::size_t kRowRoom = kMostResident / kTileDepth * kRowsBytes;  // >= kStages steps
    static constexpr std::size_t kSharedBytes = kRowRoom + kStages * kColumnsBytes;
    static constexpr int kMTiles = 2, kNTiles = 16, kRowsPerThread = 2 * kMTiles;
    // Threads that share the columns of a tile of one row.
    static constexpr int kParts = 4;

    const std::uint16_t* rows;     // [n][d_padded], d_padded a multiple of kTileDepth
    const std::uint16_t* columns;  // [n_columns][d_padded], n_columns a multiple of kTileColumns
    index_t n_columns, d_padded;

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
        const index_t depth = d_padded / kTileDepth, n_steps = n_columns / kTileColumns * depth;
        const bool is_resident = d_padded <= kMostResident;
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
                if (!is_resident || load_tile == 0)
                    load_rows(block, sources, row_place(loaded, load_depth, is_resident), load_depth);
                load_columns(block, sources, loaded, load_tile, load_depth);
                ++loaded;
                if (++load_depth == depth) {
                    load_depth = 0;
                    ++load_tile;
                }
            }
            block.commit_copies();  // also an empty group, so that the count of groups is that of steps
        };
        for (int s = 0; s < kStages - 2; ++s) load_next();
        index_t step = 0;
        for (index_t tile = 0; tile * kTileColumns < n_columns; ++tile) {
            for (index_t j = 0; j < depth; ++j, ++step) {
                block.template wait_copies<kStages - 3>();
                block.show_copies_to_wgmma();
                block
                    .sync();  // this step's tiles are there; the product of the step before the last is over in all threads
                load_next();  // into the place of that one
                multiply(block, row_place(step, j, is_resident), column_place(step), scores);
                block.template wait_wgmma<1>();
            }
            block.template wait_wgmma<0>();
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

    // Bytes of shared memory where the rows and columns of a step begin, j its place in the depth.
    COTERIE_HOST_DEVICE static std::size_t row_place(index_t step, index_t j, bool is_resident) {
        return static_cast<std::size_t>(is_resident ? j : step % kStages) * kRowsBytes;
    }
    COTERIE_HOST_DEVICE static std::size_t column_place(index_t step) {
        return kRowRoom + static_cast<std::size_t>(step % kStages) * kColumnsBytes;
    }
    // Where chunk c of tile row r lies, in elements.
    COTERIE_HOST_DEVICE static int place(int r, int c) {
        return r * kTileDepth + (c ^ (r >> 1 & (kChunks - 1))) * kChunk;
    }

    template <typename Block, typename PerThreadSources>
    COTERIE_HOST_DEVICE void load_rows(Block& block, PerThreadSources& sources, std::size_t at,
                                       index_t j) const {
        std::uint16_t* const to = block.template shared<std::uint16_t>(at);
        block.each([&](int t) {
#pragma unroll
            for (int q = 0; q < kTileRows / kRowsAtOnce; ++q)
                block.copy_async(to + place(t / kChunks + q * kRowsAtOnce, t % kChunks),
                                 sources(t).row[q] + j * kTileDepth);
        });
    }

    template <typename Block, typename PerThreadSources>
    COTERIE_HOST_DEVICE void load_columns(Block& block, PerThreadSources& sources, index_t step, index_t tile,
                                          index_t j) const {
        std::uint16_t* const to = block.template shared<std::uint16_t>(column_place(step));
        block.each([&](int t) {
#pragma unroll
            for (int q = 0; q < kTileColumns / kRowsAtOnce; ++q)
                block.copy_async(
                    to + place(t / kChunks + q * kRowsAtOnce, t % kChunks),
                    sources(t).column + (tile * kTileColumns + q * kRowsAtOnce) * d_padded + j * kTileDepth);
        });
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
