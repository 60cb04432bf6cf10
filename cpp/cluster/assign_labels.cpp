#include "cluster/assign_labels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "cluster/narrow_rows.hpp"
#include "cluster/nearest_centroid.hpp"
#include "core/parallel.hpp"
#include "core/prefetch.hpp"

namespace coterie::cluster {
namespace {

// The latter where a row takes little: a task of a few hundred would not be worth waking a thread.
constexpr index_t kRowsPerTask = 256, kCheapRowsPerTask = 1024;

index_t n_products(const Dense& x, index_t) {
    return x.cols;
}
index_t n_products(const Sparse& x, index_t i) {
    return x.indptr[i + 1] - x.indptr[i];
}

void fetch_row(const Dense& x, index_t i) {
    prefetch(x.row(i), x.cols);
}
void fetch_row(const Sparse& x, index_t i) {
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
        const auto block = static_cast<std::size_t>(filter.rows_per_block());
        scratch.scores.resize(block * static_cast<std::size_t>(filter.scores_stride()));
        scratch.maxima.resize(static_cast<std::size_t>(ceil_div(filter.k_padded(), kernels::kScoreGroup) *
                                                       kernels::active().lanes));
        scratch.bounds.resize(block);
        scratch.candidates.resize(static_cast<std::size_t>(filter.k_padded()));
    }

    template <typename StandingOf>
    void split(index_t begin, index_t end, const StandingOf& standing_of) {
        scratch_.active.clear();
        scratch_.contested.resize(static_cast<std::size_t>(end - begin));
        std::size_t n_contested = 0;
        for (index_t i = begin; i < end; ++i) {
            const Standing standing = standing_of(i);
            if (standing == Standing::unknown) scratch_.active.push_back(i);
            scratch_.contested[n_contested] = i;
            n_contested += standing == Standing::contested;
        }
        scratch_.contested.resize(n_contested);
        // Scattered rows are gathered before they are scored; where most are wanted, taking all of them costs less.
        if (static_cast<index_t>(scratch_.active.size()) * 4 <= (end - begin) * 3) return;
        scratch_.contested.clear();
        scratch_.active.resize(static_cast<std::size_t>(end - begin));
        std::iota(scratch_.active.begin(), scratch_.active.end(), begin);
    }

    // settle(i, label) for rows that narrow is certain of; the others are to be scored.
    template <typename Settle>
    void split(index_t begin, index_t end, const NarrowRows& narrow, const Settle& settle) {
        scratch_.active.clear();
        scratch_.contested.clear();
        narrow.visit(begin, end, scratch_, settle, [&](index_t i) { scratch_.active.push_back(i); });
    }

    template <typename Scored>
    void visit_scored(const Scored& scored) {
        for_each_block(scratch_.active, [&](const index_t* rows, index_t m) {
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
            for_each_block(scratch_.active, [&](const index_t* rows, index_t m) {
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
        for_each_block(scratch_.contested, [&](const index_t* rows, index_t m) {
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
    template <typename Use>
    void for_each_block(const std::vector<index_t>& rows, const Use& use) {
        const auto n = static_cast<index_t>(rows.size()), block = filter_.rows_per_block();
        for (index_t b = 0; b < n; b += block) use(rows.data() + b, std::min(block, n - b));
    }

    const Samples<View>& samples_;
    const Centroids<View>& centroids_;
    const Filter<View>& filter_;
    FilterScratch& scratch_;
};

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
    const auto norm = [&](index_t i) { return std::sqrt(samples.squared_norm[static_cast<std::size_t>(i)]); };
    bounds = kept(bounds, is_narrow);
    if (bounds != nullptr)
        bounds->set_rounding(centroids, std::sqrt(samples.largest_squared_norm), samples.x.cols);
    const std::optional<NarrowRows> narrow = is_narrow ? rows_in_lanes(samples, centroids) : std::nullopt;
    const auto standing_of = [&](index_t i) {
        if (bounds == nullptr) return Standing::unknown;
        return bounds->moves_along(i, labels[i], [&] {
            const double length = norm(i);
            return std::pair(length, canonical_error(centroids, length, n_products(samples.x, i)));
        });
    };
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
                              : range.split(begin, end, standing_of);
                       const auto find = [&](index_t i, ScoredRow<View>& row, const RowBound& bound) {
                           const Decision decision = row.find_label();
                           take(i, decision);
                           stats.pairs += decision.pairs;
                           ++stats.evaluated;
                           if (bounds != nullptr)
                               bounds->certify(i, decision.rivals, decision.best, bound, norm(i));
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
                       range.split(begin, end, [](index_t) { return Standing::unknown; });
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
