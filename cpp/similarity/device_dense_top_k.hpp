// Neighbours of dense rows on a device: a bfloat16 filter over groups of columns, then canonical scores.
//
// For the unit rows x~, y~ and a mean mu of the y~, raw(i, j) = <x~ - mu, y~ - mu> + start(j), and
//     | raw(i, j) + offset(i) - s(i, j) | <= error(i)
// as in dense_filter.hpp. With T the k-th largest of the maxima of raw over groups of columns, k columns have s >= T + offset -
// error, so the best k lie in groups whose maximum is T - 2 error or more; only those are compared canonically.
#pragma once

#include <cmath>

#include "cuda/canonical.hpp"
#include "cuda/tile_product.hpp"
#include "cuda/wgmma_product.hpp"
#include "kernels/kernels.hpp"
#include "kernels/matrix_unit_error.hpp"
#include "similarity/device_best.hpp"
#include "similarity/device_sparse_top_k.hpp"

namespace coterie::device {

using DenseView = MatrixView<const float>;

// The columns of a tile in groups: 16 that lie in eight pairs, 8 apart. One thread has all of a group for one row.
inline constexpr int kGroupColumns = 16, kTileGroups = cuda::PackedTiles::kTileColumns / kGroupColumns;

COTERIE_HOST_DEVICE inline index_t group_column(index_t group, int element) {
    const index_t tile = group / kTileGroups;
    const int part = static_cast<int>(group % kTileGroups);
    return tile * cuda::PackedTiles::kTileColumns + part / 4 * 64 + element / 2 * 8 + 2 * (part % 4) +
           element % 2;
}

// length[i] = canonical |x_i|. Eight threads take a row.
struct RowLengths {
    static constexpr const char* kName = "lengths of rows";
    static constexpr int kThreads = 256;
    static constexpr index_t kRowsPerBlock = kThreads / cuda::kLanes;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(double);

    DenseView x;
    double* length;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        double* const part = block.template shared<double>(0);
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t / cuda::kLanes;
            const float* const row = x.data + i * x.stride;
            part[t] = i < x.rows ? cuda::dot_lane(row, row, x.cols, t % cuda::kLanes) : 0.0;
        });
        block.sync();
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t / cuda::kLanes;
            if (t % cuda::kLanes == 0 && i < x.rows) length[i] = sqrt(cuda::fold(part + t));
        });
    }
};

// mean[j] = the average of x_ij / |x_i| over the rows 0, step, 2 step, ... Any mu keeps the scores right.
struct MeanOfUnits {
    static constexpr const char* kName = "mean of a sample of unit rows";
    static constexpr int kThreads = 32;
    static constexpr std::size_t kSharedBytes = 0;

    DenseView x;
    const double* length;
    index_t step;
    float* mean;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t j = block.block() * kThreads + t;
            if (j >= x.cols) return;
            double sum = 0, count = 0;
            for (index_t i = 0; i < x.rows; i += step, ++count)
                if (length[i] > 0) sum += static_cast<double>(x.data[i * x.stride + j]) / length[i];
            mean[j] = static_cast<float>(sum / (count > 0 ? count : 1.0));
        });
    }
};

// packed[i] = bf16(x~_i - mu) with what was lost of it, offset[i] = <mu, x~_i>. A warp takes a row.
struct PackUnitRows {
    static constexpr const char* kName = "packing of unit rows";
    static constexpr int kThreads = 256;
    static constexpr index_t kRowsPerBlock = kThreads / 32;
    static constexpr std::size_t kSharedBytes = 3 * kThreads * sizeof(double);

    DenseView x;
    const double* length;  // [n] canonical |x_i|
    const float* mean;
    index_t d_padded;
    std::uint16_t* packed;
    double *squared_norm, *squared_residual, *offset;  // [n]

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        double* const parts = block.template shared<double>(0);  // [3][kThreads]
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t / 32;
            double norm = 0, residual = 0, along = 0;
            if (i < x.rows) {
                const double scale = length[i] == 0 ? 0.0 : 1 / length[i];
                for (index_t j = t % 32; j < d_padded; j += 32) {
                    const bool is_real = j < x.cols;
                    const float unit =
                        is_real ? static_cast<float>(static_cast<double>(x.data[i * x.stride + j]) * scale)
                                : 0.0f;
                    const float m = is_real ? mean[j] : 0.0f;
                    const float y = unit - m;
                    const std::uint16_t kept = cuda::to_bf16(y);
                    packed[i * d_padded + j] = kept;
                    const double lost = static_cast<double>(y) - static_cast<double>(cuda::from_bf16(kept));
                    norm += static_cast<double>(y) * static_cast<double>(y);
                    residual += lost * lost;
                    along += static_cast<double>(m) * static_cast<double>(unit);
                }
            }
            parts[t] = norm;
            parts[kThreads + t] = residual;
            parts[2 * kThreads + t] = along;
        });
        block.sync();
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t / 32;
            if (t % 32 != 0 || i >= x.rows) return;
            double sum[3] = {};
            for (int l = 0; l < 32; ++l)
                for (int q = 0; q < 3; ++q) sum[q] += parts[q * kThreads + t + l];
            squared_norm[i] = sum[0];
            squared_residual[i] = sum[1];
            offset[i] = sum[2];
        });
    }
};

