// AMX: tiles of 16 rows x 64 bytes, a product of 16 x 32 by 32 x 16 bfloat16, or 16 x 64 by 64 x 16 bytes, in 16 cycles.
#include <asm/prctl.h>
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernels/bf16_rows.hpp"
#include "kernels/int8_rows.hpp"
#include "kernels/tables.hpp"
#include "kernels/wanted_rows.hpp"

namespace coterie::kernels {
namespace {

constexpr index_t kLineBytes = 64;    // of a cache line, and of a row of a tile
constexpr int kTileDataFeature = 18;  // XCR0 bit of the tile registers, and what the permission call names

struct alignas(64) TileConfig {
    std::uint8_t palette = 1;
    std::uint8_t start_row = 0;
    std::uint8_t reserved[14] = {};
    std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

constexpr TileConfig
    kTileConfig;  // static: the compiler takes its load for one of 8 bytes and drops other stores

// The block of rows that follows that of a call, which the next call is likely to score: asked for a few lines a step.
struct RowsAhead {
    RowsAhead(const void* rows, index_t row_bytes, index_t steps)
        : next(static_cast<const std::uint8_t*>(rows) + kBf16Rows * row_bytes),
          end(next + kBf16Rows * row_bytes),
          lines_per_step(ceil_div(ceil_div(kBf16Rows * row_bytes, kLineBytes), steps)) {}

    void fetch() {
        for (index_t line = 0; line < lines_per_step && next < end; ++line, next += kLineBytes)
            __builtin_prefetch(next, 0, 2);
    }

