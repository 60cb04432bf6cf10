// Centroids in a device's memory, in the form that the canonical score, the filter and the update want.
#pragma once

#include "cluster/centroids.hpp"
#include "cluster/device_samples.hpp"

namespace coterie::cluster {

// What both kinds of rows have.
template <typename View>
struct CentroidArrays {
    CentroidArrays(const DeviceSamples<View>& samples, const Centroids<View>& host, index_t n_columns);

    // Other centroids of the same shape.
    void set(const Centroids<View>& host);
    device::Columns<View> columns() const { return {values.data(), ld, half_norm.data(), k}; }
    device::CentroidState state() { return {squared_norm.data(), half_norm.data(), squared_shift.data()}; }

    index_t k, ld, n_columns;
    cuda::DeviceArray<float> values;  // as in Centroids<View>
    cuda::DeviceArray<double> squared_norm, half_norm, squared_shift;
    cuda::DeviceArray<float> start;  // [n_columns]; for CSR rows the bias
    cuda::DeviceArray<device::ColumnSummary> summary;
};

// The filter of one kind of rows: prepare() after the centroids changed, then score() and list().
template <typename View>
class DeviceFilter;

template <>
class DeviceFilter<Dense> {
  public:
    DeviceFilter(const DeviceSamples<Dense>& samples, const Centroids<Dense>& host);

    CentroidArrays<Dense>& centroids() { return centroids_; }
    const char* name() const { return "bfloat16"; }
    // After the samples exchanged their rows.
    void renew_rows();
    void prepare();
    void decide(const device::Verdict& verdict);
    void list_candidates(const device::Verdict& verdict);

  private:
    template <bool kCollect, typename Tiles>
    device::DenseFilter<kCollect, Tiles> program(const device::Verdict& verdict, index_t n) const;

    const DeviceSamples<Dense>& samples_;
    CentroidArrays<Dense> centroids_;
    index_t d_padded_;
    bool uses_wgmma_;
    cuda::DeviceArray<float> mean_;
    double mean_norm_ = -1;  // -1: the mean is not known yet
    cuda::DeviceArray<std::uint16_t> packed_rows_, packed_columns_;
    cuda::DeviceArray<float> row_norm_, row_residual_;
    cuda::DeviceArray<double> bias_, column_norm_, column_residual_;
};

template <>
class DeviceFilter<Sparse> {
  public:
    DeviceFilter(const DeviceSamples<Sparse>& samples, const Centroids<Sparse>& host);

    CentroidArrays<Sparse>& centroids() { return centroids_; }
    const char* name() const { return "float32"; }
    void renew_rows() {}
    void prepare();
    void decide(const device::Verdict& verdict);
    void list_candidates(const device::Verdict& verdict);

  private:
    template <bool kCollect>
    device::SparseFilter<kCollect> program(const device::Verdict& verdict, index_t n) const;

    const DeviceSamples<Sparse>& samples_;
    CentroidArrays<Sparse> centroids_;
};

}  // namespace coterie::cluster
