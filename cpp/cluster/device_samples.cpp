#include "cluster/device_samples.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cluster/data_range.hpp"
#include "core/check.hpp"

namespace coterie::cluster {
namespace {

using cuda::DeviceArray;

void launch_squared_norms(const device::Kernels& kernels, cuda::Device& device, const Dense& x, double* out,
                          std::int64_t* first_bad) {
    kernels.dense_squared_norms(device, {x, out, first_bad},
                                ceil_div(x.rows, device::DenseSquaredNorms::kRowsPerBlock));
}
void launch_squared_norms(const device::Kernels& kernels, cuda::Device& device, const Sparse& x, double* out,
                          std::int64_t* first_bad) {
    kernels.sparse_squared_norms(device, {x, out, first_bad},
                                 ceil_div(x.rows, device::SparseSquaredNorms::kRowsPerBlock));
}

void launch_largest(const device::Kernels& kernels, cuda::Device& device, const Dense& x, float* out) {
    kernels.dense_largest(device, {x, out}, ceil_div(x.rows, device::DenseLargest::kRowsPerBlock));
}
void launch_largest(const device::Kernels& kernels, cuda::Device& device, const Sparse& x, float* out) {
    kernels.sparse_largest(device, {x, out}, ceil_div(x.rows, device::SparseLargest::kRowsPerBlock));
}

void launch_feature_sums(const device::Kernels& kernels, cuda::Device& device,
                         const device::Rows<Dense>& rows, const double* scale, std::int64_t* sums) {
    kernels.dense_feature_sums(device, {rows, scale, sums},
                               ceil_div(rows.x.rows, device::DenseFeatureSums::kRowsPerBlock));
}
void launch_feature_sums(const device::Kernels& kernels, cuda::Device& device,
                         const device::Rows<Sparse>& rows, const double* scale, std::int64_t* sums) {
    kernels.sparse_feature_sums(device, {rows, scale, sums},
                                ceil_div(rows.x.rows, device::SparseFeatureSums::kRowsPerBlock));
}

// The first value of row i that is not finite, as check_finite reports it.
void report_value(cuda::Device& device, const Dense& x, index_t i) {
    std::vector<float> row(static_cast<std::size_t>(x.cols));
    device.download(row.data(), x.data + i * x.stride, row.size() * sizeof(float));
    const auto bad = std::find_if(row.begin(), row.end(), [](float v) { return !std::isfinite(v); });
    if (bad != row.end())
        require(false, "kmeans", "X must be finite; X[", i, ", ", bad - row.begin(), "]=", *bad);
}
void report_value(cuda::Device& device, const Sparse& x, index_t i) {
    std::int64_t range[2];
    device.download(range, x.indptr + i, sizeof range);
    std::vector<float> data(static_cast<std::size_t>(range[1] - range[0]));
    std::vector<std::int32_t> indices(data.size());
    device.download(data.data(), x.data + range[0], data.size() * sizeof(float));
    device.download(indices.data(), x.indices + range[0], data.size() * sizeof(std::int32_t));
    for (std::size_t p = 0; p < data.size(); ++p)
        require(std::isfinite(data[p]), "kmeans", "X must be finite; X[", i, ", ", indices[p], "]=", data[p]);
}

}  // namespace

DeviceRows<Dense>::DeviceRows(cuda::Device& device, const Dense& host)
    : data(device, host.rows * host.cols, "the rows"), view{data.data(), host.rows, host.cols, host.cols} {
    device.upload_rows(data.data(), host.data, static_cast<std::size_t>(host.rows),
                       static_cast<std::size_t>(host.cols) * sizeof(float),
                       static_cast<std::size_t>(host.stride) * sizeof(float));
}

DeviceRows<Dense>::DeviceRows(cuda::Device& device, index_t most_rows, index_t, index_t cols)
    : data(device, most_rows * cols, "a block of rows"), view{data.data(), 0, cols, cols} {}

void DeviceRows<Dense>::send(cuda::Device&, cuda::Feed& feed, const Dense& host) {
    require(host.rows * host.cols <= data.size(), "kmeans", "a block has ", host.rows, " rows; at most ",
            data.size() / host.cols, " were announced");
    feed.send_rows(data.data(), host.data, static_cast<std::size_t>(host.rows),
                   static_cast<std::size_t>(host.cols) * sizeof(float),
                   static_cast<std::size_t>(host.stride) * sizeof(float));
    view.rows = host.rows;
}

DeviceRows<Sparse>::DeviceRows(cuda::Device& device, index_t most_rows, index_t n_nonzero, index_t cols)
    : data(device, n_nonzero, "the values of a block of rows"),
      indices(device, n_nonzero, "the columns of a block of rows"),
      indptr(device, most_rows + 1, "the bounds of a block of rows"),
      view{data.data(), indices.data(), indptr.data(), 0, cols} {}

void DeviceRows<Sparse>::send(cuda::Device& device, cuda::Feed& feed, const Sparse& host) {
    require(host.rows + 1 <= indptr.size(), "kmeans", "a block has ", host.rows, " rows; at most ",
            indptr.size() - 1, " were announced");
    const index_t nnz = host.nnz(), first = host.indptr[0];
    if (nnz > data.size()) *this = DeviceRows(device, indptr.size() - 1, nnz, view.cols);
    std::vector<std::int64_t> bounds(host.indptr, host.indptr + host.rows + 1);
    for (std::int64_t& bound : bounds) bound -= first;
    feed.send(data.data(), host.data + first, static_cast<std::size_t>(nnz) * sizeof(float));
    feed.send(indices.data(), host.indices + first, static_cast<std::size_t>(nnz) * sizeof(std::int32_t));
    feed.send(indptr.data(), bounds.data(), bounds.size() * sizeof(std::int64_t));
    view.rows = host.rows;
}

DeviceRows<Sparse>::DeviceRows(cuda::Device& device, const Sparse& host)
    : data(device, host.nnz(), "the values of the rows"),
      indices(device, host.nnz(), "the columns of the rows"),
      indptr(device, host.rows + 1, "the row bounds"),
      view{data.data(), indices.data(), indptr.data(), host.rows, host.cols} {
    data.upload(host.data + host.indptr[0]);
    indices.upload(host.indices + host.indptr[0]);
    std::vector<std::int64_t> bounds(host.indptr, host.indptr + host.rows + 1);
    for (std::int64_t& bound : bounds) bound -= host.indptr[0];
    indptr.upload(bounds.data());
}

template <typename View>
DeviceSamples<View>::DeviceSamples(std::shared_ptr<cuda::Device> device, DeviceRows<View> rows,
                                   const double* weight, Metric metric)
    : device_(std::move(device)),
      kernels_(device::kernels_for(*device_)),
      rows_(std::move(rows)),
      metric_(metric),
      squared_norm_(*device_, rows_.view.rows, "the squared norms"),
      first_bad_(*device_, 1, "a counter") {
    const index_t n = n_samples();
    measure_norms();
    total_weight_ = static_cast<double>(n);
    if (weight == nullptr) return;
    ExactSum total;
    for (index_t i = 0; i < n; ++i) {
        require(weight[i] >= 0 && std::isfinite(weight[i]), "kmeans", "sample_weight[", i, "]=", weight[i],
                " must be finite and >= 0");
        total.add(weight[i]);
    }
    total_weight_ = total.value();
    weight_.assign(weight, weight + n);
    device_weight_ = DeviceArray<double>(*device_, n, "the weights");
    device_weight_.upload(weight);
}

template <typename View>
DeviceSamples<View>::DeviceSamples(std::shared_ptr<cuda::Device> device, DeviceRows<View> room,
                                   index_t most_rows, Metric metric)
    : device_(std::move(device)),
      kernels_(device::kernels_for(*device_)),
      rows_(std::move(room)),
      metric_(metric),
      squared_norm_(*device_, most_rows, "the squared norms"),
      first_bad_(*device_, 1, "a counter") {}

template <typename View>
void DeviceSamples<View>::make_room_for_weights() {
    device_weight_ = DeviceArray<double>(*device_, most_samples(), "the weights");
}

template <typename View>
void DeviceSamples<View>::exchange(DeviceBlock<View>& block) {
    std::swap(rows_, block.rows);
    std::swap(device_weight_, block.weight);
    queue_norms();
}

template <typename View>
device::Rows<View> DeviceSamples<View>::rows() const {
    return {rows_.view, device_weight_.size() == 0 ? nullptr : device_weight_.data(), squared_norm_.data(),
            metric_ == Metric::cosine};
}

template <typename View>
void DeviceSamples<View>::queue_norms() {
    first_bad_.fill_bytes(0x7F);  // more than there are rows
    launch_squared_norms(kernels_, *device_, rows_.view, squared_norm_.data(), first_bad_.data());
}

template <typename View>
void DeviceSamples<View>::measure_norms() {
    queue_norms();
    const std::int64_t bad = first_bad_.to_host()[0];
    if (bad < n_samples()) refuse_row(bad);
}

template <typename View>
void DeviceSamples<View>::refuse_row(index_t i) const {
    report_value(*device_, rows_.view, i);
    require(false, "kmeans", "X must be finite; row ", i, " is not");
    std::abort();  // require has thrown
}

template <typename View>
const std::vector<float>& DeviceSamples<View>::largest_magnitudes() const {
    std::call_once(found_largest_, [&] {
        DeviceArray<float> largest(*device_, n_features(), "the largest magnitudes");
        largest.fill_bytes(0);
        launch_largest(kernels_, *device_, rows_.view, largest.data());
        largest_ = largest.to_host();
    });
    return largest_;
}

template <typename View>
std::vector<std::int64_t> DeviceSamples<View>::feature_sums(const std::vector<double>& scale) const {
    DeviceArray<double> scales(*device_, n_features(), "the scales");
    scales.upload(scale.data());
    DeviceArray<std::int64_t> sums(*device_, n_features(), "the feature sums");
    sums.fill_bytes(0);
    launch_feature_sums(kernels_, *device_, rows(), scales.data(), sums.data());
    return sums.to_host();
}

template <typename View>
double DeviceSamples<View>::mean_feature_variance() const {
    const bool unit = metric_ == Metric::cosine;
    const Scales scales =
        scales_for(unit ? std::vector<float>(static_cast<std::size_t>(n_features())) : largest_magnitudes(),
                   static_cast<double>(n_samples()), metric_);
    ExactSum squared_norm;
    index_t n_nonzero = 0;
    for (const double norm : squared_norms()) {
        n_nonzero += norm > 0;
        if (!unit) squared_norm.add(norm);
    }
    return cluster::mean_feature_variance(n_samples(),
                                          unit ? static_cast<double>(n_nonzero) : squared_norm.value(),
                                          feature_sums(scales.feature), scales.feature);
}

template class DeviceSamples<Dense>;
template class DeviceSamples<Sparse>;

}  // namespace coterie::cluster