    const std::uint8_t* next;
    const std::uint8_t* end;
    index_t lines_per_step;
};
static_assert(kInt8Rows == kBf16Rows && kInt8Columns == kBf16Columns);

// Tiles 0 to 3 are 32 rows x 32 columns of sums; every row starts from the same line.
template <typename T>
void start_pair(const T* start) noexcept {
    _tile_loadd(0, start, 0);
    _tile_loadd(1, start + kBf16Columns, 0);
    _tile_loadd(2, start, 0);
    _tile_loadd(3, start + kBf16Columns, 0);
}

template <typename T>
void store_pair(T* sums, index_t ld) noexcept {
    _tile_stored(0, sums, ld * 4);
    _tile_stored(1, sums + kBf16Columns, ld * 4);
    _tile_stored(2, sums + kBf16Columns * ld, ld * 4);
    _tile_stored(3, sums + kBf16Columns * ld + kBf16Columns, ld * 4);
}

// The step's tiles: two of rows, two of columns. The rows stay in the first-level cache from one pair of column blocks to the
// next; the columns stream past it from the second, or the rows would be gone whenever they are wanted again.
void load_step(const void* upper, const void* lower, index_t row_bytes, const void* left,
               const void* right) noexcept {
    _tile_loadd(4, upper, row_bytes);
    _tile_stream_loadd(6, left, kLineBytes);
    _tile_stream_loadd(7, right, kLineBytes);
    _tile_loadd(5, lower, row_bytes);
}

// 2 x 2 tiles of scores stay in tiles 0 to 3. A step of 32 dimensions takes 64 cycles of the tile unit and 4 KiB of loads.
void multiply_pair(const std::uint16_t* rows, index_t ld_rows, const std::uint16_t* left, const float* start,
                   index_t depth, RowsAhead& ahead) noexcept {
    const std::uint16_t* const lower = rows + kBf16Columns * ld_rows;
    const std::uint16_t* right = left + depth * kBf16Tile;
    start_pair(start);
    for (index_t t = 0; t < depth; ++t, left += kBf16Tile, right += kBf16Tile) {
        load_step(rows + t * kBf16Depth, lower + t * kBf16Depth, ld_rows * 2, left, right);
        ahead.fetch();
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
}

void score_block(const std::uint16_t* rows, index_t ld_rows, const std::uint16_t* packed, const float* start,
                 index_t k_padded, index_t d_padded, float* scores, index_t ld) noexcept {
    _tile_loadconfig(&kTileConfig);
    const index_t depth = d_padded / kBf16Depth;
    RowsAhead ahead(rows, ld_rows * 2, k_padded / (2 * kBf16Columns) * depth);
    for (index_t c = 0; c < k_padded; c += 2 * kBf16Columns) {
        multiply_pair(rows, ld_rows, packed + c * d_padded, start + c, depth, ahead);
        store_pair(scores + c, ld);
    }
    _tile_release();
}

// Storing all scores would bring their lines from the second-level cache and send them back, for a quarter of the tiles' time.
// A block is searched while the tile unit works on the next: fill(c), then collect(block, c).
template <typename T, typename Fill, typename Collect>
void search_blocks(index_t k_padded, const Fill& fill, const Collect& collect) noexcept {
    _tile_loadconfig(&kTileConfig);
    Block<T> blocks[2];
    Block<T>*block = &blocks[0], *before = &blocks[1];
    for (index_t c = 0; c < k_padded; c += kBlockColumns) {
        fill(c);
        if (c > 0) collect(*before, c - kBlockColumns);
        store_pair(block->values, kBlockColumns);
        Block<T>* const full = block;
        block = before;
        before = full;
    }
    _tile_release();
    collect(*before, k_padded - kBlockColumns);
}

void find_wanted(const std::uint16_t* rows, index_t ld_rows, const std::uint16_t* packed, const float* start,
                 index_t k_padded, index_t d_padded, const ScoreCuts& cuts, const ScoreHits& hits) noexcept {
    const index_t depth = d_padded / kBf16Depth;
    RowsAhead ahead(rows, ld_rows * 2, k_padded / kBlockColumns * depth);
    search_blocks<float>(
        k_padded,
        [&](index_t c) { multiply_pair(rows, ld_rows, packed + c * d_padded, start + c, depth, ahead); },
        [&](const Block<float>& block, index_t c) { collect_wanted(block, c, cuts, hits); });
}

constexpr index_t kPair = 2 * kInt8Columns;

// Sums become scores, 32 rows x 32 columns: two pairs of tiles after they were stored, while the tile unit works.
void scale_scores(const float* row_scale, const Int8Columns& columns, index_t c, float* scores,
                  index_t ld) noexcept {
    const __m512 left = _mm512_loadu_ps(columns.scale + c), left_start = _mm512_loadu_ps(columns.start + c);
    const __m512 right = _mm512_loadu_ps(columns.scale + c + kInt8Columns);
    const __m512 right_start = _mm512_loadu_ps(columns.start + c + kInt8Columns);
    for (index_t r = 0; r < kInt8Rows; ++r) {
        float* const out = scores + r * ld + c;
        const __m512 scale = _mm512_set1_ps(row_scale[r]);
        const __m512 first = _mm512_cvtepi32_ps(_mm512_loadu_si512(out));
        const __m512 second = _mm512_cvtepi32_ps(_mm512_loadu_si512(out + kInt8Columns));
        _mm512_storeu_ps(out, _mm512_fmadd_ps(first, _mm512_mul_ps(scale, left), left_start));
        _mm512_storeu_ps(out + kInt8Columns,
                         _mm512_fmadd_ps(second, _mm512_mul_ps(scale, right), right_start));
    }
}

// As multiply_pair above, on bytes.
void multiply_int8_pair(const std::uint8_t* rows, index_t ld_rows, const Int8Columns& columns, index_t c,
                        index_t depth, RowsAhead& ahead) noexcept {
    const std::uint8_t* const lower = rows + kInt8Columns * ld_rows;
    const std::int8_t* left = columns.packed + c * depth * kInt8Depth;
    const std::int8_t* right = left + depth * kInt8Tile;
    start_pair(columns.offset + c);
    for (index_t t = 0; t < depth; ++t, left += kInt8Tile, right += kInt8Tile) {
        load_step(rows + t * kInt8Depth, lower + t * kInt8Depth, ld_rows, left, right);
        ahead.fetch();
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
    }
}

void score_int8_block(const std::uint8_t* rows, index_t ld_rows, const float* row_scale,
                      const Int8Columns& columns, index_t k_padded, index_t d_padded, float* scores,
                      index_t ld) noexcept {
    _tile_loadconfig(&kTileConfig);
    const index_t depth = d_padded / kInt8Depth;
    RowsAhead ahead(rows, ld_rows, k_padded / kPair * depth);
    for (index_t c = 0; c < k_padded; c += kPair) {
        if (c >= 2 * kPair) scale_scores(row_scale, columns, c - 2 * kPair, scores, ld);
        multiply_int8_pair(rows, ld_rows, columns, c, depth, ahead);
        store_pair(scores + c, ld);
    }
    for (index_t c = k_padded < 2 * kPair ? 0 : k_padded - 2 * kPair; c < k_padded; c += kPair)
        scale_scores(row_scale, columns, c, scores, ld);
    _tile_release();
}

// Sums become scores as in scale_scores.
void collect_scaled(const Block<std::int32_t>& block, const float* row_scale, const Int8Columns& columns,
                    index_t c, const ScoreCuts& cuts, const ScoreHits& hits) noexcept {
    __m512 scale[2], start[2];
    for (int h = 0; h < 2; ++h) {
        scale[h] = _mm512_loadu_ps(columns.scale + c + h * kInt8Columns);
        start[h] = _mm512_loadu_ps(columns.start + c + h * kInt8Columns);
    }
    collect_wanted(
        [&](index_t r, int h) {
            const __m512i sums = _mm512_load_si512(block.values + r * kBlockColumns + h * kInt8Columns);
            const __m512 factor = _mm512_mul_ps(_mm512_set1_ps(row_scale[r]), scale[h]);
            return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), factor, start[h]);
        },
        c, cuts, hits);
}

void find_wanted_int8(const std::uint8_t* rows, index_t ld_rows, const float* row_scale,
                      const Int8Columns& columns, index_t k_padded, index_t d_padded, const ScoreCuts& cuts,
                      const ScoreHits& hits) noexcept {
    const index_t depth = d_padded / kInt8Depth;
    RowsAhead ahead(rows, ld_rows, k_padded / kBlockColumns * depth);
    search_blocks<std::int32_t>(
        k_padded, [&](index_t c) { multiply_int8_pair(rows, ld_rows, columns, c, depth, ahead); },
        [&](const Block<std::int32_t>& block, index_t c) {
            collect_scaled(block, row_scale, columns, c, cuts, hits);
        });
}

constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24, kAmxInt8 = 1u << 25;

bool processor_has(unsigned features) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & features) == features;
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
    static const bool usable =
        processor_has(kAmxTile | kAmxBf16) && system_saves_tiles() && system_permits_tiles();
    static constexpr Bf16Table table = {400, pack_rows, score_block, find_wanted, compare_bf16};
    return usable ? &table : nullptr;
}

const Int8Table* amx_int8_table() {
    static const bool usable =
        processor_has(kAmxTile | kAmxInt8) && system_saves_tiles() && system_permits_tiles();
    static constexpr Int8Table table = {
        700,          pack_int8_rows,        score_int8_block, find_wanted_int8,
        compare_int8, pack_difference_int16, multiply_int16};
    return usable ? &table : nullptr;
}

}  // namespace coterie::kernels
