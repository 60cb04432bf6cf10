// Device programs over the rows alone: what Samples and Bf16Rows measure on the host.
#pragma once

#include "cluster/device_arithmetic.hpp"
#include "cluster/samples.hpp"
#include "cuda/atomics.hpp"

namespace coterie::cluster::device {

// The rows as programs see them. Dense rows are contiguous: stride == cols.
template <typename View>
struct Rows {
    View x;
    const double* weight;        // [n] or null
    const double* squared_norm;  // [n] canonical |x_i|^2
    bool is_cosine;

    COTERIE_HOST_DEVICE double weight_of(index_t i) const { return weight == nullptr ? 1.0 : weight[i]; }
    // Samples::length
    COTERIE_HOST_DEVICE double length(index_t i) const {
        return is_cosine && squared_norm[i] > 0 ? sqrt(squared_norm[i]) : 1.0;
    }
};

COTERIE_HOST_DEVICE inline const float* row_at(const Dense& x, index_t i) {
    return x.data + i * x.stride;
}
COTERIE_HOST_DEVICE inline SparseRow row_at(const Sparse& x, index_t i) {
    return {x.data + x.indptr[i], x.indices + x.indptr[i], x.indptr[i + 1] - x.indptr[i]};
}

// squared_norm[i] = canonical |x_i|^2; first_bad: the lowest i whose norm is not finite.
struct DenseSquaredNorms {
    static constexpr const char* kName = "squared norms of dense rows";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(double);
    static constexpr index_t kRowsPerBlock = kThreads / kLanes;

    Dense x;
    double* squared_norm;
    std::int64_t* first_bad;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        double* const part = block.template shared<double>(0);
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t / kLanes;
            part[t] = i < x.rows ? dot_lane(row_at(x, i), row_at(x, i), x.cols, t % kLanes) : 0.0;
        });
        block.sync();
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t / kLanes;
            if (t % kLanes != 0 || i >= x.rows) return;
            squared_norm[i] = fold(part + t);
            if (!is_finite(squared_norm[i])) cuda::atomic_min(first_bad, i);
        });
    }
};

struct SparseSquaredNorms {
    static constexpr const char* kName = "squared norms of sparse rows";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = 0;
    static constexpr index_t kRowsPerBlock = kThreads;

    Sparse x;
    double* squared_norm;
    std::int64_t* first_bad;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t;
            if (i >= x.rows) return;
            const SparseRow row = row_at(x, i);
            double sum = 0;
            for (index_t p = 0; p < row.nnz; ++p)
                sum += static_cast<double>(row.data[p]) * static_cast<double>(row.data[p]);
            squared_norm[i] = sum;
            if (!is_finite(sum)) cuda::atomic_min(first_bad, i);
        });
    }
};

// largest[j] = max_i |x_ij|, from zeros. One thread per feature goes down the rows of its block.
struct DenseLargest {
    static constexpr const char* kName = "largest magnitudes of dense rows";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = 0;
    static constexpr index_t kRowsPerBlock = 256;

    Dense x;
    float* largest;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t begin = block.block() * kRowsPerBlock;
            const index_t end = begin + kRowsPerBlock < x.rows ? begin + kRowsPerBlock : x.rows;
            for (index_t j = t; j < x.cols; j += kThreads) {
                float most = 0;
                for (index_t i = begin; i < end; ++i) {
                    const float v = row_at(x, i)[j];
                    const float magnitude = v < 0 ? -v : v;
                    if (magnitude > most) most = magnitude;
                }
                if (most > 0) cuda::atomic_max_not_negative(largest + j, most);
            }
        });
    }
};

struct SparseLargest {
    static constexpr const char* kName = "largest magnitudes of sparse rows";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = 0;
    static constexpr index_t kRowsPerBlock = kThreads;

    Sparse x;
    float* largest;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t;
            if (i >= x.rows) return;
            const SparseRow row = row_at(x, i);
            for (index_t p = 0; p < row.nnz; ++p) {
                const float magnitude = row.data[p] < 0 ? -row.data[p] : row.data[p];
                // A stale smaller value only costs an atomic.
                if (magnitude > largest[row.indices[p]])
                    cuda::atomic_max_not_negative(largest + row.indices[p], magnitude);
            }
        });
    }
};

