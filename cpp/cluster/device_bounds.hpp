// Which rows an iteration on a device need not look at: LabelBounds, for the rows that the filter decided by itself. The others
// are looked at again.
#pragma once

#include "cluster/device_loop.hpp"
#include "cluster/device_rows.hpp"

namespace coterie::cluster::device {

COTERIE_HOST_DEVICE inline double shift_above(double squared_shift) {
    return sqrt(squared_shift) * (1 + 1e-9);
}

struct Bounds {
    float*
        gap;  // [n] <= v(x, any other) - v(x, own) of label_bounds.hpp; 0: unknown. Null: every row is looked at
    const double* squared_shift;  // [k] of the last update
    const ShiftRank* rank;        // of the last update
    std::int64_t* active;         // [n] the rows to look at

    // As LabelBounds::certify. squared_base: v(x, c)^2 is at most this less twice the filter's score, up to its error.
    COTERIE_HOST_DEVICE void certify(index_t i, float best, float second, double error, double squared_base,
                                     double norm, bool is_cosine) const {
        const double score_gap = static_cast<double>(best) - second - 2 * error;
        gap[i] = 0;
        if (!(score_gap > 0)) return;
        if (is_cosine) {
            if (norm > 0) gap[i] = float_below(score_gap / (norm * kernels::kUpward));
            return;
        }
        const double squared = larger(0.0, squared_base - 2 * (static_cast<double>(best) - error));
        const double sum = sqrt(squared) + sqrt(squared + 2 * score_gap);
        gap[i] = float_below(2 * score_gap / (sum * kernels::kUpward));
    }
};

COTERIE_HOST_DEVICE inline index_t n_products(const Dense& x, index_t) {
    return x.cols;
}
COTERIE_HOST_DEVICE inline index_t n_products(const Sparse& x, index_t i) {
    return x.indptr[i + 1] - x.indptr[i];
}

// Moves the bounds along with the centroids and lists the rows whose label is not certain any more: LabelBounds::moves_along
// and exceeds. Rows of a block are listed together.
template <typename View>
struct ListActive {
    static constexpr const char* kName = "search for the rows to look at";
    static constexpr int kThreads = 256;
    static constexpr index_t kRowsPerBlock = kThreads;
    static constexpr std::size_t kSharedBytes = 32;
    static constexpr bool kHasSharedAtomics = true;

    Rows<View> rows;
    const std::int32_t* labels;
    Bounds bounds;
    const ColumnSummary* columns;  // of the centroids that the rows are to meet
    AssignCounters* counters;
    const LoopState* loop;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        if (is_halted(loop)) return;
        std::int64_t* const begin = block.template shared<std::int64_t>(0);
        std::int32_t* const count = block.template shared<std::int32_t>(16);
        typename Block::template PerThread<std::int32_t> place(block, -1);
        block.each([&](int t) {
            if (t == 0) *count = 0;
        });
        block.sync();
        block.each([&](int t) {
            const index_t i = block.block() * kRowsPerBlock + t;
            if (i < rows.x.rows && !is_certain(i)) place(t) = cuda::atomic_add(count, 1);
        });
        block.sync();
        block.each([&](int t) {
            if (t == 0) *begin = cuda::atomic_add(&counters->active, static_cast<std::int64_t>(*count));
        });
        block.sync();
        block.each([&](int t) {
            if (place(t) >= 0) bounds.active[*begin + place(t)] = block.block() * kRowsPerBlock + t;
        });
    }

  private:
    COTERIE_HOST_DEVICE bool is_certain(index_t i) const {
        const float before = bounds.gap[i];
        if (!(before > 0)) return false;
        const std::int32_t label = labels[i];
        const double own = shift_above(bounds.squared_shift[label]);
        const double others = label == bounds.rank->farthest ? bounds.rank->second : bounds.rank->largest;
        const float gap = float_below(static_cast<double>(before) - (own + others) * kernels::kUpward);
        bounds.gap[i] = gap;
        if (!(gap > 0)) return false;
        const double norm = sqrt(rows.squared_norm[i]), v = gap;
        const double score_gap = rows.is_cosine ? v * norm : v * v / 2;
        return score_gap * (1 - 1e-9) > 2 * canonical_error(*columns, norm, n_products(rows.x, i));
    }
};

}  // namespace coterie::cluster::device
