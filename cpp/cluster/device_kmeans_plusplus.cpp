#include "cluster/device_kmeans_plusplus.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cluster/sample_rows.hpp"
#include "cluster/seeding_scales.hpp"
#include "core/check.hpp"
#include "core/interrupt.hpp"
#include "core/philox.hpp"

namespace coterie::cluster {
namespace {

using cuda::DeviceArray;
using device::kSeedingRowsPerTask;
using device::kTrialsAtOnce;

constexpr std::uint64_t kSeedingStream = 1;

// Room for the trials of CSR rows by column; dense ones are read where they lie.
index_t size_of_spread(const Dense&) {
    return 0;
}
index_t size_of_spread(const Sparse& x) {
    return x.cols * kTrialsAtOnce;
}

void launch_measure(const DeviceSamples<Dense>& samples, const device::MeasureTrials<Dense>& measure,
                    DeviceArray<double>&, index_t n_blocks) {
    samples.kernels().measure_dense_trials(samples.device(), measure, n_blocks);
}
void launch_measure(const DeviceSamples<Sparse>& samples, const device::MeasureTrials<Sparse>& measure,
                    DeviceArray<double>& spread, index_t n_blocks) {
    device::SpreadTrials program{samples.rows().x, {}, spread.data()};
    std::copy(std::begin(measure.trial), std::end(measure.trial), program.trial);
    spread.fill_bytes(0);
    samples.kernels().spread_trials(samples.device(), program, measure.n_trials);
    samples.kernels().measure_sparse_trials(samples.device(), measure, n_blocks);
}

template <typename View>
class DeviceSeeding {
  public:
    DeviceSeeding(const DeviceSamples<View>& samples, std::uint64_t seed)
        : samples_(samples),
          random_(seed, kSeedingStream),
          n_(samples.n_samples()),
          closest_(samples.device(), n_, "the seeding distances"),
          best_closest_(samples.device(), n_, "the seeding distances"),
          distances_(samples.device(), n_ * kTrialsAtOnce, "the seeding distances"),
          spread_(samples.device(), size_of_spread(samples.rows().x), "the seeding trials"),
          potentials_(samples.device(), kTrialsAtOnce, "the potentials"),
          task_sums_(samples.device(), ceil_div(n_, kSeedingRowsPerTask), "the potentials") {
        const std::vector<double> norms = samples.squared_norms();
        const double largest_norm = norms.empty() ? 0.0 : *std::max_element(norms.begin(), norms.end());
        const SeedingScales scales(samples.metric(), largest_norm, samples.total_weight());
        scales_ = {scales.potential, scales.weight};
        const std::vector<double> far(static_cast<std::size_t>(n_), std::numeric_limits<double>::infinity());
        closest_.upload(far.data());
    }

    std::vector<index_t> draw(index_t k, index_t n_local_trials) {
        sum_tasks(nullptr);
        std::vector<index_t> seeds = {draw_row(nullptr)};
        accept({seeds[0]});
        while (static_cast<index_t>(seeds.size()) < k) {
            check_interrupt();
            const double* const closest = potential_ > 0 ? closest_.data() : nullptr;
            sum_tasks(closest);
            std::vector<index_t> trials;
            for (index_t trial = 0; trial < n_local_trials; ++trial) trials.push_back(draw_row(closest));
            seeds.push_back(accept(trials));
        }
        return seeds;
    }

  private:
    // closest null: by weight alone.
    void sum_tasks(const double* closest) {
        samples_.kernels().task_sums(samples_.device(),
                                     {n_, samples_.rows().weight, closest, scales_, task_sums_.data()},
                                     task_sums_.size());
        sums_ = task_sums_.to_host();
    }

    // The row at a uniform position of the cumulative sum that sum_tasks summed.
    index_t draw_row(const double* closest) {
        std::int64_t total = 0;
        for (const std::int64_t sum : sums_) total += sum;
        if (total == 0) return static_cast<index_t>(random_.below(static_cast<std::uint64_t>(n_)));
        auto position = static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(total)));
        std::size_t task = 0;
        while (position >= sums_[task]) position -= sums_[task++];
        index_t i = static_cast<index_t>(task) * kSeedingRowsPerTask;
        const index_t first = i, end = std::min(n_, i + kSeedingRowsPerTask);
        std::vector<double> near(static_cast<std::size_t>(end - i));
        if (closest != nullptr)
            samples_.device().download(near.data(), closest + i, near.size() * sizeof(double));
        const auto value = [&](index_t row) -> std::int64_t {
            if (closest == nullptr) return std::llrint(samples_.weight_of(row) * scales_.weight);
            return device::potential_of(samples_.weight_of(row), near[static_cast<std::size_t>(row - first)],
                                        scales_.potential);
        };
        for (; i + 1 < end && position >= value(i); ++i) position -= value(i);
        return i;
    }

