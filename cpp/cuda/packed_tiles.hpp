// Tiles of packed bfloat16 rows and columns on their way to shared memory: what the products of tile_product.hpp and of
// wgmma_product.hpp have in common.
#pragma once

#include "core/types.hpp"
#include "cuda/host_device.hpp"

namespace coterie::cuda {

// What a thread needs for its two columns, read at once. even: of an even place, counted from memory of the device.
struct alignas(8) Two {
    float v[2];
};
COTERIE_HOST_DEVICE inline Two two_at(const float* even) {
    return *reinterpret_cast<const Two*>(even);
}

// A block of 256 threads takes kTileRows rows down all columns, kTileColumns at a time, in steps of kTileDepth dimensions that
// come through kStages buffers by asynchronous copies. A tile row of a step is 64 bytes; its four chunks of 16 bytes are permuted
// by the row (chunk ^ row / 2 % 4), so that the eight rows which a matrix load reads at once lie in different banks: the 64-byte
// swizzle of the PTX manual's matrix descriptors.
struct PackedTiles {
    static constexpr int kThreads = 256;
    static constexpr int kTileRows = 256, kTileColumns = 128, kTileDepth = 32, kStages = 4;
    static constexpr int kChunk = 8;                        // elements of 16 bytes
    static constexpr int kChunks = kTileDepth / kChunk;     // of a tile row
    static constexpr int kRowsAtOnce = kThreads / kChunks;  // that one round of copies fills
    static constexpr std::size_t kRowBytes = kTileDepth * sizeof(std::uint16_t);
    static constexpr std::size_t kRowsBytes = kTileRows * kRowBytes;  // of a step
    static constexpr std::size_t kColumnsBytes = kTileColumns * kRowBytes;

    const std::uint16_t* rows;     // [n][d_padded], d_padded a multiple of kTileDepth
    const std::uint16_t* columns;  // [n_columns][d_padded], n_columns a multiple of kTileColumns
    index_t n_columns, d_padded;

  protected:
    // Where a thread's chunks come from: of every kRowsAtOnce-th tile row, and of the tile's first columns.
    struct Sources {
        const std::uint16_t* row[kTileRows / kRowsAtOnce];
        const std::uint16_t* column;
    };
    // The step that is loaded next: tile of columns, and place in the depth.
    struct Cursor {
        index_t step = 0, tile = 0, depth = 0;

        COTERIE_HOST_DEVICE void advance(index_t steps_of_depth) {
            ++step;
            if (++depth < steps_of_depth) return;
            depth = 0;
            ++tile;
        }
    };

    COTERIE_HOST_DEVICE index_t steps_of_depth() const { return d_padded / kTileDepth; }
    COTERIE_HOST_DEVICE index_t n_steps() const { return n_columns / kTileColumns * steps_of_depth(); }

    // Where chunk c of tile row r lies, in elements.
    COTERIE_HOST_DEVICE static int place(int r, int c) {
        return r * kTileDepth + (c ^ (r >> 1 & (kChunks - 1))) * kChunk;
    }

    // row_of(r): the packed row that tile row r is.
    template <typename Block, typename PerThreadSources, typename RowOf>
    COTERIE_HOST_DEVICE void find_sources(Block& block, PerThreadSources& sources,
                                          const RowOf& row_of) const {
        block.each([&](int t) {
            const int chunk = t % kChunks, r = t / kChunks;
#pragma unroll
            for (int q = 0; q < kTileRows / kRowsAtOnce; ++q)
                sources(t).row[q] = rows + row_of(r + q * kRowsAtOnce) * d_padded + chunk * kChunk;
            sources(t).column = columns + r * d_padded + chunk * kChunk;
        });
    }

    // To this byte of shared memory: the rows' step j of the depth.
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
    COTERIE_HOST_DEVICE void load_columns(Block& block, PerThreadSources& sources, std::size_t at,
                                          const Cursor& next) const {
        std::uint16_t* const to = block.template shared<std::uint16_t>(at);
        block.each([&](int t) {
#pragma unroll
            for (int q = 0; q < kTileColumns / kRowsAtOnce; ++q)
                block.copy_async(to + place(t / kChunks + q * kRowsAtOnce, t % kChunks),
                                 sources(t).column + (next.tile * kTileColumns + q * kRowsAtOnce) * d_padded +
                                     next.depth * kTileDepth);
        });
    }
};

}  // namespace coterie::cuda
