// The float32 filter of CSR rows, and the canonical comparison of what a filter left.
#pragma once

#include "cluster/device_filter.hpp"

namespace coterie::cluster::device {

// Centroids as the canonical score reads them: dense [k][d], or for CSR rows term-major [d][ld].
template <typename View>
struct Columns {
    const float* values;
    index_t ld;
    const double* half_norm;  // [k]
    index_t k;
};

// A warp takes a row, a lane four columns of every 128, which it meets with each nonzero.
template <bool kCollect>
struct SparseFilter {
    static constexpr const char* kName = kCollect ? "candidates of sparse rows" : "assignment of sparse rows";
    static constexpr int kThreads = 128;
    static constexpr index_t kRowsPerBlock = kThreads / 32;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(TopTwo);
    static constexpr int kWidth = 4;

    Rows<Sparse> rows;
    Columns<Sparse> columns;  // values: [d][ld], ld a multiple of 4
    const float* bias;        // [ld] half_norm in float32, -kPadScore beyond k
    const ColumnSummary* summary;
    index_t n;
    Verdict verdict;

    struct alignas(16) Four {
        float v[kWidth];
    };

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        if (is_halted(verdict.loop)) return;
        if constexpr (kCollect) {
            list(block);
        } else {
            decide(block);
        }
    }

  private:
    template <typename Block>
    COTERIE_HOST_DEVICE void list(Block& block) const {
        block.each([&](int t) {
            const index_t end = verdict.counters->uncertain, step = block.n_blocks() * kRowsPerBlock;
            for (index_t slot = block.block() * kRowsPerBlock + t / 32; slot < end; slot += step) {
                TopTwo unused;
                score_row(slot, t % 32, unused);
            }
        });
    }

    template <typename Block>
    COTERIE_HOST_DEVICE void decide(Block& block) const {
        TopTwo* const parts = block.template shared<TopTwo>(0);
        const index_t end = verdict.n_active(n);
        if (block.block() * kRowsPerBlock >= end) return;
        block.each([&](int t) {
            const index_t q = block.block() * kRowsPerBlock + t / 32;
            TopTwo top;
            if (q < end) score_row(verdict.active_row(q), t % 32, top);
            parts[t] = top;
        });
        block.sync();
        block.each([&](int t) {
            const index_t q = block.block() * kRowsPerBlock + t / 32;
            if (t % 32 != 0 || q >= end) return;
            TopTwo top;
            for (int l = 0; l < 32; ++l) top.include(parts[t + l]);
            const index_t i = verdict.active_row(q), nnz = rows.x.indptr[i + 1] - rows.x.indptr[i];
            const double squared_norm = rows.squared_norm[i], norm = sqrt(squared_norm);
            verdict.decide(i, top, float32_bound(*summary, norm, nnz), squared_norm * (1 + 1e-12), norm,
                           rows.is_cosine);
        });
    }

    COTERIE_HOST_DEVICE void score_row(index_t slot, int lane, TopTwo& top) const {
        const SparseRow row = row_at(rows.x, kCollect ? verdict.uncertain.row[slot] : slot);
        for (index_t c = lane * kWidth; c < columns.ld; c += 32 * kWidth) {
            float sum[kWidth] = {};
            for (index_t p = 0; p < row.nnz; ++p) {
                const Four term =
                    *reinterpret_cast<const Four*>(columns.values + row.indices[p] * columns.ld + c);
#pragma unroll
                for (int l = 0; l < kWidth; ++l) sum[l] = fmaf(row.data[p], term.v[l], sum[l]);
            }
#pragma unroll
            for (int l = 0; l < kWidth; ++l) {
                const float score = sum[l] - bias[c + l];
                const auto column = static_cast<std::int32_t>(c + l);
                if constexpr (kCollect) {
                    if (column < columns.k && score >= verdict.uncertain.cut[slot])
                        verdict.collect(slot, column);
                } else {
                    top.offer(score, column);
                }
            }
        }
    }
};

