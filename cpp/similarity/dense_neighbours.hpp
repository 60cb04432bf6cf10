// The sink of DenseJoin that keeps the best neighbours of each row.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "similarity/dense_join.hpp"
#include "similarity/neighbours.hpp"

namespace coterie {

// Candidates wait with their filter scores and are evaluated canonically once their row is complete, or
// earlier when too many near-ties wait. With T the k-th largest waiting s', k rows have s >= T - eps, so one
// with s' < T - 2 eps cannot be among the best k.
class DenseNeighbours final : public DenseJoin::Sink {
  public:
    DenseNeighbours(const DenseJoin& join, const NeighbourQuery& query, index_t n_rows, index_t n_features,
                    int n_threads);

    void begin_rows(index_t begin, index_t end) override;
    void end_rows(index_t begin, index_t end) override;
    float cut(index_t i) override { return shared_cut(i).load(std::memory_order_relaxed); }
    bool symmetric() const override { return !locks_.empty(); }
    void cuts(index_t first, index_t n, float* least) override;
    void accept(index_t i, index_t first_column, const float* scores, const std::int32_t* positions,
                index_t n_positions) override;

    // Canonical scores of pairs that are not in the answer.
    index_t n_scored_in_vain() const { return n_in_vain_.load(); }

    Neighbours answer() && { return concatenate(std::move(blocks_), n_rows_); }

  private:
    struct Waiting {
        float score;
        std::int32_t index;
    };
    struct Likelier {
        bool operator()(const Waiting& a, const Waiting& b) const {
            return a.score > b.score || (a.score == b.score && a.index < b.index);
        }
    };
    struct Row {
        std::vector<Waiting> waiting;
        Best best;
        index_t n_scored = 0;
    };

    std::atomic_ref<float> shared_cut(index_t i) {
        return std::atomic_ref<float>(cuts_[static_cast<std::size_t>(i - begin_)]);
    }
    void raise_cut(index_t i, float cut);
    // Returns T, or -infinity if fewer than k wait.
    float prune(index_t i, Row& row, std::vector<float>& scores);
    void tighten(index_t i, Row& row);
    // Of a row, when its candidates are scored in the order in which they wait: those below likeliest stay.
    struct Pass {
        float likeliest;
        bool fetches;
        std::size_t next = 0, n_left = 0;
    };
    void score_likeliest(index_t begin, index_t end);
    void advance(index_t i, Row& row, Pass& pass, index_t end_column);
    // Best first, so that the floor rises early and most of them need no evaluation.
    void evaluate(index_t i, Row& row);
    bool visit(index_t i, Row& row, std::size_t p);
    float cut_of(const Row& row) const;

    const DenseJoin& join_;
    NeighbourQuery query_;
    index_t n_rows_, n_features_;
    int n_threads_;
    double eps_;
    std::atomic<index_t> n_in_vain_{0};
    index_t most_waiting_;
    index_t begin_ = 0;
    std::vector<Row> rows_;
    std::vector<float> cuts_;
    std::vector<std::mutex> locks_;  // row i is changed under lock i % size, if there are any
    std::vector<NeighbourBlock> blocks_;
};

// A trial of DenseJoin for such a query.
DenseJoin::Trial trial_of(const NeighbourQuery& query, index_t n_features, int n_threads);

}  // namespace coterie
