#include "cluster/sample_rows.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/philox.hpp"

namespace coterie::cluster {
namespace {

constexpr std::uint64_t kSamplingStream = 2;

}  // namespace

std::vector<index_t> rows_with_smallest_keys(index_t n, index_t n_rows, std::uint64_t seed) {
    const Philox random(seed, kSamplingStream);
    std::vector<std::pair<std::uint64_t, index_t>> kept;  // by key, then row
    const auto size = static_cast<std::size_t>(n_rows);
    kept.reserve(2 * size);
    std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();  // no row above it can stay
    const auto shrink = [&] {
        std::nth_element(kept.begin(), kept.begin() + (n_rows - 1), kept.end());
        kept.resize(size);
        largest = kept.back().first;
    };
    for (index_t i = 0; i < n; ++i) {
        const std::uint64_t key = random.at(static_cast<std::uint64_t>(i));
        if (key <= largest) kept.emplace_back(key, i);
        if (kept.size() == 2 * size) shrink();
    }
    if (kept.size() > size) shrink();
    std::vector<index_t> rows;
    for (const auto& [key, i] : kept) rows.push_back(i);
    std::sort(rows.begin(), rows.end());
    return rows;
}

index_t rows_for_seeding(index_t k) {
    constexpr index_t kRowsAlways = 32768, kRowsPerCluster = 64;
    return kRowsAlways + kRowsPerCluster * k;
}

std::vector<index_t> rows_to_seed_from(index_t n, index_t k, std::uint64_t seed) {
    return rows_with_smallest_keys(n, std::min(n, rows_for_seeding(k)), seed);
}

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
SampledRows<View>::SampledRows(const Samples<View>& samples, std::vector<index_t> rows,
                               std::vector<double> weight)
    : rows_(std::move(rows)), weight_(std::move(weight)) {
    View view;
    copy_rows(samples.x, view);
    samples_ = std::make_unique<Samples<View>>(view, weight_.data(), samples.metric, samples.n_threads);
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
