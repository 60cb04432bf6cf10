#include "cluster/assign_labels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/parallel.hpp"
#include "kernels/rounding.hpp"

namespace coterie::cluster {
namespace {

constexpr index_t kRowsPerTask = 256;
struct Nearest {
    index_t label = 0, second = -1;
    double score = -std::numeric_limits<double>::infinity();
    double second_score = -std::numeric_limits<double>::infinity();

    // Offered in increasing c, so that ties stay with the lowest.
    void offer(index_t c, double s) {
        if (s > score) {
            second = label, second_score = score;
            label = c, score = s;
        } else if (s > second_score) {
            second = c, second_score = s;
        }
    }
};

float threshold_below(float score, double slack) {
    return kernels::round_down(double{score} - slack);
}

index_t n_products(const Dense& x, index_t) {
    return x.cols;
}
index_t n_products(const Sparse& x, index_t i) {
    return x.indptr[i + 1] - x.indptr[i];
}

// What the filter and the canonical scores say of one row.
struct Decision {
    Nearest nearest;         // scores only where they were needed
    index_t pairs = 0;       // compared with the best by the filter's packed row
    index_t candidates = 1;  // 1: certain without a canonical score
    float best = 0;          // the filter's highest score
    double gap = 0;          // s(x, label) is at least this above every other; 0: unknown
};

// One row of the block that the filter scored last.
template <typename View>
class ScoredRow {
  public:
    ScoredRow(const Samples<View>& samples, const Centroids<View>& centroids, const Filter<View>& filter,
              index_t i, index_t r, FilterScratch& scratch)
        : samples_(samples),
          centroids_(centroids),
          filter_(filter),
          i_(i),
          r_(r),
          scratch_(scratch),
          scores_(scratch.scores.data() + r * filter.scores_stride()),
          bound_(scratch.bounds[static_cast<std::size_t>(r)]) {}

    // The label, certain; scores of the canonical kind only where candidates are left.
    Decision find_label() {
        if (is_silent()) return compare_all();
        top_two();
        const index_t best = t_.find(scores_, filter_.k_padded(), decision_.best);
        decision_.nearest.label = best;
        const double reach = filter_.reach() * bound_.error;
        const float threshold = threshold_below(decision_.best, reach);
        if (second_ < threshold) {
            decision_.gap = double{decision_.best} - second_ - 2 * bound_.error;
            return decision_;
        }
        decision_.gap = reach - 2 * bound_.error;
        collect(threshold);
        decision_.pairs = decision_.candidates - 1;
        decision_.candidates = filter_.undecided(r_, best, decision_.candidates, scratch_, &decision_.gap);
        if (decision_.candidates == 1) return decision_;
        compare_candidates();
        const Nearest& nearest = decision_.nearest;
        decision_.gap = std::min(decision_.gap, nearest.score - nearest.second_score - 2 * bound_.rounding);
        return decision_;
    }

    // Label and runner-up, with their canonical scores.
    Decision find_two() {
        if (is_silent()) return compare_all();
        top_two();
        const float cut = centroids_.k == 1 ? decision_.best : second_;
        collect(threshold_below(cut, 2 * bound_.error));
        compare_candidates();
        return decision_;
    }

  private:
    bool is_silent() const { return bound_.error == std::numeric_limits<double>::infinity(); }

    void top_two() { t_.top_two(scores_, filter_.k_padded(), &decision_.best, &second_); }

    void collect(float threshold) {
        decision_.candidates =
            t_.collect_at_least(scores_, filter_.k_padded(), threshold, scratch_.candidates.data());
    }

    void compare(index_t c) {
        decision_.nearest.offer(c, canonical_score(t_, samples_.x, i_, centroids_, c));
    }

    void compare_candidates() {
        for (index_t q = 0; q < decision_.candidates; ++q)
            compare(scratch_.candidates[static_cast<std::size_t>(q)]);
    }

    Decision compare_all() {
        for (index_t c = 0; c < centroids_.k; ++c) compare(c);
        decision_.candidates = centroids_.k;
        return decision_;
    }

