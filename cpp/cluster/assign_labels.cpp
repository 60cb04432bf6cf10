#include "cluster/assign_labels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "cluster/narrow_rows.hpp"
#include "cluster/nearest_centroid.hpp"
#include "cluster/row_range.hpp"
#include "cluster/standings.hpp"
#include "core/parallel.hpp"

namespace coterie::cluster {
namespace {

// The latter where a row takes little: a task of a few hundred would not be worth waking a thread.
constexpr index_t kRowsPerTask = 256, kCheapRowsPerTask = 1024;

std::optional<NarrowRows> rows_in_lanes(const Samples<Dense>& samples, const Centroids<Dense>& centroids) {
    return NarrowRows(samples, centroids);
}
std::optional<NarrowRows> rows_in_lanes(const Samples<Sparse>&, const Centroids<Sparse>&) {
    return std::nullopt;
}

// Calls visit(RowRange, begin, end, slot) for every range of rows.
template <typename View, typename Visit>
void for_each_range(const Samples<View>& samples, const Centroids<View>& centroids,
                    typename Filter<View>::Packed* packed, index_t rows_per_task, const Visit& visit) {
    const Filter<View> filter(samples, centroids, packed);
    std::vector<FilterScratch> scratches(static_cast<std::size_t>(resolve_thread_count(samples.n_threads)));
    parallel_for_rows(
        samples.x.rows, rows_per_task, samples.n_threads, [&](index_t begin, index_t end, int slot) {
            RowRange<View> range(samples, centroids, filter, scratches[static_cast<std::size_t>(slot)]);
            visit(range, begin, end, slot);
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

// Rows in lanes keep no bounds.
LabelBounds* kept(LabelBounds* bounds, bool is_narrow) {
    if (!is_narrow) return bounds;
    if (bounds != nullptr) bounds->forget();
    return nullptr;
}

}  // namespace

template <typename View>
AssignStats assign_labels(const Samples<View>& samples, const Centroids<View>& centroids,
                          std::int32_t* labels, typename Filter<View>::Packed* packed, LabelBounds* bounds,
                          bool is_narrow) {
    struct alignas(64) SlotStats : AssignStats {};  // one cache line each
    std::vector<SlotStats> slots(static_cast<std::size_t>(resolve_thread_count(samples.n_threads)));
    bounds = kept(bounds, is_narrow);
    const std::optional<NarrowRows> narrow = is_narrow ? rows_in_lanes(samples, centroids) : std::nullopt;
    const Standings<View> standings(samples, centroids, labels, packed, bounds);
    for_each_range(samples, centroids, packed, is_narrow ? kCheapRowsPerTask : kRowsPerTask,
                   [&](RowRange<View>& range, index_t begin, index_t end, int slot) {
                       SlotStats& stats = slots[static_cast<std::size_t>(slot)];
                       const auto put = [&](index_t i, std::int32_t label, index_t candidates) {
                           stats.changed += labels[i] != label;
                           stats.candidates += candidates;
                           labels[i] = label;
                       };
                       const auto take = [&](index_t i, const Decision& decision) {
                           put(i, static_cast<std::int32_t>(decision.nearest.label), decision.candidates);
                       };
                       const auto put_certain = [&](index_t i, std::int32_t label) {
                           put(i, label, 1);
                           ++stats.evaluated;
                       };
                       narrow ? range.split(begin, end, *narrow, put_certain)
                              : range.split(begin, end, standings);
                       stats.exposed += range.visit_exposed(begin, end, standings);
                       const auto find = [&](index_t i, ScoredRow<View>& row, const RowBound& bound) {
                           const Decision decision = row.find_label();
                           take(i, decision);
                           stats.pairs += decision.pairs;
                           ++stats.evaluated;
                           if (bounds != nullptr)
                               bounds->certify(i, decision.rivals, decision.best, bound,
                                               std::sqrt(samples.squared_norm[static_cast<std::size_t>(i)]));
                       };
                       bounds == nullptr ? range.visit_settled(put_certain, find) : range.visit_scored(find);
                       range.visit_contested(
                           [&](index_t i, const ContestedRow<View>& row) {
                               ++stats.contested;
                               ++stats.candidates;
                               return row.settle(labels[i], *bounds);
                           },
                           [&](index_t i, const ContestedRow<View>& row, unsigned undecided) {
                               --stats.candidates;
                               take(i, row.find_label(labels[i], undecided, *bounds));
                           });
                   });
    AssignStats total;
    for (const SlotStats& stats : slots) total.add(stats);
    return total;
}

template <typename View>
void nearest_two(const Samples<View>& samples, const Centroids<View>& centroids,
                 typename Filter<View>::Packed* packed, std::int32_t* labels, float* distances) {
    const kernels::Table& t = kernels::active();
    const auto write = [&](index_t i, const Nearest& nearest) {
        const bool has_second = centroids.k > 1;
        labels[2 * i] = static_cast<std::int32_t>(nearest.label);
        labels[2 * i + 1] = has_second ? static_cast<std::int32_t>(nearest.second) : -1;
        distances[2 * i] = distance(t, samples, i, centroids, nearest.label);
        distances[2 * i + 1] = has_second ? distance(t, samples, i, centroids, nearest.second)
                                          : std::numeric_limits<float>::infinity();
    };
    for_each_range(samples, centroids, packed, kRowsPerTask,
                   [&](RowRange<View>& range, index_t begin, index_t end, int) {
                       range.take_all(begin, end);
                       range.visit_scored([&](index_t i, ScoredRow<View>& row, const RowBound&) {
                           write(i, row.find_two().nearest);
                       });
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
double own_distance(const Samples<View>& samples, const Centroids<View>& centroids, index_t i,
                    std::int32_t label) {
    return loss(kernels::active(), samples, i, centroids, label);
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
        samples.x.rows, kCheapRowsPerTask, samples.n_threads, [&](index_t begin, index_t end, int slot) {
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
                                       Filter<View>::Packed*, LabelBounds*, bool);                           \
    template void nearest_two(const Samples<View>&, const Centroids<View>&, Filter<View>::Packed*,           \
                              std::int32_t*, float*);                                                        \
    template void all_distances(const Samples<View>&, const Centroids<View>&, float*);                       \
    template double own_distance(const Samples<View>&, const Centroids<View>&, index_t, std::int32_t);       \
    template void own_distances(const Samples<View>&, const Centroids<View>&, const std::int32_t*, double*); \
    template ExactSum exact_inertia(const Samples<View>&, const Centroids<View>&, const std::int32_t*);
COTERIE_INSTANTIATE(Dense)
COTERIE_INSTANTIATE(Sparse)

}  // namespace coterie::cluster
