// Device programs after a model: rows per token to one row per text, unit length, and each row to its place.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/types.hpp"
#include "cuda/canonical.hpp"

namespace coterie::encode {

// How the rows of a text's tokens become one row, by the names that encoders' folders use.
enum class Pooling : std::int32_t { cls, last, max, mean, mean_sqrt_length, weighted_mean };
inline constexpr int kMostPoolings = 6;

// What a model wrote for a batch, in the memory of a device: [n][length][dim], of which the first lengths[i] >= 1 rows of
// text i count; with is_pooled [n][dim].
struct ModelOutput {
    const void* values;
    bool is_half;  // float16, else float32
    bool is_pooled;
    index_t n, length, dim;
};

// IEEE binary16 to binary32, exact.
COTERIE_HOST_DEVICE inline float from_half(std::uint16_t v) {
    const std::uint32_t sign = static_cast<std::uint32_t>(v & 0x8000u) << 16, exponent = v >> 10 & 31u;
    std::uint32_t fraction = v & 0x3FFu;
    if (exponent == 31) return cuda::float_of(sign | 0x7F800000u | fraction << 13);
    if (exponent != 0) return cuda::float_of(sign | (exponent + 112) << 23 | fraction << 13);
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
}

// A block takes a text. out[places[i]] = the poolings of its tokens one after another, divided by the length of all of them
// where normalise says so; a zero row stays zero. Sums are in float64.
struct FinishRows {
    static constexpr const char* kName = "rows of texts";
    static constexpr int kThreads = 128;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(double) + 16;

    ModelOutput found;
    const std::int64_t *lengths, *places;  // [n]
    int n_poolings;                        // 1 where the model has pooled
    Pooling poolings[kMostPoolings];
    bool normalise;
    float* out;
    index_t n_columns;  // n_poolings * dim

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        double* const squares = block.template shared<double>(16);
        double* const length = block.template shared<double>(0);
        const index_t i = block.block();
        float* const row = out + places[i] * n_columns;
        block.each([&](int t) {
            double sum = 0;
            for (index_t c = t; c < n_columns; c += kThreads) {
                const float v = pooled(i, c / found.dim, c % found.dim);
                row[c] = v;
                sum += static_cast<double>(v) * static_cast<double>(v);
            }
            squares[t] = sum;
        });
        if (!normalise) return;
        block.sync();
        block.each([&](int t) {
            if (t != 0) return;
            double sum = 0;
            for (int q = 0; q < kThreads; ++q) sum += squares[q];
            *length = sum > 0 ? sqrt(sum) : 1.0;
        });
        block.sync();
        block.each([&](int t) {
            for (index_t c = t; c < n_columns; c += kThreads)
                row[c] = static_cast<float>(static_cast<double>(row[c]) / *length);
        });
    }

  private:
    COTERIE_HOST_DEVICE float value(index_t i, index_t token, index_t j) const {
        const index_t at = (i * found.length + token) * found.dim + j;
        return found.is_half ? from_half(static_cast<const std::uint16_t*>(found.values)[at])
                             : static_cast<const float*>(found.values)[at];
    }

    COTERIE_HOST_DEVICE float pooled(index_t i, index_t which, index_t j) const {
        if (found.is_pooled) return value(i, 0, j);
        const index_t n_tokens = lengths[i];
        const Pooling pooling = poolings[which];
        if (pooling == Pooling::cls) return value(i, 0, j);
        if (pooling == Pooling::last) return value(i, n_tokens - 1, j);
        if (pooling == Pooling::max) {
            float most = value(i, 0, j);
            for (index_t l = 1; l < n_tokens; ++l) {
                const float v = value(i, l, j);
                if (v > most || v != v) most = v;  // NaN stays
            }
            return most;
        }
        double sum = 0, total = 0;
        for (index_t l = 0; l < n_tokens; ++l) {
            const double weight = pooling == Pooling::weighted_mean ? static_cast<double>(l + 1) : 1.0;
            sum += weight * static_cast<double>(value(i, l, j));
            total += weight;
        }
        return static_cast<float>(sum / (pooling == Pooling::mean_sqrt_length ? sqrt(total) : total));
    }
};

// rows[to[i]] = rows[from[i]]; a warp takes a row.
struct CopyRows {
    static constexpr const char* kName = "rows of texts that came before";
    static constexpr int kThreads = 256;
    static constexpr index_t kRowsPerBlock = kThreads / 32;
    static constexpr std::size_t kSharedBytes = 0;

    float* rows;
    const std::int64_t *from, *to;  // [n]; no row is in both
    index_t n, n_columns;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t / 32;
            if (i >= n) return;
            for (index_t j = t % 32; j < n_columns; j += 32)
                rows[to[i] * n_columns + j] = rows[from[i] * n_columns + j];
        });
    }
};

}  // namespace coterie::encode
