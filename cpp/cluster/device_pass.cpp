#include "cluster/device_pass.hpp"

#include <cstring>
#include <utility>

#include "core/check.hpp"
#include "core/interrupt.hpp"

namespace coterie::cluster {
namespace {

using cuda::DeviceArray;
using cuda::Mailbox;

template <typename View>
DeviceRows<View> room_for(cuda::Device& device, const BlockRoom& room, index_t d) {
    return DeviceRows<View>(device, room.most_rows, room.n_nonzero, d);
}

// What receive() reads, in this order.
std::size_t size_of_results(index_t n) {
    const auto rows = static_cast<std::size_t>(n);
    return Mailbox::size_of(sizeof(device::AssignCounters)) + Mailbox::size_of(sizeof(std::int64_t)) +
           Mailbox::size_of(rows * sizeof(std::int32_t)) + 2 * Mailbox::size_of(rows * sizeof(double));
}

template <typename T>
const T* next_in(const char*& place, std::size_t n) {
    const char* const found = place;
    place += Mailbox::size_of(n * sizeof(T));
    return reinterpret_cast<const T*>(found);
}

// Dense sums lie as they are given; those of CSR rows are term-major.
void copy_sums(const std::vector<std::int64_t>& there, const Centroids<Dense>&, Partial& out) {
    out.sums = there;
}
void copy_sums(const std::vector<std::int64_t>& there, const Centroids<Sparse>& shape, Partial& out) {
    out.sums.resize(static_cast<std::size_t>(shape.k * shape.d));
    for (index_t c = 0; c < shape.k; ++c)
        for (index_t j = 0; j < shape.d; ++j)
            out.sums[static_cast<std::size_t>(c * shape.d + j)] =
                there[static_cast<std::size_t>(j * shape.ld + c)];
}

}  // namespace

template <typename View>
DevicePass<View>::DevicePass(std::shared_ptr<cuda::Device> device, Metric metric,
                             const Centroids<View>& shape, const Scales& scales, const BlockRoom& room,
                             bool is_weighted)
    : samples_(device, room_for<View>(*device, room, shape.d), room.most_rows, metric),
      assignment_(samples_, shape),
      sums_(samples_, assignment_, scales),
      feed_(device->make_feed()),
      next_{room_for<View>(*device, room, shape.d), {}, {*device, room.most_rows, "the labels"}},
      before_(*device, room.most_rows, "the labels"),
      distances_(*device, room.most_rows, "the distances"),
      shape_(shape.k, shape.d, metric) {
    if (is_weighted) {
        next_.weight = DeviceArray<double>(*device, room.most_rows, "the weights");
        samples_.make_room_for_weights();
    }
    for (Pending& pending : pending_) pending.results = device->make_mailbox(size_of_results(room.most_rows));
}

template <typename View>
void DevicePass<View>::begin(const Centroids<View>& centroids, const PassOptions& options) {
    for (Pending& pending : pending_) {  // of a pass that was given up
        if (pending.n_rows > 0) pending.results->collect();
        pending.n_rows = 0;
    }
    options_ = options;
    n_blocks_ = 0;
    total_ = Partial{};
    squared_norm_ = ExactSum{};
    assignment_.filter().centroids().set(centroids);
    sums_.clear();
}

template <typename View>
void DevicePass<View>::add(const View& rows, const double* weight, std::int32_t* labels) {
    check_interrupt();
    require(rows.cols == shape_.d, "kmeans", "a block has ", rows.cols, " features; wanted ", shape_.d);
    if (rows.rows == 0) return;
    Pending& pending = pending_[n_blocks_ % 2];
    const auto n = static_cast<std::size_t>(rows.rows);
    next_.rows.send(samples_.device(), *feed_, rows);
    if (weight != nullptr) feed_->send(next_.weight.data(), weight, n * sizeof(double));
    feed_->send(next_.labels.data(), labels, n * sizeof(std::int32_t));
    feed_->arrive();
    samples_.exchange(next_);
    std::swap(before_, next_.labels);
    queue(rows.rows);
    post(*pending.results, rows.rows);
    pending.labels = labels;
    pending.n_rows = rows.rows;
    pending.weight.assign(weight, weight == nullptr ? weight : weight + rows.rows);
    ++n_blocks_;
    receive(pending_[n_blocks_ % 2]);  // of the block before, whose memory the next one takes
}

template <typename View>
Partial DevicePass<View>::finish() {
    receive(pending_[n_blocks_ % 2]);
    receive(pending_[(n_blocks_ + 1) % 2]);
    copy_sums(sums_.values().to_host(), shape_, total_);
    total_.cluster_weight = sums_.weight().to_host();
    total_.filter = assignment_.filter().name();
    return std::move(total_);
}

template <typename View>
void DevicePass<View>::queue(index_t n) {
    cuda::Device& device = samples_.device();
    const auto bytes = static_cast<std::size_t>(n) * sizeof(std::int32_t);
    device.copy(assignment_.labels().data(), before_.data(), bytes);
    if (options_.as_difference) {
        device.copy(sums_.member().data(), before_.data(), bytes);
    } else {
        sums_.member().fill_bytes(0xFF);
    }
    assignment_.filter().renew_rows();
    if (n_blocks_ == 0) assignment_.filter().prepare();  // the first rows of all give the mean that it uses
    assignment_.counters().fill_bytes(0);
    assignment_.queue();
    sums_.move_rows();
    if (options_.with_inertia)
        assignment_.queue_own_distances(assignment_.labels().data(), distances_.data());
}

template <typename View>
void DevicePass<View>::post(Mailbox& results, index_t n) {
    const auto rows = static_cast<std::size_t>(n);
    results.post(assignment_.counters().data(), sizeof(device::AssignCounters));
    results.post(samples_.first_bad(), sizeof(std::int64_t));
    results.post(assignment_.labels().data(), rows * sizeof(std::int32_t));
    results.post(samples_.squared_norms_there(), rows * sizeof(double));
    if (options_.with_inertia) results.post(distances_.data(), rows * sizeof(double));
}

template <typename View>
void DevicePass<View>::receive(Pending& pending) {
    if (pending.n_rows == 0) return;
    const index_t n = std::exchange(pending.n_rows, 0);
    const auto rows = static_cast<std::size_t>(n);
    const char* place = pending.results->collect();
    const device::AssignCounters counted = *next_in<device::AssignCounters>(place, 1);
    const std::int64_t bad = *next_in<std::int64_t>(place, 1);
    require(bad >= n, "kmeans", "X must be finite; row ", bad, " of a block is not");
    std::memcpy(pending.labels, next_in<std::int32_t>(place, rows), rows * sizeof(std::int32_t));
    const auto* const norms = next_in<double>(place, rows);
    for (std::size_t i = 0; i < rows; ++i) squared_norm_.add(norms[i]);
    total_.stats.changed += counted.changed;
    total_.stats.evaluated += n;
    total_.stats.candidates += n - counted.uncertain + counted.candidates;
    if (!options_.with_inertia) return;
    const auto* const distances = next_in<double>(place, rows);
    for (std::size_t i = 0; i < rows; ++i)
        total_.inertia.add((pending.weight.empty() ? 1.0 : pending.weight[i]) * distances[i]);
}

template class DevicePass<Dense>;
template class DevicePass<Sparse>;

}  // namespace coterie::cluster
