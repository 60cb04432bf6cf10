// Device programs between two assignments: integer sums, new centroids, and the centroids in the filter's form.
#pragma once

#include "cluster/device_assign.hpp"

namespace coterie::cluster::device {

// Integer sums of clusters: dense [k][d], for CSR rows term-major [d][ld].
struct Sums {
    std::int64_t* values;
    index_t ld;
    std::int64_t* weight;  // [k] sum of round(w_i weight_scale)
    const double* scale;   // [d] powers of two
    double weight_scale;
    std::int32_t* member;  // [n] the cluster whose sum holds the row; -1: none
};

COTERIE_HOST_DEVICE inline void move_row(const Rows<Dense>& rows, const Sums& sums, index_t i,
                                         std::int32_t from, std::int32_t to, int lane) {
    const float* const x = row_at(rows.x, i);
    const double length = rows.length(i), w = rows.weight_of(i);
    for (index_t j = lane; j < rows.x.cols; j += 32) {
        const std::int64_t q = quantised(x[j], length, w, sums.scale[j]);
        cuda::atomic_add(sums.values + to * sums.ld + j, q);
        if (from >= 0) cuda::atomic_add(sums.values + from * sums.ld + j, -q);
    }
}

COTERIE_HOST_DEVICE inline void move_row(const Rows<Sparse>& rows, const Sums& sums, index_t i,
                                         std::int32_t from, std::int32_t to, int lane) {
    const SparseRow x = row_at(rows.x, i);
    const double length = rows.length(i), w = rows.weight_of(i);
    for (index_t p = lane; p < x.nnz; p += 32) {
        const index_t j = x.indices[p];
        const std::int64_t q = quantised(x.data[p], length, w, sums.scale[j]);
        cuda::atomic_add(sums.values + j * sums.ld + to, q);
        if (from >= 0) cuda::atomic_add(sums.values + j * sums.ld + from, -q);
    }
}

// Moves every row whose label is not the cluster that holds it: ClusterSums::move_rows.
template <typename View>
struct MoveRows {
    static constexpr const char* kName = "update of the cluster sums";
    static constexpr int kThreads = 256;
    static constexpr index_t kRowsPerBlock = kThreads;
    static constexpr std::size_t kSharedBytes = 2 * kThreads * sizeof(std::int32_t);

    Rows<View> rows;
    const std::int32_t* labels;
    Sums sums;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        std::int32_t* const to = block.template shared<std::int32_t>(0);  // -1: the row stays
        std::int32_t* const from = to + kThreads;
        const index_t first = block.block() * kRowsPerBlock;
        block.each([&](int t) {
            const index_t i = first + t;
            to[t] = -1;
            if (i >= rows.x.rows || sums.member[i] == labels[i]) return;
            to[t] = labels[i];
            from[t] = sums.member[i];
            sums.member[i] = labels[i];
            const std::int64_t w = llrint(rows.weight_of(i) * sums.weight_scale);
            cuda::atomic_add(sums.weight + to[t], w);
            if (from[t] >= 0) cuda::atomic_add(sums.weight + from[t], -w);
        });
        block.sync();
        block.each([&](int t) {
            for (int r = t / 32; r < kRowsPerBlock; r += kThreads / 32)
                if (to[r] >= 0) move_row(rows, sums, first + r, from[r], to[r], t % 32);
        });
    }
};

// Moves one row into cluster `to`: what relocating an empty cluster does.
template <typename View>
struct MoveOneRow {
    static constexpr const char* kName = "relocation of an empty cluster";
    static constexpr int kThreads = 32;
    static constexpr std::size_t kSharedBytes = 16;

    Rows<View> rows;
    Sums sums;
    index_t i;
    std::int32_t to;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        std::int32_t* const from = block.template shared<std::int32_t>(0);
        block.each([&](int t) {
            if (t != 0) return;
            *from = sums.member[i];
            sums.member[i] = to;
            const std::int64_t w = llrint(rows.weight_of(i) * sums.weight_scale);
            cuda::atomic_add(sums.weight + to, w);
            cuda::atomic_add(sums.weight + *from, -w);
        });
        block.sync();
        block.each([&](int t) { move_row(rows, sums, i, *from, to, t); });
    }
};

// What the programs write about each centroid.
struct CentroidState {
    double* squared_norm;   // [k] canonical
    double* half_norm;      // [k] squared_norm / 2, or 0 for cosine
    double* squared_shift;  // [k] |c_new - c_old|^2
};

// centroids = sums / weights: ClusterSums<Dense>::update_centroids. A block takes one, kThreads features at a time; the sums
// that have an order are added by one thread (eight for the canonical norm).
struct UpdateDense {
    static constexpr const char* kName = "update of dense centroids";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = (2 * kThreads + kLanes) * sizeof(double);

