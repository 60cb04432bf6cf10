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

class DeviceSeeding {
  public:
    DeviceSeeding(const DeviceSamples<Dense>& samples, std::uint64_t seed)
        : samples_(samples),
          random_(seed, kSeedingStream),
          n_(samples.n_samples()),
          closest_(samples.device(), n_, "the seeding distances"),
          best_closest_(samples.device(), n_, "the seeding distances"),
          distances_(samples.device(), n_ * kTrialsAtOnce, "the seeding distances"),
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
        samples_.kernels().task_sums(
            samples_.device(), {samples_.rows(), closest, scales_, task_sums_.data()}, task_sums_.size());
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
            device::MeasureTrials measure{samples_.rows(),         {},
                                          static_cast<int>(count), scales_.potential,
                                          closest_.data(),         distances_.data(),
                                          potentials_.data()};
            for (std::size_t c = 0; c < count; ++c) measure.trial[c] = trials[first + c];
            potentials_.fill_bytes(0);
            samples_.kernels().measure_trials(samples_.device(), measure,
                                              ceil_div(n_, device::MeasureTrials::kRowsPerBlock));
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

    const DeviceSamples<Dense>& samples_;
    Philox random_;
    index_t n_;
    DeviceArray<double> closest_,
        best_closest_;               // [n] D^2 to the nearest seed so far, and with the one accepted
    DeviceArray<double> distances_;  // [kTrialsAtOnce][n]
    DeviceArray<std::int64_t> potentials_, task_sums_;
    std::vector<std::int64_t> sums_;
    std::int64_t potential_ = 0;
    device::SeedingScales scales_{};
};

}  // namespace

std::vector<index_t> kmeans_plusplus(const DeviceSamples<Dense>& samples, index_t k, index_t n_local_trials,
                                     index_t max_rows, std::uint64_t seed) {
    const index_t n = samples.n_samples();
    require(k >= 1 && k <= n, "kmeans_plusplus", "n_samples=", n, " must be >= n_clusters=", k);
    if (n_local_trials <= 0) n_local_trials = 2 + static_cast<index_t>(std::log(static_cast<double>(k)));
    if (max_rows <= 0) max_rows = rows_for_seeding(k);
    max_rows = std::max(max_rows, k);
    if (n <= max_rows) return DeviceSeeding(samples, seed).draw(k, n_local_trials);

    const std::vector<index_t> listed = rows_with_smallest_keys(n, max_rows, seed);
    cuda::Device& device = samples.device();
    DeviceArray<std::int64_t> listed_there(device, max_rows, "the sampled rows");
    listed_there.upload(listed.data());
    DeviceArray<float> gathered(device, max_rows * samples.n_features(), "the sampled rows");
    samples.kernels().gather_rows(device, {samples.rows().x, listed_there.data(), gathered.data()}, max_rows);
    std::vector<double> weight;
    double total = 0;
    for (const index_t i : listed) {
        weight.push_back(samples.weight_of(i));
        total += weight.back();
    }
    // Rows without weight only: then any of them is as good as another.
    const bool is_weighted = samples.is_weighted() && total > 0;
    const Dense view{gathered.data(), max_rows, samples.n_features(), samples.n_features()};
    const DeviceSamples<Dense> sampled(samples.device_handle(), DeviceRows<Dense>(view),
                                       is_weighted ? weight.data() : nullptr, samples.metric());
    std::vector<index_t> seeds = DeviceSeeding(sampled, seed).draw(k, n_local_trials);
    for (index_t& i : seeds) i = listed[static_cast<std::size_t>(i)];
    return seeds;
}

}  // namespace coterie::cluster