// A lane's part of the canonical score of row i and centroid c: of a CSR row the first lane takes all, since its order
// is that of the nonzeros.
COTERIE_HOST_DEVICE inline double score_lane(const Rows<Dense>& rows, const Columns<Dense>& columns,
                                             index_t i, index_t c, int lane) {
    return dot_lane(row_at(rows.x, i), columns.values + c * columns.ld, rows.x.cols, lane);
}
COTERIE_HOST_DEVICE inline double score_lane(const Rows<Sparse>& rows, const Columns<Sparse>& columns,
                                             index_t i, index_t c, int lane) {
    return lane == 0 ? sparse_dot(row_at(rows.x, i), columns.values, columns.ld, c) : 0.0;
}

// The two nearest of the centroids offered, in any order: higher canonical score first, ties to the lower number.
struct NearestTwo {
    double score = -kInfinity, second_score = -kInfinity;
    index_t label = -1, second = -1;

    COTERIE_HOST_DEVICE static bool precedes(double s, index_t c, double other, index_t other_c) {
        return other_c < 0 || s > other || (s == other && c < other_c);
    }
    COTERIE_HOST_DEVICE void offer(double s, index_t c) {
        if (c < 0) return;
        if (precedes(s, c, score, label)) {
            second_score = score;
            second = label;
            score = s;
            label = c;
        } else if (precedes(s, c, second_score, second)) {
            second_score = s;
            second = c;
        }
    }
    COTERIE_HOST_DEVICE void include(const NearestTwo& other) {
        offer(other.score, other.label);
        offer(other.second_score, other.second);
    }
};

// A block takes one uncertain row after another and compares its candidates by canonical score.
template <typename View>
struct Resolve {
    static constexpr const char* kName = "canonical comparison of candidates";
    static constexpr int kThreads = 128;
    static constexpr int kAtOnce = kThreads / kLanes;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(double) + kAtOnce * sizeof(NearestTwo);

    Rows<View> rows;
    Columns<View> columns;
    Verdict verdict;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        if (is_halted(verdict.loop)) return;
        const index_t end = verdict.counters->uncertain;
        for (index_t slot = block.block(); slot < end; slot += block.n_blocks()) resolve(block, slot);
    }

  private:
    template <typename Block>
    COTERIE_HOST_DEVICE void resolve(Block& block, index_t slot) const {
        double* const part = block.template shared<double>(0);
        NearestTwo* const found = block.template shared<NearestTwo>(kThreads * sizeof(double));
        const index_t i = verdict.uncertain.row[slot];
        const index_t n_found = verdict.uncertain.n_found[slot];
        const bool compare_all = n_found > kMostCandidates;
        const index_t n_candidates = compare_all ? columns.k : n_found;
        const auto candidate = [&](index_t q) -> index_t {
            return compare_all ? q : verdict.uncertain.candidate[slot * kMostCandidates + q];
        };
        typename Block::template PerThread<NearestTwo> nearest(block);
        for (index_t first = 0; first < n_candidates; first += kAtOnce) {
            block.each([&](int t) {
                const index_t q = first + t / kLanes;
                part[t] = q < n_candidates ? score_lane(rows, columns, i, candidate(q), t % kLanes) : 0.0;
            });
            block.sync();
            block.each([&](int t) {
                const index_t q = first + t / kLanes;
                if (t % kLanes != 0 || q >= n_candidates) return;
                const index_t c = candidate(q);
                nearest(t).offer(fold(part + t) - columns.half_norm[c], c);
            });
            block.sync();
        }
        block.each([&](int t) {
            if (t % kLanes == 0) found[t / kLanes] = nearest(t);
        });
        block.sync();
        block.each([&](int t) {
            if (t != 0) return;
            NearestTwo best;
            for (int g = 0; g < kAtOnce; ++g) best.include(found[g]);
            const auto label = static_cast<std::int32_t>(best.label);
            if (verdict.labels[i] != label) cuda::atomic_add(&verdict.counters->changed, std::int64_t{1});
            verdict.labels[i] = label;
            if (verdict.second != nullptr) verdict.second[i] = static_cast<std::int32_t>(best.second);
            cuda::atomic_add(&verdict.counters->candidates, static_cast<std::int64_t>(n_candidates));
        });
        block.sync();  // shared memory is free again
    }
};

}  // namespace coterie::cluster::device