    // Of these rows the one that leaves the lowest potential becomes a seed.
    index_t accept(const std::vector<index_t>& trials) {
        index_t best = trials[0];
        std::int64_t lowest = std::numeric_limits<std::int64_t>::max();
        for (std::size_t first = 0; first < trials.size(); first += kTrialsAtOnce) {
            const std::size_t count = std::min<std::size_t>(kTrialsAtOnce, trials.size() - first);
            device::MeasureTrials<View> measure{samples_.rows(),   {},
                                                spread_.data(),    static_cast<int>(count),
                                                scales_.potential, closest_.data(),
                                                distances_.data(), potentials_.data()};
            for (std::size_t c = 0; c < count; ++c) measure.trial[c] = trials[first + c];
            potentials_.fill_bytes(0);
            launch_measure(samples_, measure, spread_,
                           ceil_div(n_, device::MeasureTrials<View>::kRowsPerBlock));
            const std::vector<std::int64_t> potentials = potentials_.to_host();
            for (std::size_t c = 0; c < count; ++c) {
                if (potentials[c] >= lowest) continue;
                lowest = potentials[c];
                best = trials[first + c];
                samples_.device().copy(best_closest_.data(), distances_.data() + static_cast<index_t>(c) * n_,
                                       best_closest_.bytes());
            }
        }
        std::swap(closest_, best_closest_);
        potential_ = lowest;
        return best;
    }

    const DeviceSamples<View>& samples_;
    Philox random_;
    index_t n_;
    DeviceArray<double> closest_,
        best_closest_;               // [n] D^2 to the nearest seed so far, and with the one accepted
    DeviceArray<double> distances_;  // [kTrialsAtOnce][n]
    DeviceArray<double> spread_;     // [d][kTrialsAtOnce] for CSR rows
    DeviceArray<std::int64_t> potentials_, task_sums_;
    std::vector<std::int64_t> sums_;
    std::int64_t potential_ = 0;
    device::SeedingScales scales_{};
};

// The listed rows in memory of their own.
DeviceRows<Dense> gathered(const DeviceSamples<Dense>& samples, const std::vector<index_t>& listed,
                           const DeviceArray<std::int64_t>& listed_there) {
    const auto n = static_cast<index_t>(listed.size());
    DeviceRows<Dense> rows(samples.device(), n, 0, samples.n_features());
    samples.kernels().gather_rows(samples.device(), {samples.rows().x, listed_there.data(), rows.data.data()},
                                  n);
    rows.view.rows = n;
    return rows;
}

DeviceRows<Sparse> gathered(const DeviceSamples<Sparse>& samples, const std::vector<index_t>& listed,
                            const DeviceArray<std::int64_t>& listed_there) {
    const Sparse& x = samples.rows().x;
    std::vector<std::int64_t> all(static_cast<std::size_t>(x.rows) + 1), bounds = {0};
    samples.device().download(all.data(), x.indptr, all.size() * sizeof(std::int64_t));
    for (const index_t i : listed) {
        const auto row = static_cast<std::size_t>(i);
        bounds.push_back(bounds.back() + all[row + 1] - all[row]);
    }
    const auto n = static_cast<index_t>(listed.size());
    DeviceRows<Sparse> rows(samples.device(), n, bounds.back(), x.cols);
    rows.indptr.upload(bounds.data());
    samples.kernels().gather_sparse_rows(
        samples.device(), {x, listed_there.data(), rows.indptr.data(), rows.data.data(), rows.indices.data()},
        n);
    rows.view.rows = n;
    return rows;
}

}  // namespace

template <typename View>
std::vector<index_t> kmeans_plusplus(const DeviceSamples<View>& samples, index_t k, index_t n_local_trials,
                                     index_t max_rows, std::uint64_t seed) {
    const index_t n = samples.n_samples();
    require(k >= 1 && k <= n, "kmeans_plusplus", "n_samples=", n, " must be >= n_clusters=", k);
    if (n_local_trials <= 0) n_local_trials = 2 + static_cast<index_t>(std::log(static_cast<double>(k)));
    if (max_rows <= 0) max_rows = rows_for_seeding(k);
    max_rows = std::max(max_rows, k);
    if (n <= max_rows) return DeviceSeeding<View>(samples, seed).draw(k, n_local_trials);

    const std::vector<index_t> listed = rows_with_smallest_keys(n, max_rows, seed);
    DeviceArray<std::int64_t> listed_there(samples.device(), max_rows, "the sampled rows");
    listed_there.upload(listed.data());
    std::vector<double> weight;
    double total = 0;
    for (const index_t i : listed) {
        weight.push_back(samples.weight_of(i));
        total += weight.back();
    }
    // Rows without weight only: then any of them is as good as another.
    const bool is_weighted = samples.is_weighted() && total > 0;
    const DeviceSamples<View> sampled(samples.device_handle(), gathered(samples, listed, listed_there),
                                      is_weighted ? weight.data() : nullptr, samples.metric());
    std::vector<index_t> seeds = DeviceSeeding<View>(sampled, seed).draw(k, n_local_trials);
    for (index_t& i : seeds) i = listed[static_cast<std::size_t>(i)];
    return seeds;
}

template std::vector<index_t> kmeans_plusplus(const DeviceSamples<Dense>&, index_t, index_t, index_t,
                                              std::uint64_t);
template std::vector<index_t> kmeans_plusplus(const DeviceSamples<Sparse>&, index_t, index_t, index_t,
                                              std::uint64_t);

}  // namespace coterie::cluster