    const Samples<View>& samples_;
    const Centroids<View>& centroids_;
    const Filter<View>& filter_;
    index_t i_, r_;
    FilterScratch& scratch_;
    const float* scores_;
    const RowBound& bound_;
    const kernels::Table& t_ = kernels::active();
    float second_ = 0;  // the filter's second highest score
    Decision decision_;
};

// Calls use(i, ScoredRow, RowBound, slot) for every row that skip(i) does not hold for.
template <typename View, typename Skip, typename Use>
void for_each_nearest(const Samples<View>& samples, const Centroids<View>& centroids,
                      const PackedRows* packed, const Skip& skip, const Use& use) {
    const Filter<View> filter(samples, centroids, packed);
    const index_t k_padded = filter.k_padded(), block = filter.rows_per_block();
    std::vector<FilterScratch> scratches(static_cast<std::size_t>(resolve_thread_count(samples.n_threads)));
    parallel_for_rows(samples.x.rows, kRowsPerTask, samples.n_threads,
                      [&](index_t begin, index_t end, int slot) {
                          FilterScratch& scratch = scratches[static_cast<std::size_t>(slot)];
                          scratch.scores.resize(static_cast<std::size_t>(block * filter.scores_stride()));
                          scratch.bounds.resize(static_cast<std::size_t>(block));
                          scratch.candidates.resize(static_cast<std::size_t>(k_padded));
                          scratch.active.clear();
                          for (index_t i = begin; i < end; ++i)
                              if (!skip(i)) scratch.active.push_back(i);
                          // Scattered rows are gathered before they are scored; where most are wanted, taking all of them costs less.
                          if (static_cast<index_t>(scratch.active.size()) * 4 > (end - begin) * 3) {
                              scratch.active.resize(static_cast<std::size_t>(end - begin));
                              std::iota(scratch.active.begin(), scratch.active.end(), begin);
                          }
                          const auto n_active = static_cast<index_t>(scratch.active.size());
                          for (index_t b = 0; b < n_active; b += block) {
                              const index_t* const rows = scratch.active.data() + b;
                              const index_t m = std::min(block, n_active - b);
                              filter.score(rows, m, scratch);
                              for (index_t r = 0; r < m; ++r) {
                                  ScoredRow<View> row(samples, centroids, filter, rows[r], r, scratch);
                                  use(rows[r], row, scratch.bounds[static_cast<std::size_t>(r)], slot);
                              }
                          }
                      });
}

// Squared euclidean distance; from the difference itself where that is cheap, so that nothing cancels.
double squared_distance(const kernels::Table& t, const Samples<Dense>& samples, index_t i,
                        const Centroids<Dense>& centroids, index_t c) {
    return t.squared_distance(samples.x.row(i), centroids.row(c), centroids.d);
}

double squared_distance(const kernels::Table& t, const Samples<Sparse>& samples, index_t i,
                        const Centroids<Sparse>& centroids, index_t c) {
    const double s = canonical_score(t, samples.x, i, centroids, c);
    return std::max(0.0, samples.squared_norm[static_cast<std::size_t>(i)] - 2 * s);
}

// Squared euclidean distance, or 1 - cosine within [0, 2].
template <typename View>
double loss(const kernels::Table& t, const Samples<View>& samples, index_t i,
            const Centroids<View>& centroids, index_t c) {
    if (samples.metric == Metric::euclidean) return squared_distance(t, samples, i, centroids, c);
    const double norm = std::sqrt(samples.squared_norm[static_cast<std::size_t>(i)]);
    if (norm == 0) return 1.0;
    return std::clamp(1.0 - canonical_score(t, samples.x, i, centroids, c) / norm, 0.0, 2.0);
}

template <typename View>
float distance(const kernels::Table& t, const Samples<View>& samples, index_t i,
               const Centroids<View>& centroids, index_t c) {
    const double value = loss(t, samples, i, centroids, c);
    return static_cast<float>(samples.metric == Metric::euclidean ? std::sqrt(value) : value);
}

}  // namespace

template <typename View>
AssignStats assign_labels(const Samples<View>& samples, const Centroids<View>& centroids,
                          std::int32_t* labels, const PackedRows* packed, LabelBounds* bounds) {
    struct alignas(64) SlotStats : AssignStats {};  // one cache line each
    std::vector<SlotStats> slots(static_cast<std::size_t>(resolve_thread_count(samples.n_threads)));
    const auto norm = [&](index_t i) { return std::sqrt(samples.squared_norm[static_cast<std::size_t>(i)]); };
    const auto is_certain = [&](index_t i) {
        if (bounds == nullptr || !bounds->moves_along(i, labels[i])) return false;
        const double length = norm(i);
        return bounds->exceeds(i, length, canonical_error(centroids, length, n_products(samples.x, i)));
    };
    for_each_nearest(samples, centroids, packed, is_certain,
                     [&](index_t i, ScoredRow<View>& row, const RowBound& bound, int slot) {
                         SlotStats& stats = slots[static_cast<std::size_t>(slot)];
                         const Decision decision = row.find_label();
                         const auto label = static_cast<std::int32_t>(decision.nearest.label);
                         stats.changed += labels[i] != label;
                         stats.pairs += decision.pairs;
                         stats.candidates += decision.candidates;
                         ++stats.evaluated;
                         labels[i] = label;
                         if (bounds != nullptr)
                             bounds->certify(i, decision.gap, decision.best, bound, norm(i));
                     });
    AssignStats total;
    for (const SlotStats& stats : slots) total.add(stats);
    return total;
}

template <typename View>
void nearest_two(const Samples<View>& samples, const Centroids<View>& centroids, const PackedRows* packed,
                 std::int32_t* labels, float* distances) {
    const kernels::Table& t = kernels::active();
    const auto never = [](index_t) { return false; };
    for_each_nearest(
        samples, centroids, packed, never, [&](index_t i, ScoredRow<View>& row, const RowBound&, int) {
            const Nearest nearest = row.find_two().nearest;
            const bool has_second = centroids.k > 1;
            labels[2 * i] = static_cast<std::int32_t>(nearest.label);
            labels[2 * i + 1] = has_second ? static_cast<std::int32_t>(nearest.second) : -1;
            distances[2 * i] = distance(t, samples, i, centroids, nearest.label);
            distances[2 * i + 1] = has_second ? distance(t, samples, i, centroids, nearest.second)
                                              : std::numeric_limits<float>::infinity();
        });
}

template <typename View>
void all_distances(const Samples<View>& samples, const Centroids<View>& centroids, float* out) {
    const kernels::Table& t = kernels::active();
    parallel_for_rows(samples.x.rows, 64, samples.n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i)
            for (index_t c = 0; c < centroids.k; ++c)
                out[i * centroids.k + c] = distance(t, samples, i, centroids, c);
    });
}

