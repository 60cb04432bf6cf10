// The steps of an iteration on a device: labels, and the integer sums of clusters.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "cluster/assign_labels.hpp"
#include "cluster/data_range.hpp"
#include "cluster/device_centroids.hpp"

namespace coterie::cluster {

using cuda::DeviceArray;

inline const device::RowKernels<Dense>& row_kernels(const device::Kernels& kernels, const Dense&) {
    return kernels.dense;
}
inline const device::RowKernels<Sparse>& row_kernels(const device::Kernels& kernels, const Sparse&) {
    return kernels.sparse;
}

template <typename View>
const device::RowKernels<View>& row_kernels(const DeviceSamples<View>& samples) {
    return row_kernels(samples.kernels(), View{});
}

// Labels on the device, and the assignment step.
template <typename View>
class Assignment {
  public:
    // keeps_bounds: later calls skip the rows whose label cannot have changed; see rank().
    Assignment(const DeviceSamples<View>& samples, const Centroids<View>& host, bool keeps_bounds = false)
        : samples_(samples),
          filter_(samples, host),
          labels_(samples.device(), samples.most_samples(), "the labels"),
          row_(samples.device(), samples.most_samples(), "the uncertain rows"),
          cut_(samples.device(), samples.most_samples(), "the uncertain rows"),
          n_found_(samples.device(), samples.most_samples(), "the uncertain rows"),
          candidate_(samples.device(), samples.most_samples() * device::kMostCandidates, "the candidates"),
          counters_(samples.device(), 1, "counters") {
        labels_.fill_bytes(0xFF);
        if (!keeps_bounds) return;
        gap_ = DeviceArray<float>(samples.device(), samples.most_samples(), "the rows' bounds");
        active_ = DeviceArray<std::int64_t>(samples.device(), samples.most_samples(), "the rows to look at");
        rank_ = DeviceArray<device::ShiftRank>(samples.device(), 1, "the largest shifts");
        gap_.fill_bytes(0);
    }

    DeviceFilter<View>& filter() { return filter_; }
    DeviceArray<std::int32_t>& labels() { return labels_; }
    // Where an update leaves how far the centroids moved, before the next search.
    device::ShiftRank* rank() { return rank_.data(); }

    // Queues the search for each row's label. The counters go up. second: [n_samples] on the device, or null; loop: null, or
    // where it is told whether to do anything.
    void queue(std::int32_t* second = nullptr, const device::LoopState* loop = nullptr) {
        const bool may_skip = gap_.size() > 0 && second == nullptr;
        const device::Bounds bounds{may_skip ? gap_.data() : nullptr,
                                    filter_.centroids().squared_shift.data(), rank_.data(), active_.data()};
        const device::Verdict verdict{
            labels_.data(),   second, {row_.data(), cut_.data(), n_found_.data(), candidate_.data()},
            counters_.data(), loop,   bounds};
        if (may_skip)
            row_kernels(samples_).list_active(
                samples_.device(),
                {samples_.rows(), labels_.data(), bounds, filter_.centroids().summary.data(),
                 counters_.data(), loop},
                ceil_div(samples_.n_samples(), device::ListActive<View>::kRowsPerBlock));
        filter_.decide(verdict);
        filter_.list_candidates(verdict);
        row_kernels(samples_).resolve(samples_.device(),
                                      {samples_.rows(), filter_.centroids().columns(), verdict},
                                      std::min(samples_.n_samples(), kMostResolvers));
    }

    // The same with the counters from zero, for new centroids.
    AssignStats run(std::int32_t* second = nullptr) {
        counters_.fill_bytes(0);
        filter_.prepare();
        queue(second);
        const device::AssignCounters counted = counters_.to_host()[0];
        const bool may_skip = gap_.size() > 0 && second == nullptr;
        const index_t n = may_skip ? counted.active : samples_.n_samples();
        return {counted.changed, n, n - counted.uncertain + counted.candidates};
    }

    DeviceArray<device::AssignCounters>& counters() { return counters_; }

    // In float64, of each row to the centroid that labels names. out: [n_samples] on the device.
    void queue_own_distances(const std::int32_t* labels, double* out) {
        row_kernels(samples_).own_distances(
            samples_.device(), {samples_.rows(), filter_.centroids().columns(), labels, out},
            ceil_div(samples_.n_samples(), device::OwnDistances<View>::kRowsPerBlock));
    }
    std::vector<double> own_distances() { return own_distances(labels_); }
    std::vector<double> own_distances(const DeviceArray<std::int32_t>& labels) {
        DeviceArray<double> out(samples_.device(), samples_.n_samples(), "the distances");
        queue_own_distances(labels.data(), out.data());
        return out.to_host();
    }

