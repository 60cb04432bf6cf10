#include "cluster/kmeans_plusplus.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <type_traits>

#include "cluster/sample_rows.hpp"
#include "cluster/seed_filter.hpp"
#include "cluster/seeding_scales.hpp"
#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/philox.hpp"

namespace coterie::cluster {
namespace {

constexpr index_t kRowsPerTask = 512;
constexpr index_t kTrialsAtOnce = 8;
constexpr int kDotsAlone = 2;  // so many are had one by one
constexpr unsigned kAllTrials = (1u << kTrialsAtOnce) - 1;
constexpr std::uint64_t kSeedingStream = 1;

// Up to eight rows widened to float64 in the layout the canonical kernels want.
class Trials {
  public:
    Trials(const Dense& x, const std::vector<index_t>& rows)
        : count_(static_cast<index_t>(rows.size())), ld_(ceil_div(x.cols, 8) * 8) {
        values_.assign(static_cast<std::size_t>(kTrialsAtOnce * ld_), 0.0);
        for (index_t c = 0; c < count_; ++c)
            std::copy(x.row(rows[static_cast<std::size_t>(c)]),
                      x.row(rows[static_cast<std::size_t>(c)]) + x.cols, values_.begin() + c * ld_);
    }

    Trials(const Sparse& x, const std::vector<index_t>& rows)
        : count_(static_cast<index_t>(rows.size())), ld_(8) {
        values_.assign(static_cast<std::size_t>(x.cols * 8), 0.0);
        for (index_t c = 0; c < count_; ++c) {
            const SparseRow row = sparse_row(x, rows[static_cast<std::size_t>(c)]);
            for (index_t p = 0; p < row.nnz; ++p)
                values_[static_cast<std::size_t>(index_t{row.indices[p]} * 8 + c)] = row.data[p];
        }
    }

    void dots(const kernels::Table& t, const Dense& x, index_t i, double* out) const {
        t.dots(x.row(i), values_.data(), ld_, count_, x.cols, out);
    }
    void dots(const kernels::Table& t, const Sparse& x, index_t i, double* out) const {
        t.sparse_dots(sparse_row(x, i), values_.data(), out);
    }

    index_t count() const { return count_; }

  private:
    index_t count_, ld_;
    std::vector<double> values_;
};

template <typename View>
class Seeding {
  public:
    Seeding(const Samples<View>& samples, std::uint64_t seed)
        : samples_(samples),
          random_(seed, kSeedingStream),
          closest_(static_cast<std::size_t>(samples.x.rows), std::numeric_limits<double>::infinity()),
          scales_(samples.metric, samples.largest_squared_norm, samples.total_weight),
          n_tasks_(ceil_div(samples.x.rows, kRowsPerTask)) {}

    std::vector<index_t> draw(index_t k, index_t n_local_trials) {
        const auto by_weight = [&](index_t i) { return weight(i); };
        const auto by_potential = [&](index_t i) { return potential(i, closest(i)); };
        std::vector<index_t> seeds = draw_by(by_weight, 1);
        accept(seeds);
        if constexpr (std::is_same_v<View, Dense>)
            if (SeedFilter::pays(samples_, k)) filter_.emplace(samples_);
        while (static_cast<index_t>(seeds.size()) < k)
            seeds.push_back(accept(potential_ > 0 ? draw_by(by_potential, n_local_trials)
                                                  : draw_by(by_weight, n_local_trials)));
        return seeds;
    }

  private:
    double closest(index_t i) const { return closest_[static_cast<std::size_t>(i)]; }
    std::int64_t weight(index_t i) const { return std::llrint(samples_.weight_of(i) * scales_.weight); }
    std::int64_t potential(index_t i, double squared_distance) const {
        return std::llrint(samples_.weight_of(i) * squared_distance * scales_.potential);
    }

