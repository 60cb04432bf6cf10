// A range of rows in a pass over them: those that are looked at, and what with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/filter.hpp"
#include "cluster/narrow_rows.hpp"
#include "cluster/nearest_centroid.hpp"
#include "cluster/samples.hpp"
#include "cluster/standings.hpp"
#include "core/prefetch.hpp"

namespace coterie::cluster {

inline void fetch_row(const Dense& x, index_t i) {
    prefetch(x.row(i), x.cols);
}
inline void fetch_row(const Sparse& x, index_t i) {
    const SparseRow row = sparse_row(x, i);
    prefetch(row.indices, row.nnz);
    prefetch(row.data, row.nnz);
}

// A range of rows, split by what is known of them; visits those that are looked at.
template <typename View>
class RowRange {
  public:
    RowRange(const Samples<View>& samples, const Centroids<View>& centroids, const Filter<View>& filter,
             FilterScratch& scratch)
        : samples_(samples), centroids_(centroids), filter_(filter), scratch_(scratch) {
        make_room_for(filter);
        scratch.maxima.resize(static_cast<std::size_t>(ceil_div(filter.k_padded(), kernels::kScoreGroup) *
                                                       kernels::active().lanes));
        scratch.candidates.resize(static_cast<std::size_t>(filter.k_padded()));
    }

    // Nothing is known of any row.
    void take_all(index_t begin, index_t end) {
        scratch_.exposed.clear();
        scratch_.contested.clear();
        scratch_.active.resize(static_cast<std::size_t>(end - begin));
        std::iota(scratch_.active.begin(), scratch_.active.end(), begin);
    }

    void split(index_t begin, index_t end, const Standings<View>& standings) {
        scratch_.active.clear();
        scratch_.exposed.clear();
        scratch_.contested.resize(static_cast<std::size_t>(end - begin));
        std::size_t n_contested = 0;
        for (index_t i = begin; i < end; ++i) {
            const Standing standing = standings.before_scores(i);
            if (standing == Standing::unknown) scratch_.active.push_back(i);
            if (standing == Standing::exposed) scratch_.exposed.push_back(i);
            scratch_.contested[n_contested] = i;
            n_contested += standing == Standing::contested;
        }
        scratch_.contested.resize(n_contested);
        take_all_for_most(begin, end);
    }

    // Scores exposed rows against the far movers, and splits them anew. Returns how many they were.
    index_t visit_exposed(index_t begin, index_t end, const Standings<View>& standings) {
        const auto n_exposed = static_cast<index_t>(scratch_.exposed.size());
        if (n_exposed == 0) return 0;
        const Filter<View>& far = *standings.far_filter();
        const index_t ld = far.scores_stride();
        make_room_for(far);
        const auto block = static_cast<std::size_t>(far.rows_per_block());
        scratch_.best.resize(block);
        scratch_.second.resize(block);
        scratch_.column.resize(block);
        for_each_block(scratch_.exposed, far, [&](const index_t* rows, index_t m) {
            far.score(rows, m, scratch_);
            for (index_t r = 0; r < m; ++r)
                standings.take_scores(rows[r], scratch_.scores.data() + r * ld,
                                      scratch_.bounds[static_cast<std::size_t>(r)]);
            kernels::active().top_two_of_rows(scratch_.scores.data(), ld, m, far.k_padded(),
                                              scratch_.best.data(), scratch_.second.data(),
                                              scratch_.column.data());
            for (index_t r = 0; r < m; ++r) {
                const auto s = static_cast<std::size_t>(r);
                const Standing standing =
                    standings.among_far_movers(rows[r], scratch_.best[s], scratch_.bounds[s]);
                if (standing == Standing::unknown) scratch_.active.push_back(rows[r]);
                if (standing == Standing::contested) scratch_.contested.push_back(rows[r]);
            }
        });
        std::sort(scratch_.active.begin(), scratch_.active.end());
        std::sort(scratch_.contested.begin(), scratch_.contested.end());
        take_all_for_most(begin, end);
        return n_exposed;
    }