  private:
    // More blocks than any device runs at once.
    static constexpr index_t kMostResolvers = 8192;

    const DeviceSamples<View>& samples_;
    DeviceFilter<View> filter_;
    DeviceArray<std::int32_t> labels_;
    DeviceArray<std::int64_t> row_;
    DeviceArray<float> cut_;
    DeviceArray<std::int32_t> n_found_, candidate_;
    DeviceArray<device::AssignCounters> counters_;
    DeviceArray<float> gap_;  // empty where no bounds are kept, as the others
    DeviceArray<std::int64_t> active_;
    DeviceArray<device::ShiftRank> rank_;
};

inline void launch_update(const DeviceSamples<Dense>& samples, const device::Sums& sums,
                          CentroidArrays<Dense>& c, const device::LoopState* loop) {
    samples.kernels().update_dense(
        samples.device(),
        {sums, c.values.data(), samples.n_features(), samples.metric() == Metric::cosine, c.state(), loop},
        c.k);
}
inline void launch_update(const DeviceSamples<Sparse>& samples, const device::Sums& sums,
                          CentroidArrays<Sparse>& c, const device::LoopState* loop) {
    samples.kernels().update_sparse(samples.device(),
                                    {sums, c.values.data(), samples.n_features(), c.k,
                                     samples.metric() == Metric::cosine, c.state(), loop},
                                    ceil_div(c.k, device::UpdateSparse::kThreads));
}

// ClusterSums, on the device.
template <typename View>
class DeviceSums {
  public:
    DeviceSums(const DeviceSamples<View>& samples, Assignment<View>& assignment, const Scales& scales)
        : samples_(samples),
          assignment_(assignment),
          values_(samples.device(), centroids().values.size(), "the cluster sums"),
          weight_(samples.device(), centroids().k, "the cluster weights"),
          scale_(samples.device(), samples.n_features(), "the scales"),
          member_(samples.device(), samples.most_samples(), "the members"),
          sums_{values_.data(), centroids().ld, weight_.data(),
                scale_.data(),  scales.weight,  member_.data()} {
        scale_.upload(scales.feature.data());
        clear();
    }

    // No row is in any cluster.
    void clear() {
        values_.fill_bytes(0);
        weight_.fill_bytes(0);
        member_.fill_bytes(0xFF);
    }
    DeviceArray<std::int64_t>& values() { return values_; }
    DeviceArray<std::int64_t>& weight() { return weight_; }
    DeviceArray<std::int32_t>& member() { return member_; }

    void move_rows() {
        row_kernels(samples_).move_rows(
            samples_.device(), {samples_.rows(), assignment_.labels().data(), sums_},
            ceil_div(samples_.n_samples(), device::MoveRows<View>::kRowsPerBlock));
    }

    // ClusterSums::relocate_empty.
    void relocate_empty() {
        const std::vector<std::int64_t> weight = weight_.to_host();
        std::vector<index_t> empty;
        for (std::size_t c = 0; c < weight.size(); ++c)
            if (weight[c] == 0) empty.push_back(static_cast<index_t>(c));
        if (empty.empty()) return;
        const std::vector<double> far = assignment_.own_distances();
        std::vector<index_t> order(far.size());
        std::iota(order.begin(), order.end(), index_t{0});
        const auto n_far = static_cast<std::ptrdiff_t>(std::min(empty.size(), order.size()));
        std::partial_sort(order.begin(), order.begin() + n_far, order.end(), [&](index_t a, index_t b) {
            const double x = far[static_cast<std::size_t>(a)], y = far[static_cast<std::size_t>(b)];
            return x != y ? x > y : a < b;
        });
        for (std::ptrdiff_t e = 0; e < n_far; ++e) {
            const index_t i = order[static_cast<std::size_t>(e)];
            if (far[static_cast<std::size_t>(i)] == 0) break;  // every further row sits on its centroid
            const auto to = static_cast<std::int32_t>(empty[static_cast<std::size_t>(e)]);
            row_kernels(samples_).move_one_row(samples_.device(), {samples_.rows(), sums_, i, to}, 1);
        }
    }

    void update_centroids(const device::LoopState* loop) {
        launch_update(samples_, sums_, centroids(), loop);
    }

  private:
    CentroidArrays<View>& centroids() { return assignment_.filter().centroids(); }

    const DeviceSamples<View>& samples_;
    Assignment<View>& assignment_;
    DeviceArray<std::int64_t> values_, weight_;
    DeviceArray<double> scale_;
    DeviceArray<std::int32_t> member_;
    device::Sums sums_;
};

}  // namespace coterie::cluster