    double squared_distance(index_t i, index_t seed, double dot) const {
        const double xx = samples_.squared_norm[static_cast<std::size_t>(i)];
        const double cc = samples_.squared_norm[static_cast<std::size_t>(seed)];
        if (samples_.metric == Metric::euclidean) return std::max(0.0, (xx - 2 * dot) + cc);
        const double norms = std::sqrt(xx) * std::sqrt(cc);
        return norms > 0 ? std::clamp(1 - dot / norms, 0.0, 2.0) : 1.0;
    }

    // Rows at uniform positions of the cumulative sum of value(i) >= 0.
    template <typename Value>
    std::vector<index_t> draw_by(const Value& value, index_t n_draws) {
        const index_t n = samples_.x.rows;
        std::vector<std::int64_t> sums(static_cast<std::size_t>(n_tasks_));
        parallel_for_rows(n, kRowsPerTask, samples_.n_threads, [&](index_t begin, index_t end, int) {
            std::int64_t sum = 0;
            for (index_t i = begin; i < end; ++i) sum += value(i);
            sums[static_cast<std::size_t>(begin / kRowsPerTask)] = sum;
        });
        const std::int64_t total = std::accumulate(sums.begin(), sums.end(), std::int64_t{0});
        std::vector<index_t> rows;
        for (index_t draw = 0; draw < n_draws; ++draw) {
            const auto below = static_cast<std::uint64_t>(total == 0 ? n : total);
            auto position = static_cast<std::int64_t>(random_.below(below));
            index_t i = position;
            if (total > 0) {
                index_t task = 0;
                while (position >= sums[static_cast<std::size_t>(task)])
                    position -= sums[static_cast<std::size_t>(task++)];
                i = task * kRowsPerTask;
                for (; i + 1 < n && position >= value(i); ++i) position -= value(i);
            }
            rows.push_back(i);
        }
        return rows;
    }

    // Of these rows the one that leaves the lowest potential becomes a seed; closest_ and potential_ follow.
    index_t accept(const std::vector<index_t>& trials) {
        index_t best = trials[0];
        std::int64_t lowest = std::numeric_limits<std::int64_t>::max();
        for (std::size_t first = 0; first < trials.size(); first += kTrialsAtOnce) {
            const std::vector<index_t> rows(
                trials.begin() + static_cast<std::ptrdiff_t>(first),
                trials.begin() + static_cast<std::ptrdiff_t>(std::min(first + kTrialsAtOnce, trials.size())));
            distances_.resize(static_cast<std::size_t>(samples_.x.rows) * rows.size());
            const std::vector<std::int64_t> potentials = measure(rows);
            for (std::size_t c = 0; c < rows.size(); ++c) {
                if (potentials[c] >= lowest) continue;
                lowest = potentials[c];
                best = rows[c];
                best_closest_.resize(closest_.size());
                for (std::size_t i = 0; i < closest_.size(); ++i)
                    best_closest_[i] = distances_[i * rows.size() + c];
            }
        }
        closest_.swap(best_closest_);
        potential_ = lowest;
        return best;
    }

    // distances_[i * n_rows + c]: what closest_[i] would be with seed rows[c]; returns the potentials.
    std::vector<std::int64_t> measure(const std::vector<index_t>& rows) {
        const Trials trials(samples_.x, rows);
        const auto n_rows = static_cast<index_t>(rows.size());
        std::vector<std::int64_t> parts(static_cast<std::size_t>(n_tasks_ * n_rows), 0);
        if (filter_) filter_->aim(rows);
        std::vector<FilterScratch> scratches(
            static_cast<std::size_t>(filter_ ? resolve_thread_count(samples_.n_threads) : 0));
        parallel_for_rows(samples_.x.rows, kRowsPerTask, samples_.n_threads,
                          [&](index_t begin, index_t end, int slot) {
                              std::int64_t* const part = parts.data() + begin / kRowsPerTask * n_rows;
                              if (!filter_) {
                                  for (index_t i = begin; i < end; ++i)
                                      measure_row(trials, rows, i, kAllTrials, part);
                                  return;
                              }
                              std::uint8_t nearer[kPackedRows];
                              for (index_t block = begin; block < end; block += kPackedRows) {
                                  const index_t m = std::min(kPackedRows, end - block);
                                  filter_->find_nearer(block, m, closest_.data() + block,
                                                       scratches[static_cast<std::size_t>(slot)], nearer);
                                  for (index_t r = 0; r < m; ++r)
                                      measure_row(trials, rows, block + r, nearer[r], part);
                              }
                          });
        std::vector<std::int64_t> potentials(rows.size(), 0);
        for (std::size_t p = 0; p < parts.size(); ++p) potentials[p % rows.size()] += parts[p];
        return potentials;
    }

