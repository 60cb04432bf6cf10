#include "similarity/device_top_k.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "kernels/bf16_pack.hpp"
#include "kernels/kernels.hpp"
#include "similarity/checks.hpp"
#include "similarity/device_top_k_kernels.hpp"
#include "similarity/jaccard_top_k.hpp"
#include "similarity/measures.hpp"

namespace coterie {
namespace {

using cuda::DeviceArray;
using device::TopKKernels;
using Dense = MatrixView<const float>;
using Tiles = cuda::TileProduct;

constexpr index_t kSampleRows = 2048;                    // for the mean, which only keeps the bound small
constexpr index_t kMostMaxima = index_t{1} << 26;        // floats on the device at once
constexpr index_t kSparseRowsAtOnce = index_t{1} << 16;  // between two looks for Ctrl-C

template <typename T>
DeviceArray<T> uploaded(cuda::Device& device, const T* host, index_t size, const char* what) {
    DeviceArray<T> array(device, size, what);
    array.upload(host);
    return array;
}

bool nothing_to_find(index_t n_rows, index_t n_columns, Neighbours& none) {
    none.indptr.assign(static_cast<std::size_t>(n_rows) + 1, 0);
    return n_rows == 0 || n_columns == 0;
}

void check_k(const NeighbourQuery& query, const char* op) {
    require(query.k >= 1 && query.k <= device::kMostNeighbours, op, "k must be 1 to ",
            device::kMostNeighbours, " on a device; got ", query.k);
}

// Answers of some rows at a time, on their way to the host.
class Collector {
  public:
    Collector(cuda::Device& device, const NeighbourQuery& query, index_t n_rows, index_t rows_at_once)
        : query_(query),
          n_rows_(n_rows),
          scores_(device, rows_at_once * query.k, "the similarities"),
          indices_(device, rows_at_once * query.k, "the neighbours"),
          n_found_(device, rows_at_once, "the neighbours") {
        if (query.excluded != nullptr)
            excluded_ = uploaded(device, query.excluded, n_rows, "the excluded rows");
    }

    device::Wanted wanted() const {
        return {query_.k, query_.threshold, query_.excluded == nullptr ? nullptr : excluded_.data()};
    }
    device::Answers answers() { return {scores_.data(), indices_.data(), n_found_.data()}; }

    void take(index_t n) {
        const std::vector<double> scores = scores_.to_host();
        const std::vector<std::int32_t> indices = indices_.to_host(), n_found = n_found_.to_host();
        NeighbourBlock block;
        for (index_t r = 0; r < n; ++r) {
            const std::int32_t count = n_found[static_cast<std::size_t>(r)];
            block.counts.push_back(count);
            for (std::int32_t q = 0; q < count; ++q) {
                const auto place = static_cast<std::size_t>(r * query_.k + q);
                block.indices.push_back(indices[place]);
                block.similarities.push_back(static_cast<float>(scores[place]));
            }
        }
        blocks_.push_back(std::move(block));
    }
    Neighbours join() && { return concatenate(std::move(blocks_), n_rows_); }

  private:
    NeighbourQuery query_;
    index_t n_rows_;
    DeviceArray<double> scores_;
    DeviceArray<std::int32_t> indices_, n_found_, excluded_;
    std::vector<NeighbourBlock> blocks_;
};

// ---- CSR ----

struct DeviceCsr {
    DeviceCsr(cuda::Device& device, const CsrView& host)
        : data(uploaded(device, host.data + host.indptr[0], host.nnz(), "the values")),
          indices(uploaded(device, host.indices + host.indptr[0], host.nnz(), "the columns")) {
        std::vector<std::int64_t> bounds(host.indptr, host.indptr + host.rows + 1);
        for (std::int64_t& bound : bounds) bound -= host.indptr[0];
        indptr = uploaded(device, bounds.data(), host.rows + 1, "the row bounds");
        view = {data.data(), indices.data(), indptr.data(), host.rows, host.cols};
    }
    DeviceArray<float> data;
    DeviceArray<std::int32_t> indices;
    DeviceArray<std::int64_t> indptr;
    CsrView view;
};

template <typename Measure>
std::vector<double> sizes_of(const CsrView& x, int n_threads) {
    std::vector<double> sizes(static_cast<std::size_t>(x.rows));
    parallel_for_rows(x.rows, 1024, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i)
            sizes[static_cast<std::size_t>(i)] = Measure::size(sparse_row(x, i));
    });
    return sizes;
}

