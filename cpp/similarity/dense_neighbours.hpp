// The sink of DenseJoin that keeps the best neighbours of each row.
#pragma once

#include <vector>

#include "similarity/dense_join.hpp"
#include "similarity/neighbours.hpp"

namespace coterie {

// Candidates wait with their filter scores and are evaluated canonically once their row is complete, or
// earlier when too many near-ties wait. With T the k-th largest waiting s', k rows have s >= T - eps, so one
// with s' < T - 2 eps cannot be among the best k.
class DenseNeighbours final : public DenseJoin::Sink {
  public:
    DenseNeighbours(const DenseJoin& join, const NeighbourQuery& query, index_t n_rows, int n_threads);

    void begin_rows(index_t begin, index_t end) override;
    void end_rows(index_t begin, index_t end) override;
    float cut(index_t i) override { return rows_[static_cast<std::size_t>(i - begin_)].cut; }
    void accept(index_t i, index_t first_column, const float* scores, const std::int32_t* positions,
                index_t n_positions) override;

    Neighbours answer() && { return concatenate(std::move(blocks_), n_rows_); }

  private:
    struct Waiting {
        float score;
        std::int32_t index;
    };
    struct Row {
        float cut;
        std::vector<Waiting> waiting;
        Best best;
    };

    void prune(Row& row) const;
    void evaluate(index_t i, Row& row) const;
    float cut_of(const Row& row) const;

    const DenseJoin& join_;
    NeighbourQuery query_;
    index_t n_rows_;
    int n_threads_;
    double eps_;
    index_t most_waiting_;
    index_t begin_ = 0;
    std::vector<Row> rows_;
    std::vector<NeighbourBlock> blocks_;
};

}  // namespace coterie
