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

// Where the filter says nothing, or of a row's candidates: the canonical scores.
template <typename View>
void compare(const Samples<View>& samples, const Centroids<View>& centroids, index_t i, index_t c,
             Decision& decision) {
    decision.nearest.offer(c, canonical_score(kernels::active(), samples.x, i, centroids, c));
}

template <typename View>
Decision compare_all(const Samples<View>& samples, const Centroids<View>& centroids, index_t i) {
    Decision decision;
    for (index_t c = 0; c < centroids.k; ++c) compare(samples, centroids, i, c, decision);
    decision.candidates = centroids.k;
    return decision;
}

struct FindLabel {
    template <typename View>
    static Decision decide(const Samples<View>& samples, const Centroids<View>& centroids,
                           const Filter<View>& filter, index_t i, index_t r, FilterScratch& scratch) {
        const kernels::Table& t = kernels::active();
        const index_t k_padded = filter.k_padded();
        const float* const scores = scratch.scores.data() + r * filter.scores_stride();
        const RowBound& bound = scratch.bounds[static_cast<std::size_t>(r)];
        Decision decision;
        float second;
        t.top_two(scores, k_padded, &decision.best, &second);
        const index_t best = t.find(scores, k_padded, decision.best);
        decision.nearest.label = best;
        const double reach = filter.reach() * bound.error;
        const float threshold = threshold_below(decision.best, reach);
        if (second < threshold) {
            decision.gap = double{decision.best} - second - 2 * bound.error;
            return decision;
        }
        decision.gap = reach - 2 * bound.error;
        decision.candidates = t.collect_at_least(scores, k_padded, threshold, scratch.candidates.data());
        decision.pairs = decision.candidates - 1;
        decision.candidates = filter.undecided(r, best, decision.candidates, scratch, &decision.gap);
        if (decision.candidates == 1) return decision;
        for (index_t q = 0; q < decision.candidates; ++q)
            compare(samples, centroids, i, scratch.candidates[static_cast<std::size_t>(q)], decision);
        const Nearest& nearest = decision.nearest;
        decision.gap = std::min(decision.gap, nearest.score - nearest.second_score - 2 * bound.rounding);
        return decision;
    }
};

// Label and runner-up, with their canonical scores.
struct FindTwo {
    template <typename View>
    static Decision decide(const Samples<View>& samples, const Centroids<View>& centroids,
                           const Filter<View>& filter, index_t i, index_t r, FilterScratch& scratch) {
        const kernels::Table& t = kernels::active();
        const index_t k_padded = filter.k_padded();
        const float* const scores = scratch.scores.data() + r * filter.scores_stride();
        const RowBound& bound = scratch.bounds[static_cast<std::size_t>(r)];
        Decision decision;
        float second;
        t.top_two(scores, k_padded, &decision.best, &second);
        const float cut = centroids.k == 1 ? decision.best : second;
        decision.candidates = t.collect_at_least(scores, k_padded, threshold_below(cut, 2 * bound.error),
                                                 scratch.candidates.data());
        for (index_t q = 0; q < decision.candidates; ++q)
            compare(samples, centroids, i, scratch.candidates[static_cast<std::size_t>(q)], decision);
        return decision;
    }
};

// Calls use(i, Decision, RowBound, slot) for every row that skip(i) does not hold for.
template <typename Find, typename View, typename Skip, typename Use>
void for_each_nearest(const Samples<View>& samples, const Centroids<View>& centroids,
                      const PackedRows* packed, const Skip& skip, const Use& use) {
    const Filter<View> filter(samples, centroids, packed);
    const index_t k_padded = filter.k_padded(), block = filter.rows_per_block();
    std::vector<FilterScratch> scratches(static_cast<std::size_t>(resolve_thread_count(samples.n_threads)));
    parallel_for_rows(
        samples.x.rows, kRowsPerTask, samples.n_threads, [&](index_t begin, index_t end, int slot) {
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
                    const RowBound& bound = scratch.bounds[static_cast<std::size_t>(r)];
                    const bool is_silent = bound.error == std::numeric_limits<double>::infinity();
                    use(rows[r],
                        is_silent ? compare_all(samples, centroids, rows[r])
                                  : Find::decide(samples, centroids, filter, rows[r], r, scratch),
                        bound, slot);
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
    for_each_nearest<FindLabel>(samples, centroids, packed, is_certain,
                                [&](index_t i, const Decision& decision, const RowBound& bound, int slot) {
                                    SlotStats& stats = slots[static_cast<std::size_t>(slot)];
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
    for (const SlotStats& stats : slots) {
        total.changed += stats.changed;
        total.evaluated += stats.evaluated;
        total.pairs += stats.pairs;
        total.candidates += stats.candidates;
    }
    return total;
}

template <typename View>
void nearest_two(const Samples<View>& samples, const Centroids<View>& centroids, const PackedRows* packed,
                 std::int32_t* labels, float* distances) {
    const kernels::Table& t = kernels::active();
    const auto never = [](index_t) { return false; };
    for_each_nearest<FindTwo>(
        samples, centroids, packed, never, [&](index_t i, const Decision& decision, const RowBound&, int) {
            const bool has_second = centroids.k > 1;
            const Nearest& nearest = decision.nearest;
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
