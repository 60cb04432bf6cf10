#include "similarity/device_search.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "cuda/wgmma_check.hpp"
#include "kernels/kernels.hpp"

namespace coterie {
namespace {

using cuda::DeviceArray;
using Tiles = cuda::PackedTiles;

constexpr index_t kSampleRows = 2048;              // for the mean, which only keeps the bound small
constexpr index_t kMostMaxima = index_t{1} << 26;  // floats on the device at once

template <typename T>
DeviceArray<T> uploaded(cuda::Device& device, const T* host, index_t size, const char* what) {
    DeviceArray<T> array(device, size, what);
    array.upload(host);
    return array;
}

template <typename Measure>
DeviceArray<double> sizes_of(cuda::Device& device, const CsrView& x, int n_threads) {
    std::vector<double> sizes(static_cast<std::size_t>(x.rows));
    parallel_for_rows(x.rows, 1024, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i)
            sizes[static_cast<std::size_t>(i)] = Measure::size(sparse_row(x, i));
    });
    return uploaded(device, sizes.data(), x.rows, "the sizes");
}

// start[j] = <mu, y~_j> - |mu|^2, and the largest of their magnitudes.
double starts_of(const std::vector<double>& offsets, const std::vector<float>& mean,
                 std::vector<float>& start) {
    double squared_mean = 0, largest = 0;
    for (const float m : mean) squared_mean += double{m} * double{m};
    for (std::size_t j = 0; j < offsets.size(); ++j) {
        const double value = offsets[j] - squared_mean;
        start[j] = static_cast<float>(value);
        largest = std::max(largest, std::abs(value) * kernels::kUpward);
    }
    return largest;
}

}  // namespace

DeviceDense::DeviceDense(cuda::Device& device, const Dense& host)
    : data(device, host.rows * host.cols, "the rows"), view{data.data(), host.rows, host.cols, host.cols} {
    device.upload_rows(data.data(), host.data, static_cast<std::size_t>(host.rows),
                       static_cast<std::size_t>(host.cols) * sizeof(float),
                       static_cast<std::size_t>(host.stride) * sizeof(float));
}

DeviceCsr::DeviceCsr(cuda::Device& device, const CsrView& host)
    : data(uploaded(device, host.data + host.indptr[0], host.nnz(), "the values")),
      indices(uploaded(device, host.indices + host.indptr[0], host.nnz(), "the columns")) {
    std::vector<std::int64_t> bounds(host.indptr, host.indptr + host.rows + 1);
    for (std::int64_t& bound : bounds) bound -= host.indptr[0];
    indptr = uploaded(device, bounds.data(), host.rows + 1, "the row bounds");
    view = {data.data(), indices.data(), indptr.data(), host.rows, host.cols};
}

PackedUnits::PackedUnits(cuda::Device& device, const DeviceDense& rows)
    : view(rows.view),
      d_padded(kernels::bf16_depth(rows.view.cols)),
      length(device, rows.view.rows, "the lengths") {
    device::top_k_kernels_for(device).row_lengths(device, {view, length.data()},
                                                  ceil_div(view.rows, device::RowLengths::kRowsPerBlock));
    const std::vector<double> lengths = length.to_host();
    const auto bad = std::find_if(lengths.begin(), lengths.end(), [](double v) { return !std::isfinite(v); });
    require(bad == lengths.end(), "cosine_top_k", "rows must be finite; row ", bad - lengths.begin(),
            " is not");
}

void PackedUnits::pack(cuda::Device& device, const DeviceArray<float>& mean, index_t n_padded) {
    packed = DeviceArray<std::uint16_t>(device, n_padded * d_padded, "the rows in bfloat16");
    packed.fill_bytes(0);
    offset = DeviceArray<double>(device, view.rows, "the bounds");
    DeviceArray<double> squared_norm(device, view.rows, "the bounds"),
        squared_residual(device, view.rows, "the bounds");
    device::top_k_kernels_for(device).pack_unit_rows(
        device,
        {view, length.data(), mean.data(), d_padded, packed.data(), squared_norm.data(),
         squared_residual.data(), offset.data()},
        ceil_div(view.rows, device::PackUnitRows::kRowsPerBlock));
    norms = squared_norm.to_host();
    residuals = squared_residual.to_host();
    offsets = offset.to_host();
    for (std::size_t i = 0; i < norms.size(); ++i) {
        kernels::Bf16Size size;
        size.include(norms[i], residuals[i]);
        largest.include(size);
        norms[i] = size.norm;
        residuals[i] = size.residual;
    }
}