template <typename View>
void own_distances(const Samples<View>& samples, const Centroids<View>& centroids, const std::int32_t* labels,
                   double* out) {
    const kernels::Table& t = kernels::active();
    parallel_for_rows(samples.x.rows, kRowsPerTask, samples.n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) out[i] = loss(t, samples, i, centroids, labels[i]);
    });
}

template <typename View>
ExactSum exact_inertia(const Samples<View>& samples, const Centroids<View>& centroids,
                       const std::int32_t* labels) {
    const kernels::Table& t = kernels::active();
    std::vector<ExactSum> slots(static_cast<std::size_t>(resolve_thread_count(samples.n_threads)));
    parallel_for_rows(
        samples.x.rows, kRowsPerTask, samples.n_threads, [&](index_t begin, index_t end, int slot) {
            for (index_t i = begin; i < end; ++i)
                slots[static_cast<std::size_t>(slot)].add(samples.weight_of(i) *
                                                          loss(t, samples, i, centroids, labels[i]));
        });
    ExactSum total;
    for (const ExactSum& slot : slots) total.add(slot);
    return total;
}

#define COTERIE_INSTANTIATE(View)                                                                            \
    template AssignStats assign_labels(const Samples<View>&, const Centroids<View>&, std::int32_t*,          \
                                       const PackedRows*, LabelBounds*);                                     \
    template void nearest_two(const Samples<View>&, const Centroids<View>&, const PackedRows*,               \
                              std::int32_t*, float*);                                                        \
    template void all_distances(const Samples<View>&, const Centroids<View>&, float*);                       \
    template void own_distances(const Samples<View>&, const Centroids<View>&, const std::int32_t*, double*); \
    template ExactSum exact_inertia(const Samples<View>&, const Centroids<View>&, const std::int32_t*);
COTERIE_INSTANTIATE(Dense)
COTERIE_INSTANTIATE(Sparse)

}  // namespace coterie::cluster
