// Rows in the lanes, for scores of so few products that looking for the best ones among them would cost more: the best and the
// second best come up on the way. Over the vector type V of body.hpp, whose rules hold here.
#pragma once

#include "kernels/kernels.hpp"
#include "kernels/with_width.hpp"

namespace coterie::kernels {

template <typename V>
struct RowLanes {
    using F = typename V::F;
    static constexpr index_t L = V::kLanes;
    static constexpr int kVectors = 2;  // of rows at a time
    static constexpr int kColumns = 4;  // at a time: so many sums hide each other's latency
    static constexpr index_t kRows = kVectors * L;

    struct Best {
        F first[kVectors], second[kVectors], column[kVectors];
    };

    // lanes[j * kRows + r] = x[r * ldx + j]
    static void turn(const float* x, index_t ldx, index_t d, float* lanes) noexcept {
        index_t j = 0;
        for (; j + 4 <= d; j += 4) {
            for (index_t r = 0; r < kRows; r += L) {
                F column[4];
                V::load_turned(x + r * ldx + j, ldx, column);
                for (index_t q = 0; q < 4; ++q) V::store(lanes + (j + q) * kRows + r, column[q]);
            }
        }
        for (; j < d; ++j)
            for (index_t r = 0; r < kRows; ++r) lanes[j * kRows + r] = x[r * ldx + j];
    }

    template <int C>
    static void meet_columns(const float* lanes, const float* columns, const float* bias, index_t d,
                             index_t c, Best& best) noexcept {
        F sum[C][kVectors];
        for (int q = 0; q < C; ++q)
            for (int r = 0; r < kVectors; ++r) sum[q][r] = V::zero();
        for (index_t j = 0; j < d; ++j) {
            F value[kVectors];
            for (int r = 0; r < kVectors; ++r) value[r] = V::load(lanes + j * kRows + r * L);
            for (int q = 0; q < C; ++q) {
                const F column = V::broadcast(columns[q * d + j]);
                for (int r = 0; r < kVectors; ++r) sum[q][r] = V::fma(column, value[r], sum[q][r]);
            }
        }
        for (int q = 0; q < C; ++q) {
            const F number = V::broadcast(static_cast<float>(c + q)), own_bias = V::broadcast(bias[q]);
            for (int r = 0; r < kVectors; ++r) {
                const F score = V::sub(sum[q][r], own_bias);
                best.second[r] = V::max(best.second[r], V::min(best.first[r], score));
                best.column[r] = V::where_above(score, best.first[r], number, best.column[r]);
                best.first[r] = V::max(best.first[r], score);
            }
        }
    }

    static std::uint64_t label_rows(const float* x, index_t ldx, const float* columns, const float* bias,
                                    index_t k, index_t d, float reach, float* lanes,
                                    std::int32_t* labels) noexcept {
        const F most = V::broadcast(reach);
        std::uint64_t uncertain = 0;
        for (index_t i = 0; i < kLaneRows; i += kRows) {
            turn(x + i * ldx, ldx, d, lanes);
            Best best;
            for (int r = 0; r < kVectors; ++r) {
                best.first[r] = best.second[r] = V::broadcast(2 * kPadScore);  // -inf
                best.column[r] = V::zero();
            }
            for (index_t c = 0; c < k; c += kColumns)
                with_width<kColumns>(k - c < kColumns ? k - c : kColumns, [&]<int C>() {
                    meet_columns<C>(lanes, columns + c * d, bias + c, d, c, best);
                });
            for (int r = 0; r < kVectors; ++r) {
                const index_t first = i + r * L;
                V::store_whole(labels + first, best.column[r]);
                uncertain |= std::uint64_t{V::at_least(most, V::sub(best.first[r], best.second[r]))} << first;
            }
        }
        return uncertain;
    }
};

}  // namespace coterie::kernels
