#include "similarity/near_duplicates.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "kernels/rounding.hpp"
#include "similarity/checks.hpp"
#include "similarity/dense_join.hpp"
#include "similarity/disjoint_sets.hpp"
#include "similarity/jaccard_top_k.hpp"
#include "similarity/rows_by_size.hpp"
#include "similarity/sparse_join.hpp"

namespace coterie {
namespace {

// Below every double that rounds to the threshold or above it.
double below(float threshold) {
    return std::nextafter(threshold, -std::numeric_limits<float>::infinity());
}

template <typename View>
void check(const View& x, float threshold, const char* op, int n_threads) {
    require(threshold > 0 && threshold <= 1, op, "threshold must be in (0, 1]; got ", threshold);
    check_pair(x, x, NeighbourQuery{}, op, n_threads);
}

std::vector<std::int32_t> roots(DisjointSets& sets, index_t n) {
    std::vector<std::int32_t> first(static_cast<std::size_t>(n));
    for (index_t i = 0; i < n; ++i) first[i] = sets.root(static_cast<std::int32_t>(i));
    return first;
}

class DenseUnion final : public DenseJoin::Sink {
  public:
    DenseUnion(const DenseJoin& join, float threshold, DisjointSets& sets)
        : join_(join),
          sets_(sets),
          threshold_(threshold),
          cut_(kernels::round_down(below(threshold) - join.error_bound())) {}
    void begin_rows(index_t, index_t) override {}
    void end_rows(index_t, index_t) override {}
    float cut(index_t) override { return cut_; }
    bool lower_triangle() const override { return true; }
    void accept(index_t i, index_t first_column, const float*, const std::int32_t* positions,
                index_t n_positions) override {
        const auto row = static_cast<std::int32_t>(i);
        for (index_t p = 0; p < n_positions; ++p) {
            const auto j = static_cast<std::int32_t>(first_column + positions[p]);
            if (j >= row) break;
            if (!sets_.together(row, j) && static_cast<float>(join_.score(i, j)) >= threshold_)
                sets_.unite(row, j);
        }
    }

  private:
    const DenseJoin& join_;
    DisjointSets& sets_;
    float threshold_;
    float cut_;
};

// Scores that the error bound alone lets pass.
class CountBelow final : public DenseJoin::Sink {
  public:
    CountBelow(const DenseJoin& join, float threshold)
        : threshold_(threshold), cut_(kernels::round_down(below(threshold) - join.error_bound())) {}
    void begin_rows(index_t, index_t) override {}
    void end_rows(index_t, index_t) override {}
    float cut(index_t) override { return cut_; }
    void accept(index_t, index_t, const float* scores, const std::int32_t*, index_t n) override {
        n_ += std::count_if(scores, scores + n, [this](float s) { return s >= cut_ && s < threshold_; });
    }
    index_t n() const { return n_.load(); }

  private:
    float threshold_, cut_;
    std::atomic<index_t> n_{0};
};

DenseJoin::Trial trial_of(float threshold) {
    return [threshold](const DenseJoin& sample, index_t n_rows) {
        CountBelow sink(sample, threshold);
        sample.run(sink);
        return static_cast<double>(sink.n()) / static_cast<double>(n_rows);
    };
}

class SparseUnion final : public SparseSink {
  public:
    SparseUnion(float threshold, DisjointSets& sets)
        : sets_(sets), threshold_(threshold), floor_(below(threshold)) {}
    void start(index_t i) { row_ = static_cast<std::int32_t>(i); }
    double floor() const override { return floor_; }
    index_t wanted() const override { return 0; }
    bool skips(index_t j) const override { return sets_.together(row_, static_cast<std::int32_t>(j)); }
    void offer(double score, index_t j) override {
        if (static_cast<float>(score) >= threshold_) sets_.unite(row_, static_cast<std::int32_t>(j));
    }

  private:
    DisjointSets& sets_;
    float threshold_;
    double floor_;
    std::int32_t row_ = 0;
};

template <typename Measure>
std::vector<std::int32_t> sparse_components(const CsrView& x, float threshold, int n_threads) {
    const SparseJoin<Measure> join(x, x, n_threads);
    DisjointSets sets(x.rows);
    struct Slot {
        typename SparseJoin<Measure>::Scratch scratch;
        std::vector<std::int32_t> others;
        bool ready = false;
    };
    std::vector<Slot> slots(static_cast<std::size_t>(resolve_thread_count(n_threads)));
    parallel_for_rows(x.rows, 16, n_threads, [&](index_t begin, index_t end, int slot) {
        Slot& s = slots[static_cast<std::size_t>(slot)];
        if (!s.ready) s.scratch = join.make_scratch();
        s.ready = true;
        SparseUnion sink(threshold, sets);
        for (index_t i = begin; i < end; ++i) {
            sink.start(i);
            SparseRequest request{i, i, -1, &sink, true};
            join.visit(&request, 1, s.scratch);
            if (!request.complete) join.everything(request, s.scratch, s.others);
        }
    });
    return roots(sets, x.rows);
}

}  // namespace

std::vector<std::int32_t> cosine_components(const MatrixView<const float>& x, float threshold,
                                            int n_threads) {
    check(x, threshold, "near_duplicates", n_threads);
    const DenseJoin join(x, x, n_threads, trial_of(threshold));
    DisjointSets sets(x.rows);
    DenseUnion sink(join, threshold, sets);
    join.run(sink);
    return roots(sets, x.rows);
}

std::vector<std::int32_t> cosine_components(const CsrView& x, float threshold, int n_threads) {
    check(x, threshold, "near_duplicates", n_threads);
    return sparse_components<CosineMeasure>(x, threshold, n_threads);
}

std::vector<std::int32_t> jaccard_components(const CsrView& x, float threshold, int n_threads) {
    check(x, threshold, "near_duplicates", n_threads);
    check_not_negative(x, "near_duplicates", n_threads);
    const RowsBySize sorted(x, n_threads);
    const std::vector<std::int32_t>& original = sorted.original();
    const std::vector<std::int32_t> roots =
        sparse_components<JaccardMeasure>(sorted.view(), threshold, n_threads);
    std::vector<std::int32_t> lowest(roots.size(), std::numeric_limits<std::int32_t>::max());
    for (std::size_t r = 0; r < roots.size(); ++r) lowest[roots[r]] = std::min(lowest[roots[r]], original[r]);
    std::vector<std::int32_t> first(roots.size());
    for (std::size_t r = 0; r < roots.size(); ++r) first[original[r]] = lowest[roots[r]];
    return first;
}

}  // namespace coterie