    // nearer: bit c says that seed rows[c] may be nearer to row i than closest(i).
    void measure_row(const Trials& trials, const std::vector<index_t>& rows, index_t i, unsigned nearer,
                     std::int64_t* part) {
        const auto n_rows = static_cast<index_t>(rows.size());
        double* const distances = distances_.data() + i * n_rows;
        if (nearer == 0) {
            const std::int64_t kept = potential(i, closest(i));
            for (index_t c = 0; c < n_rows; ++c) {
                distances[c] = closest(i);
                part[c] += kept;
            }
            return;
        }
        double dots[kTrialsAtOnce];
        find_dots(trials, rows, i, nearer, dots);
        for (index_t c = 0; c < n_rows; ++c) {
            distances[c] = closest(i);
            if ((nearer >> c & 1u) != 0)
                distances[c] =
                    std::min(closest(i), squared_distance(i, rows[static_cast<std::size_t>(c)], dots[c]));
            part[c] += potential(i, distances[c]);
        }
    }

    // dots[c] = <x_i, rows[c]> for the bits of nearer at least.
    void find_dots(const Trials& trials, const std::vector<index_t>& rows, index_t i, unsigned nearer,
                   double* dots) const {
        const kernels::Table& t = kernels::active();
        if constexpr (std::is_same_v<View, Dense>) {
            if (std::popcount(nearer) <= kDotsAlone) {
                for (unsigned left = nearer; left != 0; left &= left - 1) {
                    const auto c = static_cast<std::size_t>(std::countr_zero(left));
                    dots[c] = t.dot(samples_.x.row(i), samples_.x.row(rows[c]), samples_.x.cols);
                }
                return;
            }
        }
        trials.dots(t, samples_.x, i, dots);
    }

    const Samples<View>& samples_;
    Philox random_;
    std::vector<double> closest_;                   // [n] D^2 to the nearest seed so far
    std::vector<double> best_closest_, distances_;  // scratch of accept and measure
    std::int64_t potential_ = 0;
    SeedingScales scales_;
    index_t n_tasks_;
    std::optional<SeedFilter> filter_;  // Dense: spares rows that no trial comes near
};

}  // namespace

template <typename View>
std::vector<index_t> kmeans_plusplus(const Samples<View>& samples, index_t k, index_t n_local_trials,
                                     index_t max_rows, std::uint64_t seed) {
    require(k >= 1 && k <= samples.x.rows, "kmeans_plusplus", "n_samples=", samples.x.rows,
            " must be >= n_clusters=", k);
    if (n_local_trials <= 0) n_local_trials = 2 + static_cast<index_t>(std::log(static_cast<double>(k)));
    if (max_rows <= 0) max_rows = rows_for_seeding(k);
    max_rows = std::max(max_rows, k);
    if (samples.x.rows <= max_rows) return Seeding<View>(samples, seed).draw(k, n_local_trials);
    const SampledRows<View> sampled(samples, max_rows, seed);
    std::vector<index_t> seeds = Seeding<View>(sampled.samples(), seed).draw(k, n_local_trials);
    for (index_t& i : seeds) i = sampled.source_row(i);
    return seeds;
}

template std::vector<index_t> kmeans_plusplus(const Samples<Dense>&, index_t, index_t, index_t,
                                              std::uint64_t);
template std::vector<index_t> kmeans_plusplus(const Samples<Sparse>&, index_t, index_t, index_t,
                                              std::uint64_t);

}  // namespace coterie::cluster