template <typename Measure, typename DeviceMeasure>
Neighbours sparse_search(cuda::Device& device, device::Launch<device::SparseTopK<DeviceMeasure>> launch,
                         const CsrView& x, const CsrView& y, const NeighbourQuery& query, int n_threads) {
    Neighbours none;
    if (nothing_to_find(x.rows, y.rows, none)) return none;
    const std::vector<double> x_sizes = sizes_of<Measure>(x, n_threads),
                              y_sizes = sizes_of<Measure>(y, n_threads);
    const DeviceCsr there_x(device, x), there_y(device, y);
    const auto x_size = uploaded(device, x_sizes.data(), x.rows, "the sizes");
    const auto y_size = uploaded(device, y_sizes.data(), y.rows, "the sizes");
    const index_t at_once = std::min(x.rows, kSparseRowsAtOnce);
    Collector collector(device, query, x.rows, at_once);
    for (index_t first = 0; first < x.rows; first += at_once) {
        check_interrupt();
        const index_t n = std::min(at_once, x.rows - first);
        CsrView some = there_x.view;
        some.indptr += first;
        some.rows = n;
        device::Wanted wanted = collector.wanted();
        if (wanted.excluded != nullptr) wanted.excluded += first;
        launch(device,
               {some, there_y.view, x_size.data() + first, y_size.data(), wanted, collector.answers()}, n);
        collector.take(n);
    }
    return std::move(collector).join();
}

// ---- dense ----

std::vector<double> lengths_of(const Dense& x, int n_threads) {
    std::vector<double> lengths(static_cast<std::size_t>(x.rows));
    parallel_for_rows(x.rows, 256, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i)
            lengths[static_cast<std::size_t>(i)] =
                std::sqrt(kernels::active().dot(x.row(i), x.row(i), x.cols));
    });
    return lengths;
}

std::vector<float> mean_of_units(const Dense& y, const std::vector<double>& lengths) {
    const index_t step = std::max<index_t>(1, y.rows / kSampleRows);
    std::vector<double> sum(static_cast<std::size_t>(y.cols), 0.0);
    double count = 0;
    for (index_t j = 0; j < y.rows; j += step, ++count) {
        const double length = lengths[static_cast<std::size_t>(j)];
        for (index_t c = 0; c < y.cols && length > 0; ++c)
            sum[static_cast<std::size_t>(c)] += y.row(j)[c] / length;
    }
    std::vector<float> mean(sum.size());
    for (std::size_t c = 0; c < sum.size(); ++c) mean[c] = static_cast<float>(sum[c] / std::max(count, 1.0));
    return mean;
}

