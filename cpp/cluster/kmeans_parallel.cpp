#include "cluster/kmeans_parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "cluster/assign_labels.hpp"
#include "cluster/filter_choice.hpp"
#include "cluster/kmeans_plusplus.hpp"
#include "cluster/sample_rows.hpp"
#include "cluster/seeding_scales.hpp"
#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/philox.hpp"

namespace coterie::cluster {
namespace {

// Rounds and how many rows they draw together for each cluster. Section 5 of the paper finds no gain from more than 5 rounds
// of k / 2. Above kMostToReduce clusters k-means++ among so many rows would take longer than the iterations: many small rounds
// then come as close to one draw at a time.
struct Plan {
    index_t rounds, draws_per_cluster_times_two;
};
constexpr Plan kFewRounds = {5, 5}, kManyRounds = {64, 2};
constexpr index_t kMostToReduce = 4096;
constexpr std::uint64_t kDrawStream = 3;
// Bounds the memory of a pass: CSR rows become dense centroids with all their columns.
constexpr index_t kCentroidValues = index_t{1} << 24;

Centroids<Dense> as_centroids(const Samples<Dense>& samples, const index_t* rows, index_t m) {
    Centroids<Dense> centroids(m, samples.x.cols, samples.metric);
    for (index_t c = 0; c < m; ++c)
        std::copy(samples.x.row(rows[c]), samples.x.row(rows[c]) + samples.x.cols, centroids.row(c));
    return centroids;
}

Centroids<Sparse> as_centroids(const Samples<Sparse>& samples, const index_t* rows, index_t m) {
    Centroids<Sparse> centroids(m, samples.x.cols, samples.metric);
    for (index_t c = 0; c < m; ++c) {
        const SparseRow row = sparse_row(samples.x, rows[c]);
        for (index_t p = 0; p < row.nnz; ++p) centroids.term(row.indices[p])[c] += row.data[p];
    }
    return centroids;
}

// The rows drawn so far, and of every row the nearest of them with its distance.
template <typename View>
class Candidates {
  public:
    explicit Candidates(const Samples<View>& samples)
        : samples_(samples),
          nearest_(static_cast<std::size_t>(samples.x.rows), 0),
          distance_(nearest_.size(), std::numeric_limits<double>::infinity()),
          is_drawn_(nearest_.size(), 0),
          scales_(samples.metric, samples.largest_squared_norm, samples.total_weight) {}

    const std::vector<index_t>& rows() const { return rows_; }

    void add(const std::vector<index_t>& rows) {
        const auto at_once = std::max<index_t>(1, kCentroidValues / std::max<index_t>(1, samples_.x.cols));
        for (index_t first = 0; first < static_cast<index_t>(rows.size()); first += at_once)
            add(rows.data() + first, std::min(at_once, static_cast<index_t>(rows.size()) - first));
    }

    // w_i as an integer.
    std::int64_t weight(index_t i) const { return std::llrint(samples_.weight_of(i) * scales_.weight); }

    // w_i D_i^2 as an integer; 0 for the rows drawn.
    std::int64_t potential(index_t i) const {
        const auto s = static_cast<std::size_t>(i);
        return is_drawn_[s] ? 0 : std::llrint(samples_.weight_of(i) * distance_[s] * scales_.potential);
    }

    // Of each row drawn the weight of the rows nearest to it.
    std::vector<double> weights() const {
        std::vector<double> total(rows_.size(), 0.0);
        for (index_t i = 0; i < samples_.x.rows; ++i)
            total[static_cast<std::size_t>(nearest_[static_cast<std::size_t>(i)])] += samples_.weight_of(i);
        return total;
    }

  private:
    void add(const index_t* rows, index_t m) {
        Centroids<View> centroids = as_centroids(samples_, rows, m);
        centroids.prepare(samples_.n_threads);
        if (samples_.metric == Metric::cosine) centroids.normalise(samples_.n_threads);
        std::vector<std::int32_t> labels(nearest_.size(), -1);
        // The rounds after the first draw about as many rows each: they share the packed copy.
        if (!filter_ || filter_->packed() == nullptr)
            filter_.emplace(samples_, centroids, kManyRounds.rounds);
        assign_labels(samples_, centroids, labels.data(), filter_->packed(), nullptr, filter_->is_narrow());
        std::vector<double> distance(nearest_.size());
        own_distances(samples_, centroids, labels.data(), distance.data());
        const auto before = static_cast<index_t>(rows_.size());
        for (std::size_t i = 0; i < distance.size(); ++i) {
            if (!(distance[i] < distance_[i])) continue;
            distance_[i] = distance[i];
            nearest_[i] = before + labels[i];
        }
        rows_.insert(rows_.end(), rows, rows + m);
        for (index_t c = 0; c < m; ++c) is_drawn_[static_cast<std::size_t>(rows[c])] = 1;
    }

