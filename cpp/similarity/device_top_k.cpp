#include "similarity/device_top_k.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/interrupt.hpp"
#include "similarity/checks.hpp"
#include "similarity/disjoint_sets.hpp"
#include "similarity/jaccard_top_k.hpp"

namespace coterie {
namespace {

using cuda::DeviceArray;
using Dense = MatrixView<const float>;
using SparseCosine = SparseSearch<CosineMeasure, device::Cosine>;
using SparseJaccard = SparseSearch<JaccardMeasure, device::Jaccard>;

constexpr index_t kLeastPairs =
    index_t{1} << 22;  // that have room on the device; a row has no more than there are columns

void check_k(const NeighbourQuery& query, const char* op) {
    require(query.k >= 0 && query.k <= device::kMostNeighbours, op, "k must be 1 to ",
            device::kMostNeighbours, " on a device, or 0 with a threshold; got ", query.k);
}

bool nothing_to_find(index_t n_rows, index_t n_columns, Neighbours& none) {
    none.indptr.assign(static_cast<std::size_t>(n_rows) + 1, 0);
    return n_rows == 0 || n_columns == 0;
}

DeviceArray<std::int32_t> excluded_there(cuda::Device& device, const NeighbourQuery& query, index_t n_rows) {
    if (query.excluded == nullptr) return {};
    DeviceArray<std::int32_t> excluded(device, n_rows, "the excluded rows");
    excluded.upload(query.excluded);
    return excluded;
}

// The k best of each row.
template <typename Search>
Neighbours best_of(cuda::Device& device, Search& search, const NeighbourQuery& query) {
    const index_t n_rows = search.n_rows(), at_once = search.most_rows(), k = query.k;
    const auto excluded = excluded_there(device, query, n_rows);
    const device::Wanted wanted{k, query.threshold, query.excluded == nullptr ? nullptr : excluded.data(),
                                false};
    DeviceArray<double> scores(device, at_once * k, "the similarities");
    DeviceArray<std::int32_t> indices(device, at_once * k, "the neighbours"),
        n_found(device, at_once, "the neighbours");
    std::vector<NeighbourBlock> blocks;
    for (index_t first = 0; first < n_rows; first += at_once) {
        check_interrupt();
        const index_t n = std::min(at_once, n_rows - first);
        search.best(first, n, wanted, {scores.data(), indices.data(), n_found.data()});
        const std::vector<double> found_scores = scores.to_host();
        const std::vector<std::int32_t> found = indices.to_host(), counts = n_found.to_host();
        NeighbourBlock block;
        for (index_t r = 0; r < n; ++r) {
            const auto begin = static_cast<std::size_t>(r * k);
            const auto count = static_cast<std::size_t>(counts[static_cast<std::size_t>(r)]);
            block.counts.push_back(static_cast<std::int64_t>(count));
            for (std::size_t q = begin; q < begin + count; ++q) {
                block.indices.push_back(found[q]);
                block.similarities.push_back(static_cast<float>(found_scores[q]));
            }
        }
        blocks.push_back(std::move(block));
    }
    return concatenate(std::move(blocks), n_rows);
}

// Calls take(first, n, pairs) with all pairs of rows first .. first + n - 1, in no order. Where they do not fit, half as many
// rows are asked again.
template <typename Search, typename Take>
void for_pairs(cuda::Device& device, Search& search, const device::Wanted& wanted, const Take& take) {
    DeviceArray<device::Pair> pairs(device, std::max(kLeastPairs, search.n_columns()), "the pairs");
    DeviceArray<std::int64_t> n_found(device, 1, "a counter");
    index_t at_once = search.most_rows();
    for (index_t first = 0; first < search.n_rows();) {
        check_interrupt();
        const index_t n = std::min(at_once, search.n_rows() - first);
        n_found.fill_bytes(0);
        search.pairs(first, n, wanted, {pairs.data(), pairs.size(), n_found.data()});
        const std::int64_t count = n_found.to_host()[0];
        if (count > pairs.size()) {
            at_once = (n + 1) / 2;
            continue;
        }
        std::vector<device::Pair> found(static_cast<std::size_t>(count));
        device.download(found.data(), pairs.data(), found.size() * sizeof(device::Pair));
        take(first, n, found);
        first += n;
        at_once = std::min(2 * at_once, search.most_rows());
    }
}

// All that reach the threshold.
template <typename Search>
Neighbours all_of(cuda::Device& device, Search& search, const NeighbourQuery& query) {
    const auto excluded = excluded_there(device, query, search.n_rows());
    const device::Wanted wanted{0, query.threshold, query.excluded == nullptr ? nullptr : excluded.data(),
                                false};
    std::vector<NeighbourBlock> blocks;
    for_pairs(device, search, wanted, [&](index_t first, index_t n, std::vector<device::Pair>& found) {
        std::sort(found.begin(), found.end(), [](const device::Pair& a, const device::Pair& b) {
            if (a.row != b.row) return a.row < b.row;
            return better({a.score, a.column}, {b.score, b.column});
        });
        NeighbourBlock block;
        block.counts.assign(static_cast<std::size_t>(n), 0);
        for (const device::Pair& pair : found) {
            ++block.counts[static_cast<std::size_t>(pair.row - first)];
            block.indices.push_back(pair.column);
            block.similarities.push_back(static_cast<float>(pair.score));
        }
        blocks.push_back(std::move(block));
    });
    return concatenate(std::move(blocks), search.n_rows());
}

template <typename Search>
Neighbours found_by(cuda::Device& device, Search& search, const NeighbourQuery& query) {
    return query.k == 0 ? all_of(device, search, query) : best_of(device, search, query);
}

template <typename Search>
std::vector<std::int32_t> components(cuda::Device& device, Search& search, float threshold) {
    DisjointSets sets(search.n_rows());
    for_pairs(device, search, {0, threshold, nullptr, true},
              [&](index_t, index_t, const std::vector<device::Pair>& found) {
                  for (const device::Pair& pair : found) sets.unite(pair.row, pair.column);
              });
    std::vector<std::int32_t> first(static_cast<std::size_t>(search.n_rows()));
    for (std::size_t i = 0; i < first.size(); ++i) first[i] = sets.root(static_cast<std::int32_t>(i));
    return first;
}

template <typename View>
void check_join(const View& x, float threshold, int n_threads) {
    require(threshold > 0 && threshold <= 1, "near_duplicates", "threshold must be in (0, 1]; got ",
            threshold);
    check_pair(x, x, NeighbourQuery{}, "near_duplicates", n_threads);
}

bool are_same(const Dense& x, const Dense& y) {
    return x.data == y.data && x.rows == y.rows && x.stride == y.stride;
}
bool are_same(const CsrView& x, const CsrView& y) {
    return x.data == y.data && x.indices == y.indices && x.indptr == y.indptr && x.rows == y.rows;
}

}  // namespace

Neighbours cosine_top_k(cuda::Device& device, const DeviceDense& x, const DeviceDense* y,
                        const NeighbourQuery& query) {
    check_k(query, "cosine_top_k");
    const Dense& columns = y == nullptr ? x.view : y->view;
    require(x.view.cols == columns.cols, "cosine_top_k", "X has ", x.view.cols, " features and Y has ",
            columns.cols, "; they must be equal");
    require(columns.rows <= std::numeric_limits<std::int32_t>::max(), "cosine_top_k",
            "Y must have fewer than 2^31 rows; got ", columns.rows);
    Neighbours none;
    if (nothing_to_find(x.view.rows, columns.rows, none)) return none;
    DenseCosineSearch search(device, x, y);
    return found_by(device, search, query);
}

Neighbours cosine_top_k(cuda::Device& device, const Dense& x, const Dense& y, const NeighbourQuery& query,
                        int n_threads) {
    check_pair(x, y, query, "cosine_top_k", n_threads);
    check_k(query, "cosine_top_k");
    Neighbours none;
    if (nothing_to_find(x.rows, y.rows, none)) return none;
    const DeviceDense rows(device, x);
    if (are_same(x, y)) return cosine_top_k(device, rows, nullptr, query);
    const DeviceDense columns(device, y);
    return cosine_top_k(device, rows, &columns, query);
}

Neighbours cosine_top_k(cuda::Device& device, const CsrView& x, const CsrView& y, const NeighbourQuery& query,
                        int n_threads) {
    check_pair(x, y, query, "cosine_top_k", n_threads);
    check_k(query, "cosine_top_k");
    Neighbours none;
    if (nothing_to_find(x.rows, y.rows, none)) return none;
    SparseCosine search(device, x, are_same(x, y) ? nullptr : &y, n_threads);
    return found_by(device, search, query);
}

Neighbours jaccard_top_k(cuda::Device& device, const CsrView& x, const CsrView& y,
                         const NeighbourQuery& query, int n_threads) {
    check_pair(x, y, query, "jaccard_top_k", n_threads);
    check_k(query, "jaccard_top_k");
    check_not_negative(x, "jaccard_top_k", n_threads);
    if (x.data != y.data) check_not_negative(y, "jaccard_top_k", n_threads);
    Neighbours none;
    if (nothing_to_find(x.rows, y.rows, none)) return none;
    SparseJaccard search(device, x, are_same(x, y) ? nullptr : &y, n_threads);
    return found_by(device, search, query);
}

std::vector<std::int32_t> cosine_components(cuda::Device& device, const Dense& x, float threshold,
                                            int n_threads) {
    check_join(x, threshold, n_threads);
    if (x.rows == 0) return {};
    const DeviceDense rows(device, x);
    DenseCosineSearch search(device, rows, nullptr);
    return components(device, search, threshold);
}

std::vector<std::int32_t> cosine_components(cuda::Device& device, const CsrView& x, float threshold,
                                            int n_threads) {
    check_join(x, threshold, n_threads);
    if (x.rows == 0) return {};
    SparseCosine search(device, x, nullptr, n_threads);
    return components(device, search, threshold);
}

std::vector<std::int32_t> jaccard_components(cuda::Device& device, const CsrView& x, float threshold,
                                             int n_threads) {
    check_join(x, threshold, n_threads);
    check_not_negative(x, "near_duplicates", n_threads);
    if (x.rows == 0) return {};
    SparseJaccard search(device, x, nullptr, n_threads);
    return components(device, search, threshold);
}

}  // namespace coterie
