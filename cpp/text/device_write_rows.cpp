#include "text/device_write_rows.hpp"

#include <algorithm>

#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "cuda/algorithms.hpp"
#include "text/device_batch.hpp"

namespace coterie::text {
namespace {

using cuda::DeviceArray;
using device::kRowThreads;

constexpr std::uint32_t kMostSublinear = 1u << 26;  // entries of the table of logarithms: 512 MiB
constexpr index_t kRowsPerTask = 1 << 16;

// The factors that are looked up, in the device's memory.
struct Factors {
    Factors(cuda::Device& device, const WeightOptions& weights, index_t n_columns, std::uint32_t most) {
        if (weights.idf != nullptr) {
            idf = DeviceArray<double>(device, n_columns, "the document frequencies");
            idf.upload(weights.idf);
        }
        if (weights.tf != TermFrequency::sublinear) return;
        require(most < kMostSublinear, "text", "a document has a term ", most, " times; at most ",
                kMostSublinear - 1, " are supported by sublinear_tf on a device");
        sublinear = on_device(device, sublinear_frequencies(most), "the logarithms of counts");
    }
    DeviceArray<double> idf, sublinear;
};

// The rows of one batch.
template <typename T>
struct Rows {
    std::vector<T> data;
    std::vector<std::int32_t> indices;
    std::vector<std::int64_t> begin;
};

template <typename T>
device::Launch<device::WriteRows<T>> launch_of(const device::Kernels& kernels) {
    if constexpr (std::is_same_v<T, float>) return kernels.write_float_rows;
    if constexpr (std::is_same_v<T, double>) return kernels.write_double_rows;
    if constexpr (std::is_same_v<T, std::int64_t>) return kernels.write_integer_rows;
}

template <typename T>
Rows<T> rows_of(cuda::Device& device, const CountedBatch& batch, const std::vector<std::int32_t>& columns,
                index_t n_columns, const WeightOptions& weights, const Factors& factors) {
    const device::Kernels& kernels = device::kernels_for(device);
    const auto n = static_cast<index_t>(batch.entries.size());
    std::vector<std::int32_t> column_of;
    for (const TermId id : batch.ids) column_of.push_back(id == kAbsent ? -1 : columns[id]);
    const int column_bits = bits_for(n_columns);
    DeviceArray<std::uint64_t> keys(device, n, "the entries of rows");
    DeviceArray<std::uint32_t> counts = on_device(device, batch.counts, "the counts of entries");
    DeviceArray<std::uint32_t> row_length(device, batch.n_documents, "the lengths of rows");
    DeviceArray<std::int64_t> begin(device, batch.n_documents + 1, "the places of rows");
    row_length.fill_bytes(0);
    {
        const DeviceArray<std::uint64_t> entries = on_device(device, batch.entries, "the entries of rows");
        const DeviceArray<std::int32_t> there = on_device(device, column_of, "the columns of terms");
        kernels.find_columns(device,
                             {entries.data(), there.data(), n, column_bits, keys.data(), row_length.data()},
                             ceil_div(n, kRowThreads));
        cuda::running_sum(device, row_length.data(), begin.data(), batch.n_documents);
    }
    // What has no column has ones in all bits, the number of documents or more above those of the column.
    cuda::sort_pairs(device, keys, counts, n, column_bits + bits_for(batch.n_documents));
    Rows<T> rows;
    rows.begin = begin.to_host();
    const index_t n_entries = rows.begin.back();
    DeviceArray<double> totals(device, batch.n_documents, "the norms of rows");
    DeviceArray<double> norms(device, batch.n_documents, "the norms of rows");
    DeviceArray<std::int32_t> indices(device, n_entries, "the rows");
    DeviceArray<T> data(device, n_entries, "the rows");
    const device::WeightedRows weighted = {keys.data(),
                                           counts.data(),
                                           begin.data(),
                                           batch.n_documents,
                                           n_entries,
                                           column_bits,
                                           weights.tf,
                                           weights.norm,
                                           weights.idf != nullptr ? factors.idf.data() : nullptr,
                                           factors.sublinear.data()};
    kernels.row_norms(device, {weighted, totals.data(), norms.data()},
                      ceil_div(batch.n_documents, kRowThreads));
    launch_of<T>(kernels)(device, {weighted, totals.data(), norms.data(), indices.data(), data.data()},
                          ceil_div(n_entries, kRowThreads));
    rows.indices = indices.to_host();
    rows.data = data.to_host();
    return rows;
}

template <typename T>
CountMatrix<T> joined(std::vector<Rows<T>>& parts, int n_threads) {
    CountMatrix<T> out;
    out.indptr.push_back(0);
    std::vector<std::int64_t> first;
    for (const Rows<T>& part : parts) {
        first.push_back(out.indptr.back());
        for (std::size_t i = 1; i < part.begin.size(); ++i)
            out.indptr.push_back(first.back() + part.begin[i]);
    }
    out.data.resize(static_cast<std::size_t>(out.indptr.back()));
    out.indices.resize(out.data.size());
    for (std::size_t p = 0; p < parts.size(); ++p) {
        const Rows<T>& part = parts[p];
        parallel_for_rows(static_cast<index_t>(part.data.size()), kRowsPerTask, n_threads,
                          [&](index_t begin, index_t end, int) {
                              std::copy(part.data.begin() + begin, part.data.begin() + end,
                                        out.data.begin() + first[p] + begin);
                              std::copy(part.indices.begin() + begin, part.indices.begin() + end,
                                        out.indices.begin() + first[p] + begin);
                          });
        parts[p] = {};
    }
    return out;
}

}  // namespace

template <typename T>
CountMatrix<T> write_rows(cuda::Device& device, std::vector<CountedBatch>& batches,
                          const std::vector<std::int32_t>& columns, index_t n_columns,
                          const WeightOptions& weights, int n_threads) {
    std::uint32_t most = 0;
    for (const CountedBatch& batch : batches)
        if (!batch.counts.empty() && weights.tf == TermFrequency::sublinear)
            most = std::max(most, *std::max_element(batch.counts.begin(), batch.counts.end()));
    const Factors factors(device, weights, n_columns, most);
    std::vector<Rows<T>> parts;
    for (CountedBatch& batch : batches) {
        check_interrupt();
        parts.push_back(rows_of<T>(device, batch, columns, n_columns, weights, factors));
        batch = {};
    }
    batches.clear();
    return joined(parts, n_threads);
}

template CountMatrix<float> write_rows(cuda::Device&, std::vector<CountedBatch>&,
                                       const std::vector<std::int32_t>&, index_t, const WeightOptions&, int);
template CountMatrix<double> write_rows(cuda::Device&, std::vector<CountedBatch>&,
                                        const std::vector<std::int32_t>&, index_t, const WeightOptions&, int);
template CountMatrix<std::int64_t> write_rows(cuda::Device&, std::vector<CountedBatch>&,
                                              const std::vector<std::int32_t>&, index_t, const WeightOptions&,
                                              int);

}  // namespace coterie::text