DenseCosineSearch::DenseCosineSearch(cuda::Device& device, const DeviceDense& x, const DeviceDense* y)
    : device_(device),
      uses_wgmma_(cuda::wgmma_state(device).is_used),
      columns_(device, y == nullptr ? x : *y),
      other_(y == nullptr ? nullptr : std::make_unique<PackedUnits>(device, x)),
      rows_(y == nullptr ? &columns_ : other_.get()),
      n_padded_(ceil_div(columns_.view.rows, Tiles::kTileColumns) * Tiles::kTileColumns) {
    const index_t d = columns_.view.cols, n_groups = n_padded_ / device::kGroupColumns;
    DeviceArray<float> mean(device, d, "the mean");
    device::top_k_kernels_for(device).mean_of_units(
        device,
        {columns_.view, columns_.length.data(), std::max<index_t>(1, columns_.view.rows / kSampleRows),
         mean.data()},
        ceil_div(d, device::MeanOfUnits::kThreads));
    columns_.pack(device, mean, n_padded_);
    if (other_) other_->pack(device, mean, other_->view.rows);
    std::vector<float> start(static_cast<std::size_t>(n_padded_), kernels::kPadScore);
    largest_start_ = starts_of(columns_.offsets, mean.to_host(), start);
    start_ = uploaded(device, start.data(), n_padded_, "the filter's starts");
    norm_ = uploaded(device, rows_->norms.data(), n_rows(), "the bounds");
    residual_ = uploaded(device, rows_->residuals.data(), n_rows(), "the bounds");
    at_once_ = std::min(n_rows(), std::max<index_t>(kMostMaxima / n_groups / 256 * 256, 256));
    maxima_ = DeviceArray<float>(device, at_once_ * n_groups, "the filter's maxima");
}

template <typename Product>
void DenseCosineSearch::find_maxima(device::Launch<device::GroupMaxima<Product>> launch, index_t first,
                                    index_t n, index_t n_padded) {
    const Product product{{rows_->packed.data(), columns_.packed.data(), n_padded, rows_->d_padded}};
    launch(device_, {product, start_.data(), first, n, n_padded / device::kGroupColumns, maxima_.data()},
           ceil_div(n, Tiles::kTileRows));
}

// Queues the filter, over no more columns than are wanted, and gives the comparison of what it leaves.
template <typename Kept>
device::DenseTopK<Kept> DenseCosineSearch::filtered(index_t first, index_t n, const device::Wanted& wanted,
                                                    const typename Kept::Answers& out) {
    const index_t needed = wanted.below_only ? std::min(first + n, n_columns()) : n_columns();
    const index_t n_padded = ceil_div(needed, Tiles::kTileColumns) * Tiles::kTileColumns;
    const index_t n_groups = n_padded / device::kGroupColumns;
    const device::TopKKernels& run = device::top_k_kernels_for(device_);
    if (uses_wgmma_)
        find_maxima(run.group_maxima_wgmma, first, n, n_padded);
    else
        find_maxima(run.group_maxima, first, n, n_padded);
    return {rows_->view,
            columns_.view,
            rows_->length.data(),
            columns_.length.data(),
            norm_.data(),
            residual_.data(),
            rows_->offset.data(),
            columns_.largest.norm,
            columns_.largest.residual,
            largest_start_,
            rows_->d_padded,
            first,
            n_groups,
            maxima_.data(),
            wanted,
            out};
}

void DenseCosineSearch::best(index_t first, index_t n, const device::Wanted& wanted,
                             const device::Answers& out) {
    const auto compare = filtered<device::BlockBest>(first, n, wanted, out);
    device::top_k_kernels_for(device_).dense_cosine(device_, compare, n);
}

void DenseCosineSearch::pairs(index_t first, index_t n, const device::Wanted& wanted,
                              const device::Pairs& out) {
    const auto compare = filtered<device::BlockPairs>(first, n, wanted, out);
    device::top_k_kernels_for(device_).dense_cosine_pairs(device_, compare, n);
}

template <typename Measure, typename DeviceMeasure>
SparseSearch<Measure, DeviceMeasure>::SparseSearch(cuda::Device& device, const CsrView& x, const CsrView* y,
                                                   int n_threads)
    : device_(device),
      x_(device, x),
      x_size_(sizes_of<Measure>(device, x, n_threads)),
      y_(&x_),
      y_size_(x_size_.data()) {
    if (y == nullptr) return;
    other_ = std::make_unique<DeviceCsr>(device, *y);
    other_size_ = sizes_of<Measure>(device, *y, n_threads);
    y_ = other_.get();
    y_size_ = other_size_.data();
}

template class SparseSearch<CosineMeasure, device::Cosine>;
template class SparseSearch<JaccardMeasure, device::Jaccard>;

}  // namespace coterie
