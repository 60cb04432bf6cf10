#include "cluster/device_centroids.hpp"

#include <algorithm>
#include <cmath>

#include "cuda/wgmma_check.hpp"
#include "kernels/bf16_pack.hpp"
#include "kernels/rounding.hpp"

namespace coterie::cluster {
namespace {

using cuda::DeviceArray;
using Tiles = cuda::TileProduct;

// A sample as good as any: the mean only keeps the bound small.
constexpr index_t kMeanRows = 4096;

// Grids that take as many uncertain rows as the device has counted: enough blocks to fill any device.
constexpr index_t kMostBlocks = 2048;

index_t leading(const Centroids<Dense>& host) {
    return host.d;
}
index_t leading(const Centroids<Sparse>& host) {
    return host.ld;
}

}  // namespace

template <typename View>
CentroidArrays<View>::CentroidArrays(const DeviceSamples<View>& samples, const Centroids<View>& host,
                                     index_t n_columns_)
    : k(host.k),
      ld(leading(host)),
      n_columns(n_columns_),
      values(samples.device(), static_cast<index_t>(host.values.size()), "the centroids"),
      squared_norm(samples.device(), k, "the centroids' norms"),
      half_norm(samples.device(), k, "the centroids' norms"),
      squared_shift(samples.device(), k, "the centroids' shifts"),
      start(samples.device(), n_columns, "the filter's starts"),
      summary(samples.device(), 1, "the centroids' summary") {
    set(host);
}

template <typename View>
void CentroidArrays<View>::set(const Centroids<View>& host) {
    values.upload(host.values.data());
    squared_norm.upload(host.squared_norm.data());
    half_norm.upload(host.half_norm.data());
}

DeviceFilter<Dense>::DeviceFilter(const DeviceSamples<Dense>& samples, const Centroids<Dense>& host)
    : samples_(samples),
      centroids_(samples, host, ceil_div(host.k, Tiles::kTileColumns) * Tiles::kTileColumns),
      d_padded_(kernels::bf16_depth(samples.n_features())),
      uses_wgmma_(cuda::wgmma_state(samples.device()).is_used),
      mean_(samples.device(), samples.n_features(), "the mean"),
      packed_rows_(samples.device(), samples.most_samples() * d_padded_, "the rows in bfloat16"),
      packed_columns_(samples.device(), centroids_.n_columns * d_padded_, "the centroids in bfloat16"),
      row_norm_(samples.device(), samples.most_samples(), "the rows' bounds"),
      row_residual_(samples.device(), samples.most_samples(), "the rows' bounds"),
      bias_(samples.device(), host.k, "the centroids' bounds"),
      column_norm_(samples.device(), host.k, "the centroids' bounds"),
      column_residual_(samples.device(), host.k, "the centroids' bounds") {
    static_assert(Tiles::kTileDepth == kernels::kBf16Depth);
    static_assert(Tiles::kTileRows == cuda::WgmmaProduct::kTileRows &&
                  Tiles::kTileColumns == cuda::WgmmaProduct::kTileColumns);
    if (samples.n_samples() > 0) renew_rows();
}

void DeviceFilter<Dense>::renew_rows() {
    const Dense x = samples_.rows().x;
    const device::Kernels& run = samples_.kernels();
    if (mean_norm_ < 0) {
        run.sample_mean(samples_.device(), {x, std::max<index_t>(1, x.rows / kMeanRows), mean_.data()},
                        ceil_div(x.cols, device::SampleMean::kThreads));
        double squared_mean = 0;
        for (const float m : mean_.to_host()) squared_mean += double{m} * double{m};
        mean_norm_ = std::sqrt(squared_mean) * kernels::kUpward;
    }
    run.pack_rows(samples_.device(),
                  {x, mean_.data(), d_padded_, packed_rows_.data(), row_norm_.data(), row_residual_.data()},
                  ceil_div(x.rows, device::PackRows::kRowsPerBlock));
}

void DeviceFilter<Dense>::prepare() {
    const device::Kernels& run = samples_.kernels();
    CentroidArrays<Dense>& c = centroids_;
    run.pack_columns(
        samples_.device(),
        {c.values.data(), c.half_norm.data(), mean_.data(), c.k, samples_.n_features(), d_padded_,
         packed_columns_.data(), bias_.data(), column_norm_.data(), column_residual_.data()},
        c.n_columns);
    run.summarise_columns(samples_.device(),
                          {c.squared_norm.data(), c.half_norm.data(), bias_.data(), column_norm_.data(),
                           column_residual_.data(), c.k, c.n_columns, c.start.data(), c.summary.data()},
                          1);
}

template <bool kCollect, typename Tiles>
device::DenseFilter<kCollect, Tiles> DeviceFilter<Dense>::program(const device::Verdict& verdict,
                                                                  index_t n) const {
    return {samples_.rows(),
            {packed_rows_.data(), row_norm_.data(), row_residual_.data()},
            {packed_columns_.data(), centroids_.start.data(), centroids_.summary.data()},
            n,
            centroids_.k,
            centroids_.n_columns,
            d_padded_,
            mean_norm_,
            verdict};
}

void DeviceFilter<Dense>::decide(const device::Verdict& verdict) {
    const index_t n = samples_.n_samples();
    const index_t n_blocks = ceil_div(n, Tiles::kTileRows);
    if (uses_wgmma_)
        samples_.kernels().dense_filter_wgmma(samples_.device(),
                                              program<false, cuda::WgmmaProduct>(verdict, n), n_blocks);
    else
        samples_.kernels().dense_filter(samples_.device(), program<false, Tiles>(verdict, n), n_blocks);
}

void DeviceFilter<Dense>::list_candidates(const device::Verdict& verdict) {
    const index_t n = samples_.n_samples();
    const index_t n_blocks = std::min(ceil_div(n, Tiles::kTileRows), kMostBlocks);
    if (uses_wgmma_)
        samples_.kernels().dense_candidates_wgmma(samples_.device(),
                                                  program<true, cuda::WgmmaProduct>(verdict, n), n_blocks);
    else
        samples_.kernels().dense_candidates(samples_.device(), program<true, Tiles>(verdict, n), n_blocks);
}

DeviceFilter<Sparse>::DeviceFilter(const DeviceSamples<Sparse>& samples, const Centroids<Sparse>& host)
    : samples_(samples), centroids_(samples, host, host.ld) {}

void DeviceFilter<Sparse>::prepare() {
    CentroidArrays<Sparse>& c = centroids_;
    samples_.kernels().summarise_columns(samples_.device(),
                                         {c.squared_norm.data(), c.half_norm.data(), nullptr, nullptr,
                                          nullptr, c.k, c.n_columns, c.start.data(), c.summary.data()},
                                         1);
}

template <bool kCollect>
device::SparseFilter<kCollect> DeviceFilter<Sparse>::program(const device::Verdict& verdict,
                                                             index_t n) const {
    return {samples_.rows(), centroids_.columns(), centroids_.start.data(), centroids_.summary.data(), n,
            verdict};
}

void DeviceFilter<Sparse>::decide(const device::Verdict& verdict) {
    const index_t n = samples_.n_samples();
    samples_.kernels().sparse_filter(samples_.device(), program<false>(verdict, n),
                                     ceil_div(n, device::SparseFilter<false>::kRowsPerBlock));
}

void DeviceFilter<Sparse>::list_candidates(const device::Verdict& verdict) {
    const index_t n = samples_.n_samples();
    samples_.kernels().sparse_candidates(
        samples_.device(), program<true>(verdict, n),
        std::min(ceil_div(n, device::SparseFilter<true>::kRowsPerBlock), kMostBlocks));
}

template struct CentroidArrays<Dense>;
template struct CentroidArrays<Sparse>;

}  // namespace coterie::cluster
