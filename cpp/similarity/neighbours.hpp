// What the neighbour ops answer, and the best of a row.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/types.hpp"
#include "similarity/selection.hpp"

namespace coterie {

// The neighbours of row i are [indptr[i], indptr[i + 1]), best first.
struct Neighbours {
    std::vector<std::int64_t> indptr;
    std::vector<std::int32_t> indices;
    std::vector<float> similarities;
};

struct NeighbourQuery {
    // At most so many per row; 0 = as many as reach the threshold.
    index_t k = 0;
    // Least similarity, compared with the similarity after its rounding to float32.
    float threshold = -std::numeric_limits<float>::infinity();
    // excluded[i] is the row of Y that row i of X must not get (itself, in a self-join), or -1; null for
    // none.
    const std::int32_t* excluded = nullptr;
};

// Neighbours of a run of consecutive rows of X, before they are joined into one answer.
struct NeighbourBlock {
    std::vector<std::int64_t> counts;
    std::vector<std::int32_t> indices;
    std::vector<float> similarities;

    // The next row's answer, best first.
    void append(const std::vector<Candidate>& row);
};

Neighbours concatenate(std::vector<NeighbourBlock>&& blocks, index_t n_rows);

// The best candidates of one row so far, by canonical score.
class Best {
  public:
    Best() = default;
    explicit Best(const NeighbourQuery& query)
        : k_(query.k),
          threshold_(query.threshold),
          least_(std::nextafter(query.threshold, -std::numeric_limits<float>::infinity())) {}

    void offer(double score, index_t index) {
        if (static_cast<float>(score) < threshold_) return;
        const Candidate candidate{score, static_cast<std::int32_t>(index)};
        if (!full()) {
            items_.push_back(candidate);
            if (full()) std::make_heap(items_.begin(), items_.end(), better);
        } else if (better(candidate, items_.front())) {
            std::pop_heap(items_.begin(), items_.end(), better);
            items_.back() = candidate;
            std::push_heap(items_.begin(), items_.end(), better);
        }
    }

    index_t k() const { return k_; }
    index_t size() const { return static_cast<index_t>(items_.size()); }
    bool full() const { return k_ > 0 && size() >= k_; }

    // Whether such a candidate would be kept, the threshold apart; if not, none of that score and a higher index would.
    bool admits(double score, index_t index) const {
        return !full() || better({score, static_cast<std::int32_t>(index)}, items_.front());
    }

    void clear() { items_.clear(); }

    // No candidate with a canonical score below this can enter.
    double floor() const { return full() ? std::max(least_, items_.front().score) : least_; }
    float threshold() const { return threshold_; }

    // Appends the row's answer, best first, and empties itself.
    void take(NeighbourBlock& block) {
        sort_best_first(items_);
        block.append(items_);
        items_.clear();
    }

  private:
    index_t k_ = 0;
    float threshold_ = -std::numeric_limits<float>::infinity();
    double least_ =
        -std::numeric_limits<double>::infinity();  // below every double that rounds to the threshold
    std::vector<Candidate> items_;                 // once full, a heap with the worst in front
};

}  // namespace coterie
