// The best neighbours of each sparse row under a measure.
#pragma once

#include <algorithm>
#include <vector>

#include "core/parallel.hpp"
#include "similarity/neighbours.hpp"
#include "similarity/sparse_join.hpp"

namespace coterie {

class SparseBest final : public SparseSink {
  public:
    // original: what row j of the join's Y is called, or null where that is j.
    SparseBest(const NeighbourQuery& query, const std::int32_t* original)
        : best_(query), original_(original) {}
    double floor() const override { return best_.floor(); }
    index_t wanted() const override {
        return best_.k() - best_.size() > 0 && best_.k() > 0 ? best_.k() - best_.size() : 0;
    }
    bool skips(index_t) const override { return false; }
    void offer(double score, index_t j) override {
        best_.offer(score, original_ == nullptr ? j : original_[j]);
    }
    Best& best() { return best_; }

  private:
    Best best_;
    const std::int32_t* original_;
};

// Rows without a common column have similarity 0 and take part like all others, lowest index first.
inline void offer_strangers(const std::vector<std::int32_t>& others, index_t n_columns, index_t excluded,
                            Best& best) {
    std::size_t next = 0;
    for (index_t j = 0; j < n_columns && best.admits(0.0, j); ++j) {
        if (next < others.size() && others[next] == j) {
            ++next;
        } else if (j != excluded) {
            best.offer(0.0, j);
        }
    }
}

// original: as for SparseBest; query.excluded speaks of rows of y.
template <typename Measure>
Neighbours sparse_neighbours(const CsrView& x, const CsrView& y, const NeighbourQuery& query,
                             const std::int32_t* original, int n_threads) {
    constexpr index_t kRowsPerTask = SparseJoin<Measure>::kRowsTogether;
    struct Slot {
        typename SparseJoin<Measure>::Scratch scratch;
        std::vector<SparseBest> sinks;
        std::vector<SparseRequest> requests;
        std::vector<std::int32_t> others;
    };
    SparseJoin<Measure> join(x, y, n_threads);
    join.choose_panel(query.excluded, [&] { return SparseBest(query, original); });
    std::vector<Slot> slots(static_cast<std::size_t>(resolve_thread_count(n_threads)));
    std::vector<NeighbourBlock> blocks(static_cast<std::size_t>(ceil_div(x.rows, kRowsPerTask)));
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int slot) {
        Slot& s = slots[static_cast<std::size_t>(slot)];
        if (s.sinks.empty()) {
            s.scratch = join.make_scratch();
            s.sinks.assign(static_cast<std::size_t>(kRowsPerTask), SparseBest(query, original));
        }
        s.requests.clear();
        for (index_t i = begin; i < end; ++i) {
            const index_t excluded = query.excluded == nullptr ? -1 : query.excluded[i];
            s.requests.push_back({i, y.rows, excluded, &s.sinks[static_cast<std::size_t>(i - begin)], true});
        }
        join.visit(s.requests.data(), end - begin, s.scratch);
        NeighbourBlock& block = blocks[static_cast<std::size_t>(begin / kRowsPerTask)];
        for (const SparseRequest& request : s.requests) {
            Best& best = s.sinks[static_cast<std::size_t>(request.i - begin)].best();
            if (!request.complete) {
                best.clear();
                join.everything(request, s.scratch, s.others);
                index_t excluded = request.excluded;
                if (original != nullptr) {
                    for (std::int32_t& other : s.others) other = original[other];
                    std::sort(s.others.begin(), s.others.end());
                    if (excluded >= 0) excluded = original[excluded];
                }
                offer_strangers(s.others, y.rows, excluded, best);
            }
            best.take(block);
        }
    });
    return concatenate(std::move(blocks), x.rows);
}

}  // namespace coterie
