// The rows being clustered in a device's memory, with what every step needs to know about them: Samples, elsewhere.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "cluster/device_kernels.hpp"
#include "cluster/samples.hpp"
#include "core/exact_sum.hpp"
#include "cuda/device.hpp"

namespace coterie::cluster {

// The arrays behind a view. Borrowed dense rows, already on the device, leave data empty.
template <typename View>
struct DeviceRows;

template <>
struct DeviceRows<Dense> {
    DeviceRows(cuda::Device& device, const Dense& host);
    explicit DeviceRows(const Dense& on_device) : view(on_device) {}
    // Room for blocks of rows; none is there yet.
    DeviceRows(cuda::Device& device, index_t most_rows, index_t n_nonzero, index_t cols);
    // At most most_rows rows; the feed sends them.
    void send(cuda::Device& device, cuda::Feed& feed, const Dense& host);

    cuda::DeviceArray<float> data;
    Dense view;
};

template <>
struct DeviceRows<Sparse> {
    DeviceRows(cuda::Device& device, const Sparse& host);
    // n_nonzero: what is expected; a block with more gets more room.
    DeviceRows(cuda::Device& device, index_t most_rows, index_t n_nonzero, index_t cols);
    void send(cuda::Device& device, cuda::Feed& feed, const Sparse& host);

    cuda::DeviceArray<float> data;
    cuda::DeviceArray<std::int32_t> indices;
    cuda::DeviceArray<std::int64_t> indptr;
    Sparse view;
};

// A block of rows with what belongs to it, on its way to the device.
template <typename View>
struct DeviceBlock {
    DeviceRows<View> rows;
    cuda::DeviceArray<double> weight;        // [most_rows], or empty
    cuda::DeviceArray<std::int32_t> labels;  // [most_rows] those before
};

template <typename View>
class DeviceSamples {
  public:
    // weight: [n_samples] on the host, or null. Throws as Samples does, and cuda::DeviceError.
    DeviceSamples(std::shared_ptr<cuda::Device> device, DeviceRows<View> rows, const double* weight,
                  Metric metric);
    // Samples that are one block of rows after another, each of at most most_rows.
    DeviceSamples(std::shared_ptr<cuda::Device> device, DeviceRows<View> room, index_t most_rows,
                  Metric metric);
    void make_room_for_weights();
    // Takes the block's rows and weights for its own and gives those it had; queues the norms.
    void exchange(DeviceBlock<View>& block);
    // The lowest row of the block whose norm is not finite, or a number >= n_samples(); the norms. On the device.
    const std::int64_t* first_bad() const { return first_bad_.data(); }
    const double* squared_norms_there() const { return squared_norm_.data(); }

    // The most rows that there may be.
    index_t most_samples() const { return squared_norm_.size(); }
    index_t n_samples() const { return rows_.view.rows; }
    index_t n_features() const { return rows_.view.cols; }
    Metric metric() const { return metric_; }
    double total_weight() const { return total_weight_; }
    cuda::Device& device() const { return *device_; }
    const std::shared_ptr<cuda::Device>& device_handle() const { return device_; }
    const device::Kernels& kernels() const { return kernels_; }
    device::Rows<View> rows() const;

    double weight_of(index_t i) const { return weight_.empty() ? 1.0 : weight_[static_cast<std::size_t>(i)]; }
    bool is_weighted() const { return !weight_.empty(); }
    std::vector<double> squared_norms() const { return squared_norm_.to_host(); }
    // [d] max_i |x_ij|; found at the first call.
    const std::vector<float>& largest_magnitudes() const;
    // feature_sums and mean_feature_variance of data_range.hpp, with the same bits.
    std::vector<std::int64_t> feature_sums(const std::vector<double>& scale) const;
    double mean_feature_variance() const;

  private:
    void queue_norms();
    void measure_norms();
    [[noreturn]] void refuse_row(index_t i) const;

    std::shared_ptr<cuda::Device> device_;
    const device::Kernels& kernels_;
    DeviceRows<View> rows_;
    Metric metric_;
    std::vector<double> weight_;  // [n] or empty
    cuda::DeviceArray<double> device_weight_, squared_norm_;
    cuda::DeviceArray<std::int64_t> first_bad_;
    double total_weight_ = 0;
    mutable std::once_flag found_largest_;
    mutable std::vector<float> largest_;
};

extern template class DeviceSamples<Dense>;
extern template class DeviceSamples<Sparse>;

}  // namespace coterie::cluster