// maxima[r][group] of raw over the group's columns, for rows first .. first + n - 1 of X.
template <typename Tiles = cuda::TileProduct>
struct GroupMaxima {
    static constexpr const char* kName = "filter of dense neighbours";
    static constexpr int kThreads = Tiles::kThreads;
    static constexpr std::size_t kSharedBytes = Tiles::kSharedBytes;
    static constexpr int kParts = kGroupColumns / 2;  // of a thread's columns in one group
    static_assert(Tiles::kNTiles / kParts * Tiles::kParts == kTileGroups);

    Tiles tiles;
    const float* start;  // [n_columns], kPadScore beyond Y
    index_t first, n, n_groups;
    float* maxima;  // [n][n_groups]

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        const index_t begin = block.block() * Tiles::kTileRows;
        tiles.run(
            block, [&](int r) -> index_t { return first + (n - 1 < begin + r ? n - 1 : begin + r); },
            [&](index_t tile, auto& scores) {
                block.each([&](int t) {
#pragma unroll
                    for (int g = 0; g < Tiles::kNTiles / kParts; ++g) take(t, begin, tile, g, scores(t));
                });
            });
    }

  private:
    // The g-th group of thread t: 4 g more than its first.
    template <typename Scores>
    COTERIE_HOST_DEVICE void take(int t, index_t begin, index_t tile, int g, Scores& scores) const {
        float most[Tiles::kRowsPerThread];
#pragma unroll
        for (int q = 0; q < Tiles::kRowsPerThread; ++q) most[q] = 2 * kernels::kPadScore;  // -inf
#pragma unroll
        for (int e = 0; e < kParts; ++e) {
            const int p = g * kParts + e;
            const index_t c = tile * Tiles::kTileColumns + Tiles::tile_column(t, p);
            const cuda::Two starts = cuda::two_at(start + c);
#pragma unroll
            for (int m = 0; m < Tiles::kMTiles; ++m) {
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const float raw = scores.v[m][p][i] + starts.v[i % 2];
                    scores.v[m][p][i] = 0;
                    most[2 * m + i / 2] = cuda::larger(most[2 * m + i / 2], raw);
                }
            }
        }
#pragma unroll
        for (int q = 0; q < Tiles::kRowsPerThread; ++q) {
            const index_t r = begin + Tiles::tile_row(t, q / 2, q % 2);
            if (r < n) maxima[r * n_groups + tile * kTileGroups + Tiles::part(t) + 4 * g] = most[q];
        }
    }
};

// A block takes a row: finds T, and compares the columns of the groups that reach the cut.
template <typename Kept>
struct DenseTopK {
    static constexpr const char* kName = "canonical comparison of dense neighbours";
    static constexpr int kThreads = 256;
    static constexpr bool kHasSharedAtomics = true;
    static constexpr int kAtOnce = kThreads / cuda::kLanes;  // columns
    static constexpr std::size_t kPartBytes = kThreads * sizeof(double);
    static constexpr std::size_t kListBytes = kThreads * sizeof(std::int32_t) + 16;
    static constexpr std::size_t kSharedBytes = kPartBytes + kListBytes + Kept::bytes(kAtOnce);