// sums[j] += sum_i round(x_ij / length_i scale[j]): feature_sums of data_range.cpp.
struct DenseFeatureSums {
    static constexpr const char* kName = "feature sums of dense rows";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = 0;
    static constexpr index_t kRowsPerBlock = 256;

    Rows<Dense> rows;
    const double* scale;
    std::int64_t* sums;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t begin = block.block() * kRowsPerBlock;
            const index_t end = begin + kRowsPerBlock < rows.x.rows ? begin + kRowsPerBlock : rows.x.rows;
            for (index_t j = t; j < rows.x.cols; j += kThreads) {
                std::int64_t sum = 0;
                for (index_t i = begin; i < end; ++i)
                    sum += quantised(row_at(rows.x, i)[j], rows.length(i), 1.0, scale[j]);
                cuda::atomic_add(sums + j, sum);
            }
        });
    }
};

struct SparseFeatureSums {
    static constexpr const char* kName = "feature sums of sparse rows";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = 0;
    static constexpr index_t kRowsPerBlock = kThreads;

    Rows<Sparse> rows;
    const double* scale;
    std::int64_t* sums;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t;
            if (i >= rows.x.rows) return;
            const SparseRow row = row_at(rows.x, i);
            const double length = rows.length(i);
            for (index_t p = 0; p < row.nnz; ++p)
                cuda::atomic_add(sums + row.indices[p],
                                 quantised(row.data[p], length, 1.0, scale[row.indices[p]]));
        });
    }
};

// mean[j] = float32 of the average of x_ij over the rows 0, step, 2 step, ... Any mu keeps the scores right.
struct SampleMean {
    static constexpr const char* kName = "mean of a sample of rows";
    static constexpr int kThreads = 32;
    static constexpr std::size_t kSharedBytes = 0;

    Dense x;
    index_t step;
    float* mean;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t j = block.block() * kThreads + t;
            if (j >= x.cols) return;
            double sum = 0;
            index_t count = 0;
            for (index_t i = 0; i < x.rows; i += step, ++count) sum += static_cast<double>(row_at(x, i)[j]);
            mean[j] = static_cast<float>(sum / static_cast<double>(count));
        });
    }
};

// packed[i][0 .. d_padded) = bf16(x_i - mu), zero beyond d; norm[i] >= |x_i - mu|, residual[i] >= what was lost of it.
struct PackRows {
    static constexpr const char* kName = "packing of rows";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = 2 * kThreads * sizeof(double);
    static constexpr index_t kRowsPerBlock = kThreads / 32;

    Dense x;
    const float* mean;
    index_t d_padded;
    std::uint16_t* packed;
    float *norm, *residual;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        double* const norms = block.template shared<double>(0);
        double* const residuals = block.template shared<double>(kThreads * sizeof(double));
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t / 32;
            double squared_norm = 0, squared_residual = 0;
            if (i < x.rows) {
                const float* const row = row_at(x, i);
                for (index_t j = t % 32; j < d_padded; j += 32) {
                    const float y = j < x.cols ? row[j] - mean[j] : 0.0f;
                    const std::uint16_t kept = to_bf16(y);
                    packed[i * d_padded + j] = kept;
                    const double lost = static_cast<double>(y) - static_cast<double>(from_bf16(kept));
                    squared_norm += static_cast<double>(y) * static_cast<double>(y);
                    squared_residual += lost * lost;
                }
            }
            norms[t] = squared_norm;
            residuals[t] = squared_residual;
        });
        block.sync();
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t / 32;
            if (t % 32 != 0 || i >= x.rows) return;
            double squared_norm = 0, squared_residual = 0;
            for (int l = 0; l < 32; ++l) {
                squared_norm += norms[t + l];
                squared_residual += residuals[t + l];
            }
            const double longest = norm_above(squared_norm);
            norm[i] = above(longest);
            residual[i] = above(residual_above(squared_residual, longest));
        });
    }
};

}  // namespace coterie::cluster::device