    Sums sums;
    float* centroids;  // [k][d]
    index_t d;
    bool is_cosine;
    CentroidState state;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        const index_t c = block.block();
        block.each([&](int t) {
            if (t == 0) state.squared_shift[c] = 0;
        });
        if (sums.weight[c] == 0) return;
        const double weight = static_cast<double>(sums.weight[c]) / sums.weight_scale;
        double* const squares = block.template shared<double>(0);
        double* const norms = squares + kThreads;
        double* const part = norms + kThreads;
        const auto mean = [&](index_t j) {
            return static_cast<double>(sums.values[c * sums.ld + j]) / sums.scale[j] / weight;
        };
        typename Block::template PerThread<double> ordered(block, 0.0), lane_sum(block, 0.0);
        if (is_cosine) {
            for (index_t first = 0; first < d; first += kThreads) {
                block.each([&](int t) {
                    const double m = first + t < d ? mean(first + t) : 0.0;
                    squares[t] = m * m;
                });
                add_in_order(block, squares, d - first, ordered);
            }
        }
        block.each([&](int t) {
            if (t == 0) part[0] = is_cosine && ordered(t) > 0 ? sqrt(ordered(t)) : 1.0;
        });
        block.sync();
        const double length = part[0];
        block.each([&](int t) { ordered(t) = 0; });
        for (index_t first = 0; first < d; first += kThreads) {
            block.each([&](int t) {
                const index_t j = first + t;
                squares[t] = norms[t] = 0;
                if (j >= d) return;
                float* const place = centroids + c * d + j;
                const auto value = static_cast<float>(mean(j) / length);
                const double difference = static_cast<double>(value) - static_cast<double>(*place);
                squares[t] = difference * difference;
                norms[t] = static_cast<double>(value) * static_cast<double>(value);
                *place = value;
            });
            block.sync();
            block.each([&](int t) {
                for (int q = t; t < kLanes && q < kThreads; q += kLanes) lane_sum(t) += norms[q];
            });
            add_in_order(block, squares, d - first, ordered);
        }
        block.each([&](int t) {
            if (t < kLanes) part[t] = lane_sum(t);
        });
        block.sync();
        block.each([&](int t) {
            if (t != 0) return;
            state.squared_norm[c] = fold(part);
            state.half_norm[c] = is_cosine ? 0.0 : state.squared_norm[c] / 2;
            state.squared_shift[c] = ordered(t);
        });
    }

  private:
    // The first thread adds the first min(n, kThreads) values to its sum in increasing order.
    template <typename Block, typename PerThreadSum>
    COTERIE_HOST_DEVICE static void add_in_order(Block& block, const double* values, index_t n,
                                                 PerThreadSum& sum) {
        block.sync();
        block.each([&](int t) {
            if (t != 0) return;
            const index_t end = n < kThreads ? n : kThreads;
            for (index_t q = 0; q < end; ++q) sum(t) += values[q];
        });
        block.sync();
    }
};

// The same for term-major centroids, a thread a column: ClusterSums<Sparse>::update_centroids with Table::update_terms.
struct UpdateSparse {
    static constexpr const char* kName = "update of sparse centroids";
    static constexpr int kThreads = 32;
    static constexpr std::size_t kSharedBytes = 0;

    Sums sums;
    float* centroids;  // [d][ld]
    index_t d, k;
    bool is_cosine;
    CentroidState state;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t c = block.block() * kThreads + t;
            if (c >= k) return;
            state.squared_shift[c] = 0;
            if (sums.weight[c] == 0) return;
            const double weight = static_cast<double>(sums.weight[c]) / sums.weight_scale;
            const double squared_length = is_cosine ? squared_mean(c, weight) : 0.0;
            const bool divide = is_cosine;
            const double length = squared_length > 0 ? sqrt(squared_length) : 1.0;
            double part[kLanes] = {}, shift = 0;
            const auto renew = [&](index_t j, double& norm) {
                float* const place = centroids + j * sums.ld + c;
                const double mean = mean_of(c, j, weight);
                const auto value = static_cast<float>(divide ? mean / length : mean);
                const double change = static_cast<double>(value) - static_cast<double>(*place);
                const double square = change * change;
                shift += square;
                norm += static_cast<double>(value) * static_cast<double>(value);
                *place = value;
            };
            index_t j = 0;
            for (; j + kLanes <= d; j += kLanes) {
#pragma unroll
                for (int l = 0; l < kLanes; ++l) renew(j + l, part[l]);  // registers: no index at run time
            }
#pragma unroll
            for (int l = 0; l < kLanes; ++l)
                if (j + l < d) renew(j + l, part[l]);
            state.squared_norm[c] = fold(part);
            state.half_norm[c] = is_cosine ? 0.0 : state.squared_norm[c] / 2;
            state.squared_shift[c] = shift;
        });
    }

  private:
    COTERIE_HOST_DEVICE double mean_of(index_t c, index_t j, double weight) const {
        return static_cast<double>(sums.values[j * sums.ld + c]) / sums.scale[j] / weight;
    }
    COTERIE_HOST_DEVICE double squared_mean(index_t c, double weight) const {
        double part[kLanes] = {};
        for (index_t first = 0; first < d; first += kLanes) {
#pragma unroll
            for (int l = 0; l < kLanes; ++l) {
                const double mean = first + l < d ? mean_of(c, first + l, weight) : 0.0;
                const double square = mean * mean;
                part[l] += square;
            }
        }
        return fold(part);
    }
};