    const Samples<View>& samples_;
    std::vector<index_t> rows_;
    std::vector<index_t> nearest_;  // [n] position in rows_
    std::vector<double> distance_;  // [n]
    std::vector<std::uint8_t> is_drawn_;
    SeedingScales scales_;
    std::optional<FilterChoice<View>> filter_;
};

template <typename View>
index_t drawn_by_weight(const Candidates<View>& candidates, index_t n, Philox& random) {
    std::int64_t total = 0;
    for (index_t i = 0; i < n; ++i) total += candidates.weight(i);
    if (total == 0) return static_cast<index_t>(random.below(static_cast<std::uint64_t>(n)));
    auto position = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(total)));
    index_t i = 0;
    for (; i + 1 < n && position >= candidates.weight(i); ++i) position -= candidates.weight(i);
    return i;
}

// The rows that one round draws, about `wanted` / `parts` of them: i where a number below sum p comes out below their share of
// p_i.
template <typename View>
std::vector<index_t> drawn_by_potential(const Candidates<View>& candidates, index_t n, index_t wanted,
                                        index_t parts, Philox& random) {
    using Wide = unsigned __int128;
    std::vector<std::int64_t> potential(static_cast<std::size_t>(n));
    std::int64_t total = 0;
    for (index_t i = 0; i < n; ++i) total += potential[static_cast<std::size_t>(i)] = candidates.potential(i);
    std::vector<index_t> rows;
    for (index_t i = 0; i < n && total > 0; ++i) {
        const std::uint64_t position = random.below(static_cast<std::uint64_t>(total));
        const auto p = static_cast<Wide>(potential[static_cast<std::size_t>(i)]);
        if (static_cast<Wide>(parts) * position < static_cast<Wide>(wanted) * p) rows.push_back(i);
    }
    return rows;
}

// The m rows of the highest potential that were not drawn.
template <typename View>
std::vector<index_t> highest(const Candidates<View>& candidates, index_t n, index_t m) {
    std::vector<index_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), index_t{0});
    std::vector<std::int64_t> key(order.size());
    for (index_t i = 0; i < n; ++i) key[static_cast<std::size_t>(i)] = candidates.potential(i);
    for (const index_t i : candidates.rows()) key[static_cast<std::size_t>(i)] = -1;
    std::partial_sort(order.begin(), order.begin() + m, order.end(), [&](index_t a, index_t b) {
        const std::int64_t x = key[static_cast<std::size_t>(a)], y = key[static_cast<std::size_t>(b)];
        return x != y ? x > y : a < b;
    });
    order.resize(static_cast<std::size_t>(m));
    return order;
}

template <typename View>
std::vector<index_t> choose(const Samples<View>& samples, index_t k, std::uint64_t seed) {
    const index_t n = samples.x.rows;
    Philox random(seed, kDrawStream);
    Candidates<View> candidates(samples);
    candidates.add({drawn_by_weight(candidates, n, random)});
    const Plan plan = k <= kMostToReduce ? kFewRounds : kManyRounds;
    for (index_t round = 0; round < plan.rounds; ++round)
        candidates.add(
            drawn_by_potential(candidates, n, plan.draws_per_cluster_times_two * k, 2 * plan.rounds, random));
    const auto missing = k - static_cast<index_t>(candidates.rows().size());
    if (missing > 0) candidates.add(highest(candidates, n, missing));

    if (k > kMostToReduce) return {candidates.rows().begin(), candidates.rows().begin() + k};
    const SampledRows<View> drawn(samples, candidates.rows(), candidates.weights());
    std::vector<index_t> seeds = kmeans_plusplus(drawn.samples(), k, 0, drawn.samples().x.rows, seed);
    for (index_t& i : seeds) i = drawn.source_row(i);
    return seeds;
}

}  // namespace

template <typename View>
std::vector<index_t> kmeans_parallel(const Samples<View>& samples, index_t k, index_t max_rows,
                                     std::uint64_t seed) {
    require(k >= 1 && k <= samples.x.rows, "kmeans_parallel", "n_samples=", samples.x.rows,
            " must be >= n_clusters=", k);
    max_rows = std::max(max_rows <= 0 ? rows_for_seeding(k) : max_rows, k);
    if (samples.x.rows <= max_rows) return choose(samples, k, seed);
    const SampledRows<View> sampled(samples, max_rows, seed);
    std::vector<index_t> seeds = choose(sampled.samples(), k, seed);
    for (index_t& i : seeds) i = sampled.source_row(i);
    return seeds;
}

template std::vector<index_t> kmeans_parallel(const Samples<Dense>&, index_t, index_t, std::uint64_t);
template std::vector<index_t> kmeans_parallel(const Samples<Sparse>&, index_t, index_t, std::uint64_t);

}  // namespace coterie::cluster