// Rows on the device with their packed unit rows, and on the host what was measured of them, as upper bounds.
struct PackedUnits {
    PackedUnits(cuda::Device& device, const TopKKernels& run, const Dense& host,
                const std::vector<float>& mean, index_t n_padded, int n_threads)
        : d_padded(kernels::bf16_depth(host.cols)),
          data(device, host.rows * host.cols, "the rows"),
          packed(device, n_padded * d_padded, "the rows in bfloat16"),
          view{data.data(), host.rows, host.cols, host.cols} {
        const std::vector<double> lengths = lengths_of(host, n_threads);
        length = uploaded(device, lengths.data(), host.rows, "the lengths");
        device.upload_rows(data.data(), host.data, static_cast<std::size_t>(host.rows),
                           static_cast<std::size_t>(host.cols) * sizeof(float),
                           static_cast<std::size_t>(host.stride) * sizeof(float));
        packed.fill_bytes(0);
        const auto there = uploaded(device, mean.data(), host.cols, "the mean");
        DeviceArray<double> squared_norm(device, host.rows, "the bounds"),
            squared_residual(device, host.rows, "the bounds");
        offset = DeviceArray<double>(device, host.rows, "the bounds");
        run.pack_unit_rows(device,
                           {view, length.data(), there.data(), d_padded, packed.data(), squared_norm.data(),
                            squared_residual.data(), offset.data()},
                           ceil_div(host.rows, device::PackUnitRows::kRowsPerBlock));
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

    index_t d_padded;
    DeviceArray<float> data;
    DeviceArray<std::uint16_t> packed;
    Dense view;
    DeviceArray<double> length, offset;
    std::vector<double> norms, residuals, offsets;
    kernels::Bf16Size largest;
};

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

Neighbours cosine_top_k(cuda::Device& device, const Dense& x, const Dense& y, const NeighbourQuery& query,
                        int n_threads) {
    check_pair(x, y, query, "cosine_top_k", n_threads);
    check_k(query, "cosine_top_k");
    Neighbours none;
    if (nothing_to_find(x.rows, y.rows, none)) return none;
    const TopKKernels& run = device::top_k_kernels_for(device);
    const bool same = x.data == y.data && x.rows == y.rows && x.stride == y.stride;
    const index_t n_columns = ceil_div(y.rows, Tiles::kTileColumns) * Tiles::kTileColumns;
    const std::vector<float> mean = mean_of_units(y, lengths_of(y, n_threads));
    const PackedUnits columns(device, run, y, mean, n_columns, n_threads);
    std::optional<PackedUnits> other;
    if (!same) other.emplace(device, run, x, mean, x.rows, n_threads);
    const PackedUnits& rows = same ? columns : *other;
    std::vector<float> start(static_cast<std::size_t>(n_columns), kernels::kPadScore);
    const double largest_start = starts_of(columns.offsets, mean, start);
    const auto start_there = uploaded(device, start.data(), n_columns, "the filter's starts");
    const auto norm = uploaded(device, rows.norms.data(), x.rows, "the bounds");
    const auto residual = uploaded(device, rows.residuals.data(), x.rows, "the bounds");

    const index_t n_groups = n_columns / device::kGroupColumns;
    const index_t at_once = std::min(x.rows, std::max<index_t>(kMostMaxima / n_groups / 256 * 256, 256));
    DeviceArray<float> maxima(device, at_once * n_groups, "the filter's maxima");
    Collector collector(device, query, x.rows, at_once);
    for (index_t first = 0; first < x.rows; first += at_once) {
        check_interrupt();
        const index_t n = std::min(at_once, x.rows - first);
        run.group_maxima(device,
                         {{rows.packed.data(), columns.packed.data(), n_columns, rows.d_padded},
                          start_there.data(),
                          first,
                          n,
                          n_groups,
                          maxima.data()},
                         ceil_div(n, Tiles::kTileRows));
        run.dense_cosine(
            device,
            {rows.view, columns.view, rows.length.data(), columns.length.data(), norm.data(), residual.data(),
             rows.offset.data(), columns.largest.norm, columns.largest.residual, largest_start, rows.d_padded,
             first, n_groups, maxima.data(), collector.wanted(), collector.answers()},
            n);
        collector.take(n);
    }
    return std::move(collector).join();
}

Neighbours cosine_top_k(cuda::Device& device, const CsrView& x, const CsrView& y, const NeighbourQuery& query,
                        int n_threads) {
    check_pair(x, y, query, "cosine_top_k", n_threads);
    check_k(query, "cosine_top_k");
    return sparse_search<CosineMeasure>(device, device::top_k_kernels_for(device).sparse_cosine, x, y, query,
                                        n_threads);
}

Neighbours jaccard_top_k(cuda::Device& device, const CsrView& x, const CsrView& y,
                         const NeighbourQuery& query, int n_threads) {
    check_pair(x, y, query, "jaccard_top_k", n_threads);
    check_k(query, "jaccard_top_k");
    check_not_negative(x, "jaccard_top_k", n_threads);
    if (x.data != y.data) check_not_negative(y, "jaccard_top_k", n_threads);
    return sparse_search<JaccardMeasure>(device, device::top_k_kernels_for(device).sparse_jaccard, x, y,
                                         query, n_threads);
}

}  // namespace coterie