// A dense centroid minus the mean in bfloat16, and what of its bias depends on it: Filter<Dense>::pack_bf16.
struct PackColumns {
    static constexpr const char* kName = "packing of centroids";
    static constexpr int kThreads = 128;
    static constexpr std::size_t kSharedBytes = 3 * kThreads * sizeof(double);

    const float* centroids;   // [k][d]
    const double* half_norm;  // [k]
    const float* mean;        // [d]
    index_t k, d, d_padded;
    std::uint16_t* packed;           // [n_columns][d_padded]
    double *bias, *norm, *residual;  // [k] upper bounds of |c - mu| and of what was lost of it

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        const index_t c = block.block();
        double* const norms = block.template shared<double>(0);
        double* const residuals = norms + kThreads;
        double* const dots = residuals + kThreads;
        block.each([&](int t) {
            double squared_norm = 0, squared_residual = 0;
            for (index_t j = t; j < d_padded; j += kThreads) {
                const float y = c < k && j < d ? centroids[c * d + j] - mean[j] : 0.0f;
                const std::uint16_t kept = to_bf16(y);
                packed[c * d_padded + j] = kept;
                const double lost = static_cast<double>(y) - static_cast<double>(from_bf16(kept));
                squared_norm += static_cast<double>(y) * static_cast<double>(y);
                squared_residual += lost * lost;
            }
            norms[t] = squared_norm;
            residuals[t] = squared_residual;
            if (t < kLanes && c < k) dots[t] = dot_lane(mean, centroids + c * d, d, t);
        });
        block.sync();
        block.each([&](int t) {
            if (t != 0 || c >= k) return;
            double squared_norm = 0, squared_residual = 0;
            for (int l = 0; l < kThreads; ++l) {
                squared_norm += norms[l];
                squared_residual += residuals[l];
            }
            norm[c] = norm_above(squared_norm);
            residual[c] = residual_above(squared_residual, norm[c]);
            bias[c] = half_norm[c] - fold(dots);
        });
    }
};

// The maxima over centroids, and where the filter's sums start. One block.
struct SummariseColumns {
    static constexpr const char* kName = "summary of the centroids";
    static constexpr int kThreads = 256;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(ColumnSummary);

    const double *squared_norm, *half_norm;  // [k]
    const double *bias, *norm, *residual;    // [k] of PackColumns; null: CSR rows, start gets half_norm
    index_t k, n_columns;
    float* start;  // [n_columns] to add for dense rows, or to subtract for CSR rows
    ColumnSummary* summary;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        ColumnSummary* const parts = block.template shared<ColumnSummary>(0);
        block.each([&](int t) {
            ColumnSummary part{0, 0, 0, 0, 0, kInfinity};
            for (index_t c = t; c < k; c += kThreads) {
                part.largest_norm = larger(part.largest_norm, sqrt(squared_norm[c]) * kernels::kUpward);
                part.largest_bias = larger(part.largest_bias, half_norm[c] * kernels::kUpward);
                if (bias == nullptr) continue;
                part.centred_norm = larger(part.centred_norm, norm[c]);
                part.centred_residual = larger(part.centred_residual, residual[c]);
                part.shift = smaller(part.shift, bias[c]);
            }
            parts[t] = part;
        });
        block.sync();
        block.each([&](int t) {
            if (t == 0)
                for (int q = 1; q < kThreads; ++q) include(parts[0], parts[q]);
        });
        block.sync();
        const double shift = parts[0].shift;
        block.each([&](int t) {
            double largest = 0;
            for (index_t c = t; c < n_columns; c += kThreads) {
                if (bias == nullptr) {
                    start[c] = c < k ? static_cast<float>(half_norm[c]) : -kernels::kPadScore;
                } else {
                    start[c] = c < k ? -static_cast<float>(bias[c] - shift) : kernels::kPadScore;
                    if (c < k) largest = larger(largest, (bias[c] - shift) * kernels::kUpward);
                }
            }
            parts[t].largest_start = largest;
        });
        block.sync();
        block.each([&](int t) {
            if (t != 0) return;
            ColumnSummary whole = parts[0];
            for (int q = 1; q < kThreads; ++q)
                whole.largest_start = larger(whole.largest_start, parts[q].largest_start);
            *summary = whole;
        });
    }

  private:
    COTERIE_HOST_DEVICE static void include(ColumnSummary& all, const ColumnSummary& part) {
        all.largest_norm = larger(all.largest_norm, part.largest_norm);
        all.largest_bias = larger(all.largest_bias, part.largest_bias);
        all.centred_norm = larger(all.centred_norm, part.centred_norm);
        all.centred_residual = larger(all.centred_residual, part.centred_residual);
        all.shift = smaller(all.shift, part.shift);
    }
};

}  // namespace coterie::cluster::device
