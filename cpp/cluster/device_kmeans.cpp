#include "cluster/device_kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "cluster/device_assignment.hpp"
#include "core/check.hpp"
#include "core/interrupt.hpp"

namespace coterie::cluster {
namespace {

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

// The iterations. Two are queued at a time, each as one recording, so that the device need not wait for the host to see how
// the first ended: where it was the last one, the second does nothing.
template <typename View>
class Loop {
  public:
    Loop(const DeviceSamples<View>& samples, Assignment<View>& assignment, const LloydOptions& options)
        : samples_(samples),
          assignment_(assignment),
          options_(options),
          sums_(samples, assignment, scales_of(samples)),
          state_(samples.device(), 1, "the state of the loop") {
        state_.fill_bytes(0);
        assignment_.counters().fill_bytes(0);
        for (auto& mailbox : mailboxes_)
            mailbox = samples.device().make_mailbox(cuda::Mailbox::size_of(sizeof(device::LoopState)));
    }

    // Returns the state after the last iteration; sets n_iter and converged.
    device::LoopState run(LloydResult& result) {
        std::unique_ptr<cuda::Recording> iteration;
        device::LoopState state{};
        index_t n_done = 0, n_queued = 0;
        while (n_done < options_.max_iter && state.halted != device::kFinished) {
            check_interrupt();
            while (n_queued < std::min(n_done + 2, options_.max_iter)) {
                queue_next(iteration);
                mailboxes_[n_queued++ % 2]->post(state_.data(), state_.bytes());
            }
            state = received(n_done);
            if (state.halted == device::kEmptyClusters) {  // what is queued behind it does nothing
                for (index_t q = n_done + 1; q < n_queued; ++q) received(q);
                n_queued = n_done + 1;
                state = fill_empty_clusters();
            }
            ++n_done;
            if (options_.on_iteration) options_.on_iteration(n_done, state.changed);
        }
        result.n_iter = n_done;
        result.converged = n_done > 0 && state.changed == 0;
        return state;
    }

  private:
    // The first iteration as it is, which loads the programs: that must not happen while they are recorded.
    void queue_next(std::unique_ptr<cuda::Recording>& iteration) {
        if (!std::exchange(has_begun_, true)) return queue_iteration();
        if (iteration == nullptr) iteration = samples_.device().record([this] { queue_iteration(); });
        iteration->replay();
    }

    void queue_iteration() {
        assignment_.filter().prepare();
        assignment_.queue(nullptr, state_.data());
        sums_.move_rows();
        samples_.kernels().check_clusters(samples_.device(),
                                          {sums_.weight().data(), centroids().k, state_.data()}, 1);
        queue_update();
    }

    void queue_update() {
        sums_.update_centroids(state_.data());
        samples_.kernels().end_iteration(samples_.device(),
                                         {centroids().squared_shift.data(), centroids().k, options_.tol,
                                          assignment_.rank(), assignment_.counters().data(), state_.data()},
                                         1);
    }

    device::LoopState received(index_t iteration) {
        device::LoopState state;
        std::memcpy(&state, mailboxes_[iteration % 2]->collect(), sizeof state);
        return state;
    }

    // The rest of an iteration that left clusters empty.
    device::LoopState fill_empty_clusters() {
        sums_.relocate_empty();
        device::LoopState state = state_.to_host()[0];
        state.halted = device::kRunning;
        state_.upload(&state);
        queue_update();
        return state_.to_host()[0];
    }

    CentroidArrays<View>& centroids() { return assignment_.filter().centroids(); }

    const DeviceSamples<View>& samples_;
    Assignment<View>& assignment_;
    const LloydOptions& options_;
    DeviceSums<View> sums_;
    DeviceArray<device::LoopState> state_;
    std::unique_ptr<cuda::Mailbox> mailboxes_[2];
    bool has_begun_ = false;
};

}  // namespace

template <typename View>
LloydResult kmeans(const DeviceSamples<View>& samples, Centroids<View>& centroids,
                   const LloydOptions& options) {
    require(centroids.k <= samples.n_samples(), "kmeans", "n_samples=", samples.n_samples(),
            " must be >= n_clusters=", centroids.k);
    Assignment<View> assignment(samples, centroids, true);
    LloydResult result;
    const device::LoopState last = Loop<View>(samples, assignment, options).run(result);
    AssignStats totals{.evaluated = last.evaluated, .candidates = last.candidates};
    if (last.shift > 0) {  // the labels are those of the centroids before
        totals.add(assignment.run());
    }

    result.inertia = weighted_sum(samples, assignment.own_distances());
    result.labels = assignment.labels().to_host();
    result.candidates_per_row = totals.candidates_per_row();
    result.filter = assignment.filter().name();
    result.evaluated = totals.evaluated;
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
