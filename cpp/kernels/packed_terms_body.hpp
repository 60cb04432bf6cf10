// The kernels of packed terms, as body.hpp has the others.
#pragma once

#include "kernels/packed_terms.hpp"
#include "kernels/with_width.hpp"

namespace coterie::kernels {

template <typename V>
struct PackedTermsBody {
    using F = typename V::F;
    static constexpr index_t L = V::kLanes;

    static bool pack_term(const float* weights, index_t k, std::uint8_t* line) noexcept {
        F low = V::zero(), high = low;
        for (index_t c = 0; c < code_columns(k); c += L) {
            const F w = V::load(weights + c);
            low = V::min(low, w);
            high = V::max(high, w);
        }
        const float largest = V::largest_lane(high);
        // Where 1 / step might overflow every code is 0, which is off by half a step at most.
        const bool is_tiny = !(largest > 0x1p-100f);
        const float step = is_tiny ? 2 * largest : largest * (1 + 0x1p-22f) / kMostCode;
        const F factor = V::broadcast(is_tiny ? 0 : 1 / step), most = V::broadcast(kMostCode);
        for (index_t c = 0; c < code_columns(k); c += L) {
            const F code = V::fma(V::load(weights + c), factor, V::zero());
            V::store_bytes(line + c, V::min(V::max(code, V::zero()), most));
        }
        __builtin_memcpy(line + code_columns(k), &step, sizeof step);
        return V::largest_lane(V::sub(V::zero(), low)) <= 0;
    }

    // W vectors of columns from first on; returns sum_j |x_j| step_j.
    template <int W>
    static float score_columns(const SparseRow& row, const std::uint8_t* lines, index_t k, index_t first,
                               const float* bias, float* scores) noexcept {
        constexpr index_t kAhead = 96;  // nonzeros, which for short rows are in the rows that follow
        constexpr index_t kFetched = W * L + static_cast<index_t>(sizeof(float));
        const index_t reachable = row.nnz + row.following, bytes = packed_term_bytes(k);
        const std::uint8_t *const codes = lines + first, *const steps_at = lines + code_columns(k);
        float steps = 0;
        F acc[W];
        for (int w = 0; w < W; ++w) acc[w] = V::zero();
        for (index_t p = 0; p < row.nnz; ++p) {
            if (p + kAhead < reachable) {
                const std::uint8_t* const ahead = codes + row.indices[p + kAhead] * bytes;
                for (index_t b = 0; b < kFetched; b += 64) __builtin_prefetch(ahead + b);
            }
            const index_t at = row.indices[p] * bytes;
            float step;
            __builtin_memcpy(&step, steps_at + at, sizeof step);
            step *= row.data[p];
            steps += __builtin_fabsf(step);
            const F factor = V::broadcast(step);
            const std::uint8_t* const code = codes + at;
            for (int w = 0; w < W; ++w) acc[w] = V::fma(factor, V::widen_bytes(code + w * L), acc[w]);
        }
        for (int w = 0; w < W; ++w)
            V::store(scores + first + w * L, V::sub(acc[w], V::load(bias + first + w * L)));
        return steps;
    }

    static float score_row(const SparseRow& row, const std::uint8_t* lines, index_t k, const float* bias,
                           index_t k_padded, float* scores) noexcept {
        constexpr int kMost = 8;
        float steps = 0;
        index_t c = 0;
        const auto score = [&]<int W>() { steps = score_columns<W>(row, lines, k, c, bias, scores); };
        for (; k_padded - c >= kMost * L; c += kMost * L) score.template operator()<kMost>();
        if (c < k_padded) with_width<kMost>((k_padded - c) / L, score);
        return steps;
    }
};

}  // namespace coterie::kernels
