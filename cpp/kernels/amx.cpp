// AMX-BF16: tiles of 16 rows x 64 bytes, a product of 16 x 32 by 32 x 16 bfloat16 in 16 cycles.
#include <asm/prctl.h>
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernels/bf16_rows.hpp"
#include "kernels/tables.hpp"

namespace coterie::kernels {
namespace {

constexpr index_t kElementsPerLine = 32;  // bfloat16 in a cache line
constexpr int kTileDataFeature = 18;  // XCR0 bit of the tile registers, and what the permission call names

struct alignas(64) TileConfig {
    std::uint8_t palette = 1;
    std::uint8_t start_row = 0;
    std::uint8_t reserved[14] = {};
    std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// 2 x 2 tiles of scores (32 rows x 32 columns) stay in tiles 0 to 3. A step of 32 dimensions takes 64 cycles of the tile
// unit and 4 KiB of loads; the rows' half comes from the first-level cache, the centroids' half from the second, so the
// next step's centroid tiles are prefetched. So are the rows that follow, which the next call is likely to score: they come
// from memory, a few lines a step.
void score_block(const std::uint16_t* rows, index_t ld_rows, const std::uint16_t* packed, const float* start,
                 index_t k_padded, index_t d_padded, float* scores, index_t ld) noexcept {
    const TileConfig config;
    _tile_loadconfig(&config);
    const index_t depth = d_padded / kBf16Depth;
    const std::uint16_t* const lower = rows + kBf16Columns * ld_rows;
    const index_t row_stride = ld_rows * 2, score_stride = ld * 4;
    const std::uint16_t* ahead = rows + kBf16Rows * ld_rows;
    const std::uint16_t* const ahead_end = ahead + kBf16Rows * ld_rows;
    const index_t steps = k_padded / (2 * kBf16Columns) * depth;
    const index_t lines_per_step = ceil_div(ceil_div(kBf16Rows * ld_rows, kElementsPerLine), steps);
    for (index_t c = 0; c < k_padded; c += 2 * kBf16Columns) {
        const std::uint16_t* left = packed + c / kBf16Columns * depth * kBf16Tile;
        const std::uint16_t* right = left + depth * kBf16Tile;
        _tile_loadd(0, start + c, 0);  // stride 0: every row starts from the same line
        _tile_loadd(1, start + c + kBf16Columns, 0);
        _tile_loadd(2, start + c, 0);
        _tile_loadd(3, start + c + kBf16Columns, 0);
        for (index_t t = 0; t < depth; ++t, left += kBf16Tile, right += kBf16Tile) {
            _tile_loadd(4, rows + t * kBf16Depth, row_stride);
            _tile_loadd(6, left, 64);
            _tile_loadd(7, right, 64);
            _tile_loadd(5, lower + t * kBf16Depth, row_stride);
            for (int line = 0; line < 16; ++line) {
                __builtin_prefetch(left + 2 * kBf16Tile + line * 32);
                __builtin_prefetch(right + 2 * kBf16Tile + line * 32);
            }
            for (index_t line = 0; line < lines_per_step && ahead < ahead_end;
                 ++line, ahead += kElementsPerLine)
                __builtin_prefetch(ahead, 0, 2);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
        _tile_stored(0, scores + c, score_stride);
        _tile_stored(1, scores + c + kBf16Columns, score_stride);
        _tile_stored(2, scores + kBf16Columns * ld + c, score_stride);
        _tile_stored(3, scores + kBf16Columns * ld + c + kBf16Columns, score_stride);
    }
    _tile_release();
}

bool processor_has_amx_bf16() {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24;
    return (d & kAmxBf16) != 0 && (d & kAmxTile) != 0;
}

bool system_saves_tiles() {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (1u << 27)) == 0) return false;  // OSXSAVE
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low >> 17 & 3u) == 3u;  // TILECFG and TILEDATA
}

// Linux gives the tile registers to a process only after it asked; the permission covers all its threads.
bool system_permits_tiles() {
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, kTileDataFeature) == 0;
}

}  // namespace

const Bf16Table* amx_bf16_table() {
    static const bool usable = processor_has_amx_bf16() && system_saves_tiles() && system_permits_tiles();
    static constexpr Bf16Table table = {pack_rows, score_block};
    return usable ? &table : nullptr;
}

}  // namespace coterie::kernels
