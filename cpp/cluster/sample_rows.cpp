#include "cluster/sample_rows.hpp"

#include <algorithm>
#include <numeric>

#include "core/philox.hpp"

namespace coterie::cluster {
namespace {

constexpr std::uint64_t kSamplingStream = 2;

// The n_rows rows with the smallest random keys: every subset is as likely, whoever draws the keys in whatever order.
std::vector<index_t> rows_with_smallest_keys(index_t n, index_t n_rows, std::uint64_t seed) {
    const Philox random(seed, kSamplingStream);
    std::vector<std::uint64_t> key(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = random.at(i);
    std::vector<index_t> rows(key.size());
    std::iota(rows.begin(), rows.end(), index_t{0});
    std::nth_element(rows.begin(), rows.begin() + (n_rows - 1), rows.end(), [&](index_t a, index_t b) {
        const auto x = key[static_cast<std::size_t>(a)], y = key[static_cast<std::size_t>(b)];
        return x != y ? x < y : a < b;
    });
    rows.resize(static_cast<std::size_t>(n_rows));
    std::sort(rows.begin(), rows.end());
    return rows;
}

}  // namespace

template <typename View>
SampledRows<View>::SampledRows(const Samples<View>& samples, index_t n_rows, std::uint64_t seed)
    : rows_(rows_with_smallest_keys(samples.x.rows, n_rows, seed)) {
    View view;
    copy_rows(samples.x, view);
    double total = 0;
    for (const index_t i : rows_) total += samples.weight_of(i);
    // Rows without weight only: then any of them is as good as another.
    if (samples.weight != nullptr && total > 0)
        for (const index_t i : rows_) weight_.push_back(samples.weight_of(i));
    samples_ = std::make_unique<Samples<View>>(view, weight_.empty() ? nullptr : weight_.data(),
                                               samples.metric, samples.n_threads);
}

template <typename View>
void SampledRows<View>::copy_rows(const Dense& x, Dense& view) {
    data_.reserve(rows_.size() * static_cast<std::size_t>(x.cols));
    for (const index_t i : rows_) data_.insert(data_.end(), x.row(i), x.row(i) + x.cols);
    view = {data_.data(), static_cast<index_t>(rows_.size()), x.cols, x.cols};
}

template <typename View>
void SampledRows<View>::copy_rows(const Sparse& x, Sparse& view) {
    indptr_ = {0};
    for (const index_t i : rows_) {
        const SparseRow row = sparse_row(x, i);
        data_.insert(data_.end(), row.data, row.data + row.nnz);
        indices_.insert(indices_.end(), row.indices, row.indices + row.nnz);
        indptr_.push_back(static_cast<std::int64_t>(data_.size()));
    }
    view = {data_.data(), indices_.data(), indptr_.data(), static_cast<index_t>(rows_.size()), x.cols};
}

template class SampledRows<Dense>;
template class SampledRows<Sparse>;

}  // namespace coterie::cluster