    // settle(i, label) for rows that narrow is certain of; the others are to be scored.
    template <typename Settle>
    void split(index_t begin, index_t end, const NarrowRows& narrow, const Settle& settle) {
        scratch_.active.clear();
        scratch_.exposed.clear();
        scratch_.contested.clear();
        narrow.visit(begin, end, scratch_, settle, [&](index_t i) { scratch_.active.push_back(i); });
    }

    template <typename Scored>
    void visit_scored(const Scored& scored) {
        for_each_block(scratch_.active, filter_, [&](const index_t* rows, index_t m) {
            filter_.score(rows, m, scratch_);
            for (index_t r = 0; r < m; ++r) {
                ScoredRow<View> row(samples_, centroids_, filter_, rows[r], r, scratch_);
                scored(rows[r], row, scratch_.bounds[static_cast<std::size_t>(r)]);
            }
        });
    }

    // The same for labels alone: certain(i, label) for rows that the filter's two best scores settle, where it can tell.
    template <typename Certain, typename Scored>
    void visit_settled(const Certain& certain, const Scored& scored) {
        if constexpr (Filter<View>::kKeepsRivals) {
            visit_scored(scored);
        } else {
            for_each_block(scratch_.active, filter_, [&](const index_t* rows, index_t m) {
                filter_.settle(rows, m, scratch_);
                for (index_t r = 0; r < m; ++r) {
                    const auto s = static_cast<std::size_t>(r);
                    if (scratch_.certain[s] >= 0) {
                        certain(rows[r], scratch_.certain[s]);
                        continue;
                    }
                    ScoredRow<View> row(samples_, centroids_, filter_, rows[r], r, scratch_);
                    scored(rows[r], row, scratch_.bounds[s]);
                }
            });
        }
    }

    // settle(i, ContestedRow) says what it left undecided; of those rows, decide(i, ContestedRow, undecided) once the block is
    // through and their values have come from memory.
    template <typename Settle, typename Decide>
    void visit_contested(const Settle& settle, const Decide& decide) {
        const index_t block = filter_.rows_per_block();
        for_each_block(scratch_.contested, filter_, [&](const index_t* rows, index_t m) {
            const index_t* const end = scratch_.contested.data() + scratch_.contested.size();
            filter_.load(rows, m, std::min(block, end - (rows + m)), scratch_);
            const auto row_at = [&](index_t r) {
                return ContestedRow<View>(samples_, centroids_, filter_, rows[r], r, scratch_);
            };
            scratch_.undecided.resize(static_cast<std::size_t>(m));
            for (index_t r = 0; r < m; ++r) {
                unsigned& undecided = scratch_.undecided[static_cast<std::size_t>(r)];
                undecided = settle(rows[r], row_at(r));
                if (undecided != 0) fetch_row(samples_.x, rows[r]);
            }
            for (index_t r = 0; r < m; ++r) {
                const unsigned undecided = scratch_.undecided[static_cast<std::size_t>(r)];
                if (undecided != 0) decide(rows[r], row_at(r), undecided);
            }
        });
    }

  private:
    void make_room_for(const Filter<View>& filter) {
        const auto block = static_cast<std::size_t>(filter.rows_per_block());
        const auto n_scores = block * static_cast<std::size_t>(filter.scores_stride());
        if (scratch_.scores.size() < n_scores) scratch_.scores.resize(n_scores);
        if (scratch_.bounds.size() < block) scratch_.bounds.resize(block);
    }

    // Scattered rows are gathered before they are scored; where most are wanted, taking all of them costs less.
    void take_all_for_most(index_t begin, index_t end) {
        if (static_cast<index_t>(scratch_.active.size()) * 4 > (end - begin) * 3) take_all(begin, end);
    }

    template <typename Use>
    void for_each_block(const std::vector<index_t>& rows, const Filter<View>& filter, const Use& use) {
        const auto n = static_cast<index_t>(rows.size()), block = filter.rows_per_block();
        for (index_t b = 0; b < n; b += block) use(rows.data() + b, std::min(block, n - b));
    }

    const Samples<View>& samples_;
    const Centroids<View>& centroids_;
    const Filter<View>& filter_;
    FilterScratch& scratch_;
};

}  // namespace coterie::cluster
