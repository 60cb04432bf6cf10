#include "cluster/device_kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "cluster/assign_labels.hpp"
#include "cluster/data_range.hpp"
#include "cluster/device_centroids.hpp"
#include "core/check.hpp"
#include "core/interrupt.hpp"

namespace coterie::cluster {
namespace {

using cuda::DeviceArray;

const device::RowKernels<Dense>& row_kernels(const device::Kernels& kernels, const Dense&) {
    return kernels.dense;
}
const device::RowKernels<Sparse>& row_kernels(const device::Kernels& kernels, const Sparse&) {
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
    Assignment(const DeviceSamples<View>& samples, const Centroids<View>& host)
        : samples_(samples),
          filter_(samples, host),
          labels_(samples.device(), samples.n_samples(), "the labels"),
          row_(samples.device(), samples.n_samples(), "the uncertain rows"),
          cut_(samples.device(), samples.n_samples(), "the uncertain rows"),
          n_found_(samples.device(), samples.n_samples(), "the uncertain rows"),
          candidate_(samples.device(), samples.n_samples() * device::kMostCandidates, "the candidates"),
          counters_(samples.device(), 1, "counters") {
        labels_.fill_bytes(0xFF);
    }

    DeviceFilter<View>& filter() { return filter_; }
    DeviceArray<std::int32_t>& labels() { return labels_; }

    // second: [n_samples] on the device, or null.
    AssignStats run(std::int32_t* second = nullptr) {
        counters_.fill_bytes(0);
        const device::Verdict verdict{labels_.data(),
                                      second,
                                      {row_.data(), cut_.data(), n_found_.data(), candidate_.data()},
                                      counters_.data()};
        filter_.prepare();
        filter_.decide(verdict);
        device::AssignCounters counted = counters_.to_host()[0];
        const index_t uncertain = counted.uncertain;
        if (uncertain > 0) {
            filter_.list_candidates(verdict, uncertain);
            row_kernels(samples_).resolve(
                samples_.device(), {samples_.rows(), filter_.centroids().columns(), verdict}, uncertain);
            counted = counters_.to_host()[0];
        }
        const index_t n = samples_.n_samples();
        return {counted.changed, n, n - uncertain + counted.candidates};
    }

    // In float64, of each row to the centroid that labels names.
    std::vector<double> own_distances() { return own_distances(labels_); }
    std::vector<double> own_distances(const DeviceArray<std::int32_t>& labels) {
        DeviceArray<double> out(samples_.device(), samples_.n_samples(), "the distances");
        row_kernels(samples_).own_distances(
            samples_.device(), {samples_.rows(), filter_.centroids().columns(), labels.data(), out.data()},
            ceil_div(samples_.n_samples(), device::OwnDistances<View>::kRowsPerBlock));
        return out.to_host();
    }

  private:
    const DeviceSamples<View>& samples_;
    DeviceFilter<View> filter_;
    DeviceArray<std::int32_t> labels_;
    DeviceArray<std::int64_t> row_;
    DeviceArray<float> cut_;
    DeviceArray<std::int32_t> n_found_, candidate_;
    DeviceArray<device::AssignCounters> counters_;
};

template <typename View>
double weighted_sum(const DeviceSamples<View>& samples, const std::vector<double>& losses) {
    ExactSum total;
    for (std::size_t i = 0; i < losses.size(); ++i)
        total.add(samples.weight_of(static_cast<index_t>(i)) * losses[i]);
    return total.value();
}

template <typename View>
Scales scales_of(const DeviceSamples<View>& samples) {
    const bool unit = samples.metric() == Metric::cosine;
    return scales_for(unit ? std::vector<float>(static_cast<std::size_t>(samples.n_features()))
                           : samples.largest_magnitudes(),
                      samples.total_weight(), samples.metric());
}

void launch_update(const DeviceSamples<Dense>& samples, const device::Sums& sums, CentroidArrays<Dense>& c) {
    samples.kernels().update_dense(
        samples.device(),
        {sums, c.values.data(), samples.n_features(), samples.metric() == Metric::cosine, c.state()}, c.k);
}
void launch_update(const DeviceSamples<Sparse>& samples, const device::Sums& sums,
                   CentroidArrays<Sparse>& c) {
    samples.kernels().update_sparse(
        samples.device(),
        {sums, c.values.data(), samples.n_features(), c.k, samples.metric() == Metric::cosine, c.state()},
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
          member_(samples.device(), samples.n_samples(), "the members"),
          sums_{values_.data(), centroids().ld, weight_.data(),
                scale_.data(),  scales.weight,  member_.data()} {
        values_.fill_bytes(0);
        weight_.fill_bytes(0);
        scale_.upload(scales.feature.data());
        member_.fill_bytes(0xFF);
    }

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

    // Returns the squared shifts.
    std::vector<double> update_centroids() {
        launch_update(samples_, sums_, centroids());
        return centroids().squared_shift.to_host();
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

}  // namespace

template <typename View>
LloydResult kmeans(const DeviceSamples<View>& samples, Centroids<View>& centroids,
                   const LloydOptions& options) {
    require(centroids.k <= samples.n_samples(), "kmeans", "n_samples=", samples.n_samples(),
            " must be >= n_clusters=", centroids.k);
    LloydResult result;
    Assignment<View> assignment(samples, centroids);
    DeviceSums<View> sums(samples, assignment, scales_of(samples));
    AssignStats totals;
    const auto assign = [&] {
        check_interrupt();
        const AssignStats stats = assignment.run();
        totals.evaluated += stats.evaluated;
        totals.candidates += stats.candidates;
        return stats.changed;
    };

    bool labels_are_stale = true;
    for (result.n_iter = 1; result.n_iter <= options.max_iter; ++result.n_iter) {
        const index_t changed = assign();
        sums.move_rows();
        sums.relocate_empty();
        const std::vector<double> squared_shift = sums.update_centroids();
        const double shift = std::accumulate(squared_shift.begin(), squared_shift.end(), 0.0);
        labels_are_stale = shift > 0;
        if (options.on_iteration) options.on_iteration(result.n_iter, changed);
        result.converged = changed == 0;
        if (result.converged || shift <= options.tol) break;
    }
    result.n_iter = std::min(result.n_iter, options.max_iter);
    if (labels_are_stale) assign();

    result.inertia = weighted_sum(samples, assignment.own_distances());
    result.labels = assignment.labels().to_host();
    result.candidates_per_row =
        static_cast<double>(totals.candidates) / std::max(1.0, static_cast<double>(totals.evaluated));
    result.filter = assignment.filter().name();
    assignment.filter().centroids().values.download(centroids.values.data());
    return result;
}

template <typename View>
void assign_labels(const DeviceSamples<View>& samples, const Centroids<View>& centroids,
                   std::int32_t* labels) {
    Assignment<View> assignment(samples, centroids);
    assignment.run();
    assignment.labels().download(labels);
}

template <typename View>
void nearest_two(const DeviceSamples<View>& samples, const Centroids<View>& centroids, std::int32_t* labels,
                 float* distances) {
    const index_t n = samples.n_samples();
    Assignment<View> assignment(samples, centroids);
    DeviceArray<std::int32_t> second(samples.device(), n, "the labels");
    assignment.run(second.data());
    const auto write = [&](const DeviceArray<std::int32_t>& which, index_t place) {
        const std::vector<std::int32_t> found = which.to_host();
        const std::vector<double> losses = assignment.own_distances(which);
        for (index_t i = 0; i < n; ++i) {
            const double loss = losses[static_cast<std::size_t>(i)];
            labels[2 * i + place] = found[static_cast<std::size_t>(i)];
            distances[2 * i + place] =
                static_cast<float>(samples.metric() == Metric::euclidean ? std::sqrt(loss) : loss);
        }
    };
    write(assignment.labels(), 0);
    if (centroids.k > 1) return write(second, 1);
    for (index_t i = 0; i < n; ++i) {
        labels[2 * i + 1] = -1;
        distances[2 * i + 1] = std::numeric_limits<float>::infinity();
    }
}

template <typename View>
void all_distances(const DeviceSamples<View>& samples, const Centroids<View>& centroids, float* out) {
    constexpr index_t kMostOut = index_t{1} << 26;  // floats on the device at once
    const CentroidArrays<View> arrays(samples, centroids, 1);
    const index_t n = samples.n_samples(), k = centroids.k;
    const index_t at_once = std::clamp<index_t>(kMostOut / k, 1, std::max<index_t>(n, 1));
    DeviceArray<float> block(samples.device(), at_once * k, "the distances");
    for (index_t first = 0; first < n; first += at_once) {
        check_interrupt();
        const index_t m = std::min(at_once, n - first);
        row_kernels(samples).all_distances(samples.device(),
                                           {samples.rows(), arrays.columns(), first, block.data()}, m);
        samples.device().download(out + first * k, block.data(),
                                  static_cast<std::size_t>(m * k) * sizeof(float));
    }
}

template <typename View>
double inertia(const DeviceSamples<View>& samples, const Centroids<View>& centroids,
               const std::int32_t* labels) {
    const CentroidArrays<View> arrays(samples, centroids, 1);
    const index_t n = samples.n_samples();
    DeviceArray<std::int32_t> own(samples.device(), n, "the labels");
    own.upload(labels);
    DeviceArray<double> out(samples.device(), n, "the distances");
    row_kernels(samples).own_distances(samples.device(),
                                       {samples.rows(), arrays.columns(), own.data(), out.data()},
                                       ceil_div(n, device::OwnDistances<View>::kRowsPerBlock));
    return weighted_sum(samples, out.to_host());
}

#define COTERIE_INSTANTIATE(View)                                                                         \
    template LloydResult kmeans(const DeviceSamples<View>&, Centroids<View>&, const LloydOptions&);       \
    template void assign_labels(const DeviceSamples<View>&, const Centroids<View>&, std::int32_t*);       \
    template void nearest_two(const DeviceSamples<View>&, const Centroids<View>&, std::int32_t*, float*); \
    template void all_distances(const DeviceSamples<View>&, const Centroids<View>&, float*);              \
    template double inertia(const DeviceSamples<View>&, const Centroids<View>&, const std::int32_t*);
COTERIE_INSTANTIATE(Dense)
COTERIE_INSTANTIATE(Sparse)

}  // namespace coterie::cluster
