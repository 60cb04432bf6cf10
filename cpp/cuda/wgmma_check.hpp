// Whether a device's wgmma may be used: asked of the device itself, by products whose values are known.
#pragma once

#include <string>

#include "cuda/device.hpp"
#include "cuda/wgmma_product.hpp"

namespace coterie::cuda {

// out[b][r][c] = the product of row r and column c, the same in every block b.
struct WgmmaProbe {
    using Tiles = WgmmaProduct;
    static constexpr const char* kName = "check of wgmma";
    static constexpr int kThreads = Tiles::kThreads;
    static constexpr std::size_t kSharedBytes = Tiles::kSharedBytes;

    Tiles tiles;  // of kTileRows rows
    float* out;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        float* const mine = out + block.block() * Tiles::kTileRows * tiles.n_columns;
        tiles.run(
            block, [](int r) -> index_t { return r; },
            [&](index_t tile, auto& scores) {
                block.each([&](int t) {
#pragma unroll
                    for (int m = 0; m < Tiles::kMTiles; ++m) {
#pragma unroll
                        for (int p = 0; p < Tiles::kNTiles; ++p) {
#pragma unroll
                            for (int i = 0; i < 4; ++i) {
                                const index_t c =
                                    tile * Tiles::kTileColumns + Tiles::tile_column(t, p) + i % 2;
                                mine[Tiles::tile_row(t, m, i / 2) * tiles.n_columns + c] =
                                    scores(t).v[m][p][i];
                                scores(t).v[m][p][i] = 0;
                            }
                        }
                    }
                });
            });
    }
};

using LaunchProbe = void (*)(Device& device, const WgmmaProbe& program, index_t n_blocks);
// On a CUDA device (cuda_wgmma_check.cu, no_cuda.cpp).
void cuda_launch_probe(Device& device, const WgmmaProbe& program, index_t n_blocks);

// Empty if all products are right; else the first that is not. Of small integers, so that no rounding hides anything.
std::string wgmma_problem(Device& device, LaunchProbe launch);

struct WgmmaState {
    bool is_used = false;
    std::string why;  // it is not
};
// Asks the device once in a process. COTERIE_CUDA_WGMMA=0 in the environment: it is not used.
WgmmaState wgmma_state(Device& device);

}  // namespace coterie::cuda