    DenseView x, y;
    const double *x_length, *y_length;
    const double *x_norm, *x_residual,
        *offset;  // [n] upper bounds of |x~ - mu| and what was lost of it; <mu, x~>
    double y_norm, y_residual, largest_start;  // over all columns
    index_t d_padded, first, n_groups;
    const float* maxima;
    Wanted wanted;
    typename Kept::Answers answers;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        double* const part = block.template shared<double>(0);
        std::int32_t* const listed = block.template shared<std::int32_t>(kPartBytes + 16);
        std::int32_t* const n_listed = block.template shared<std::int32_t>(kPartBytes);
        const index_t r = block.block(), i = first + r;
        const Kept best = Kept::at(block, kPartBytes + kListBytes, wanted, answers, r, i);
        const index_t excluded = wanted.excluded == nullptr ? -1 : wanted.excluded[i];
        const double cut = lowest_maximum(block, r, excluded >= 0 ? wanted.k + 1 : wanted.k);
        block.each([&](int t) {
            if (t == 0) best.clear();
        });
        for (index_t group = 0; group < n_groups; group += kThreads) {
            block.each([&](int t) {
                if (t == 0) *n_listed = 0;
            });
            block.sync();
            block.each([&](int t) {
                if (group + t < n_groups && static_cast<double>(maxima[r * n_groups + group + t]) >= cut)
                    listed[cuda::atomic_add(n_listed, 1)] = static_cast<std::int32_t>(group + t);
            });
            block.sync();
            const int n_columns = *n_listed * kGroupColumns;
            for (int begin = 0; begin < n_columns; begin += kAtOnce)
                compare(block, part, listed, begin, n_columns, i, excluded, best);
            block.sync();
        }
        block.each([&](int t) { best.write(t, kThreads); });
    }

  private:
    // A group below this has none of the best. Bit by bit from the highest: the largest key that `rank` maxima reach.
    template <typename Block>
    COTERIE_HOST_DEVICE double lowest_maximum(Block& block, index_t r, index_t rank) const {
        std::int32_t* const count = block.template shared<std::int32_t>(kPartBytes);
        const double error = kernels::matrix_unit_error(x_norm[first + r], x_residual[first + r], y_norm,
                                                        y_residual, largest_start, d_padded) +
                             0x1p-21 + static_cast<double>(x.cols + 8) * 0x1p-50;
        // Every similarity that rounds to the threshold or more is above threshold - 2^-23.
        const double least = static_cast<double>(wanted.threshold) - 0x1p-23 - error - offset[first + r];
        if (!Kept::kIsBounded || rank > n_groups) return least;
        std::uint32_t key = 0;
        for (int bit = 31; bit >= 0; --bit) {
            const std::uint32_t trial = key | 1u << bit;
            block.each([&](int t) {
                if (t == 0) *count = 0;
            });
            block.sync();
            block.each([&](int t) {
                std::int32_t reached = 0;
                for (index_t g = t; g < n_groups; g += kThreads)
                    reached += key_of(maxima[r * n_groups + g]) >= trial ? 1 : 0;
                if (reached > 0) cuda::atomic_add(count, reached);
            });
            block.sync();
            if (*count >= rank) key = trial;
            block.sync();
        }
        const double cut = static_cast<double>(value_of(key)) - 2 * error;
        return cut > least ? cut : least;
    }

    // Unsigned integers in the order of the floats.
    COTERIE_HOST_DEVICE static std::uint32_t key_of(float v) {
        const std::uint32_t bits = cuda::bits_of(v);
        return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
    }
    COTERIE_HOST_DEVICE static float value_of(std::uint32_t key) {
        return cuda::float_of(key >> 31 != 0 ? key & 0x7FFFFFFFu : ~key);
    }

    template <typename Block>
    COTERIE_HOST_DEVICE void compare(Block& block, double* part, const std::int32_t* listed, int begin,
                                     int n_columns, index_t i, index_t excluded, const Kept& best) const {
        const index_t end = wanted.below_only ? i : y.rows;
        const auto column = [&](int t) -> index_t {
            const int q = begin + t / cuda::kLanes;
            return q < n_columns ? group_column(listed[q / kGroupColumns], q % kGroupColumns) : end;
        };
        block.each([&](int t) {
            const index_t j = column(t);
            part[t] = j < end ? cuda::dot_lane(x.data + i * x.stride, y.data + j * y.stride, x.cols,
                                               t % cuda::kLanes)
                              : 0.0;
        });
        block.sync();
        block.each([&](int t) {
            const index_t j = column(t);
            if (t % cuda::kLanes == 0 && j < end && j != excluded)
                best.offer(Cosine::score(cuda::fold(part + t), x_length[i], y_length[j]), j);
        });
        block.sync();
        block.each([&](int t) {
            if (t == 0) best.take_waiting();
        });
        block.sync();
    }
};

}  // namespace coterie::device
