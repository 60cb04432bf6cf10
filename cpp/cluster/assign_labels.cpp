#include "cluster/assign_labels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/parallel.hpp"

namespace coterie::cluster {
namespace {

constexpr index_t kRowsPerTask = 256;
constexpr double kFloatRoundoff = 0x1p-24;
constexpr double kDoubleRoundoff = 0x1p-53;
// Above this magnitude a float32 score may overflow, and the row is compared canonically with every centroid.
constexpr double kFilterLimit = 1e37;

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

// Bound on |s' - s| for a row of length norm and n products a score: gamma_{n+3} covers the float32 products
// and sums, the rounding of the bias and its subtraction; the second term the canonical float64 sum; the last
// gradual underflow.
double filter_error(const CentroidNorms& centroids, double norm, index_t n_products) {
    const double n = static_cast<double>(n_products) + 3;
    const double magnitude = norm * centroids.largest_norm + centroids.largest_bias;
    const double gamma = n * kFloatRoundoff / (1 - n * kFloatRoundoff);
    return (gamma + 2 * n * kDoubleRoundoff) * magnitude * 1.000001 + n * 0x1p-148;
}

bool filter_is_safe(const CentroidNorms& centroids, double norm, index_t n_products) {
    return norm * centroids.largest_norm + centroids.largest_bias < kFilterLimit &&
           n_products < (index_t{1} << 22);
}

// score - slack, rounded downward to float32.
float threshold_below(float score, double slack) {
    const double exact = double{score} - slack;
    const auto rounded = static_cast<float>(exact);
    return double{rounded} <= exact ? rounded
                                    : std::nextafter(rounded, -std::numeric_limits<float>::infinity());
}

// Scores of rows [begin, begin + m) by the float32 filter, scores[r * k_padded + c].
void filter_scores(const kernels::Table& t, const Dense& x, const Centroids<Dense>& centroids, index_t begin,
                   index_t m, float* scores) {
    t.score_block(x.row(begin), x.stride, m, centroids.packed.data(), centroids.bias.data(),
                  centroids.k_padded, centroids.d, scores, centroids.k_padded);
}

void filter_scores(const kernels::Table& t, const Sparse& x, const Centroids<Sparse>& centroids,
                   index_t begin, index_t m, float* scores) {
    for (index_t r = 0; r < m; ++r)
        t.score_sparse_row(sparse_row(x, begin + r), centroids.values.data(), centroids.ld,
                           centroids.bias.data(), centroids.k_padded, scores + r * centroids.k_padded);
}

index_t n_products(const Dense& x, index_t) {
    return x.cols;
}
index_t n_products(const Sparse& x, index_t i) {
    return x.indptr[i + 1] - x.indptr[i];
}

// Scratch of one thread: a block of scores that stays in the second-level cache, and one row's candidates.
struct Scratch {
    std::vector<float> scores;
    std::vector<std::int32_t> candidates;
};

index_t rows_per_block(index_t k_padded) {
    return std::clamp<index_t>((1 << 18) / k_padded, 8, 64);
}

// Calls use(i, Nearest, n_candidates, slot) for every row. n_best = 1: label is certain, score only if it was
// needed; n_best = 2: both labels and both scores.
template <typename View, typename Use>
void for_each_nearest(const Samples<View>& samples, const Centroids<View>& centroids, int n_best,
                      const Use& use) {
    const kernels::Table& t = kernels::active();
    const index_t k = centroids.k, k_padded = centroids.k_padded, block = rows_per_block(k_padded);
    std::vector<Scratch> scratches(static_cast<std::size_t>(resolve_thread_count(samples.n_threads)));
    const auto nearest_of_row = [&](index_t i, const float* scores, int slot) {
        Scratch& scratch = scratches[static_cast<std::size_t>(slot)];
        const double norm = std::sqrt(samples.squared_norm[static_cast<std::size_t>(i)]);
        Nearest nearest;
        if (!filter_is_safe(centroids, norm, n_products(samples.x, i))) {
            for (index_t c = 0; c < k; ++c) nearest.offer(c, canonical_score(t, samples.x, i, centroids, c));
            return use(i, nearest, k, slot);
        }
        float first, second;
        t.top_two(scores, k_padded, &first, &second);
        const double slack = 2 * filter_error(centroids, norm, n_products(samples.x, i));
        const float threshold = threshold_below(n_best == 1 || k == 1 ? first : second, slack);
        std::int32_t* const candidates = scratch.candidates.data();
        const index_t count = t.collect_at_least(scores, k_padded, threshold, candidates);
        if (count == 1 && n_best == 1) {
            nearest.label = candidates[0];
        } else {
            for (index_t q = 0; q < count; ++q)
                nearest.offer(candidates[q], canonical_score(t, samples.x, i, centroids, candidates[q]));
        }
        use(i, nearest, count, slot);
    };
    parallel_for_rows(samples.x.rows, kRowsPerTask, samples.n_threads,
                      [&](index_t begin, index_t end, int slot) {
                          Scratch& scratch = scratches[static_cast<std::size_t>(slot)];
                          scratch.scores.resize(static_cast<std::size_t>(block * k_padded));
                          scratch.candidates.resize(static_cast<std::size_t>(k_padded));
                          for (index_t b = begin; b < end; b += block) {
                              const index_t m = std::min(block, end - b);
                              filter_scores(t, samples.x, centroids, b, m, scratch.scores.data());
                              for (index_t r = 0; r < m; ++r)
                                  nearest_of_row(b + r, scratch.scores.data() + r * k_padded, slot);
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
                          std::int32_t* labels) {
    struct alignas(64) SlotStats : AssignStats {};  // one cache line each
    std::vector<SlotStats> slots(static_cast<std::size_t>(resolve_thread_count(samples.n_threads)));
    for_each_nearest(samples, centroids, 1, [&](index_t i, const Nearest& nearest, index_t count, int slot) {
        SlotStats& stats = slots[static_cast<std::size_t>(slot)];
        const auto label = static_cast<std::int32_t>(nearest.label);
        stats.changed += labels[i] != label;
        stats.candidates += count;
        labels[i] = label;
    });
    AssignStats total;
    for (const SlotStats& stats : slots) {
        total.changed += stats.changed;
        total.candidates += stats.candidates;
    }
    return total;
}

template <typename View>
void nearest_two(const Samples<View>& samples, const Centroids<View>& centroids, std::int32_t* labels,
                 float* distances) {
    const kernels::Table& t = kernels::active();
    for_each_nearest(samples, centroids, 2, [&](index_t i, const Nearest& nearest, index_t, int) {
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
double inertia(const Samples<View>& samples, const Centroids<View>& centroids, const std::int32_t* labels) {
    const kernels::Table& t = kernels::active();
    std::vector<double> parts(static_cast<std::size_t>(ceil_div(samples.x.rows, kRowsPerTask)));
    parallel_for_rows(samples.x.rows, kRowsPerTask, samples.n_threads, [&](index_t begin, index_t end, int) {
        double sum = 0;
        for (index_t i = begin; i < end; ++i)
            sum += samples.weight_of(i) * loss(t, samples, i, centroids, labels[i]);
        parts[static_cast<std::size_t>(begin / kRowsPerTask)] = sum;
    });
    double total = 0;
    for (const double part : parts) total += part;
    return total;
}

#define COTERIE_INSTANTIATE(View)                                                                            \
    template AssignStats assign_labels(const Samples<View>&, const Centroids<View>&, std::int32_t*);         \
    template void nearest_two(const Samples<View>&, const Centroids<View>&, std::int32_t*, float*);          \
    template void all_distances(const Samples<View>&, const Centroids<View>&, float*);                       \
    template void own_distances(const Samples<View>&, const Centroids<View>&, const std::int32_t*, double*); \
    template double inertia(const Samples<View>&, const Centroids<View>&, const std::int32_t*);
COTERIE_INSTANTIATE(Dense)
COTERIE_INSTANTIATE(Sparse)

}  // namespace coterie::cluster
