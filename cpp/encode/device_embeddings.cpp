#include "encode/device_embeddings.hpp"

#include <algorithm>
#include <utility>

#include "core/check.hpp"
#include "encode/device_embeddings_kernels.hpp"

namespace coterie::encode {

DeviceEmbeddings::DeviceEmbeddings(std::shared_ptr<cuda::Device> device, index_t n_rows, index_t n_columns)
    : device_(std::move(device)), n_rows_(n_rows), n_columns_(n_columns) {
    require(n_rows >= 0 && n_columns >= 1, "embeddings", "shape must be (n_rows, n_columns); got (", n_rows,
            ", ", n_columns, ")");
    rows_ = cuda::DeviceArray<float>(*device_, n_rows * n_columns, "the rows of the texts");
    rows_.fill_bytes(0);
    device_->synchronise();
}

void DeviceEmbeddings::check_rows(const std::int64_t* numbers, index_t n, const char* name) const {
    for (index_t i = 0; i < n; ++i)
        require(numbers[i] >= 0 && numbers[i] < n_rows_, "embeddings", name, "[", i, "]=", numbers[i],
                " must be within [0, ", n_rows_, ")");
}

const std::int64_t* DeviceEmbeddings::send(const std::int64_t* first, const std::int64_t* second, index_t n) {
    std::vector<std::int64_t> both(first, first + n);
    both.insert(both.end(), second, second + n);
    if (lists_.size() < 2 * n) lists_ = cuda::DeviceArray<std::int64_t>(*device_, 2 * n, "row numbers");
    device_->upload(lists_.data(), both.data(), both.size() * sizeof(std::int64_t));
    return lists_.data();
}

void DeviceEmbeddings::put(const ModelOutput& found, const std::int64_t* lengths, const std::int64_t* places,
                           const std::vector<Pooling>& poolings, bool normalise) {
    require(found.is_pooled == poolings.empty() && poolings.size() <= kMostPoolings, "embeddings",
            "a model gives rows of texts, or 1 to ", kMostPoolings, " poolings are given; got ",
            poolings.size());
    const auto n_poolings = static_cast<index_t>(std::max<std::size_t>(poolings.size(), 1));
    require(found.n >= 0 && found.length >= 1 && found.dim * n_poolings == n_columns_, "embeddings",
            "rows must have ", n_columns_, " columns; got ", found.dim, " of ", n_poolings, " poolings");
    for (index_t i = 0; i < found.n; ++i)
        require(lengths[i] >= 1 && (found.is_pooled || lengths[i] <= found.length), "embeddings", "lengths[",
                i, "]=", lengths[i], " must be within [1, ", found.length, "]");
    check_rows(places, found.n, "places");
    const std::scoped_lock lock(mutex_);
    const std::int64_t* const lists = send(lengths, places, found.n);
    FinishRows program{found, lists,     lists + found.n, static_cast<int>(n_poolings),
                       {},    normalise, rows_.data(),    n_columns_};
    std::copy(poolings.begin(), poolings.end(), program.poolings);
    kernels_for(*device_).finish_rows(*device_, program, found.n);
    device_->synchronise();
}

void DeviceEmbeddings::repeat(const std::int64_t* from, const std::int64_t* to, index_t n) {
    check_rows(from, n, "from");
    check_rows(to, n, "to");
    const std::scoped_lock lock(mutex_);
    const std::int64_t* const lists = send(from, to, n);
    kernels_for(*device_).copy_rows(*device_, {rows_.data(), lists, lists + n, n, n_columns_},
                                    ceil_div(n, CopyRows::kRowsPerBlock));
    device_->synchronise();
}

}  // namespace coterie::encode
