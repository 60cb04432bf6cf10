// Device programs that bring the centroids into the filter's form.
#pragma once

#include "cluster/device_arithmetic.hpp"
#include "kernels/kernels.hpp"

namespace coterie::cluster::device {

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
