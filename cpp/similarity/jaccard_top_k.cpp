#include "similarity/jaccard_top_k.hpp"

#include <algorithm>

#include "core/parallel.hpp"
#include "similarity/checks.hpp"
#include "similarity/rows_by_size.hpp"
#include "similarity/sparse_neighbours.hpp"

namespace coterie {

void check_not_negative(const CsrView& x, const char* op, int n_threads) {
    constexpr index_t kRowsPerTask = 4096;
    std::vector<index_t> first(static_cast<std::size_t>(ceil_div(x.rows, kRowsPerTask)), x.rows);
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = end; i-- > begin;) {
            const SparseRow row = sparse_row(x, i);
            if (std::any_of(row.data, row.data + row.nnz, [](float v) { return v < 0; }))
                first[static_cast<std::size_t>(begin / kRowsPerTask)] = i;
        }
    });
    const index_t i = first.empty() ? x.rows : *std::min_element(first.begin(), first.end());
    if (i == x.rows) return;
    const SparseRow row = sparse_row(x, i);
    const index_t p = std::find_if(row.data, row.data + row.nnz, [](float v) { return v < 0; }) - row.data;
    require(false, op, "weighted Jaccard needs values >= 0; got X[", i, ", ", row.indices[p],
            "]=", row.data[p]);
}

Neighbours jaccard_top_k(const CsrView& x, const CsrView& y, const NeighbourQuery& query, int n_threads) {
    check_pair(x, y, query, "jaccard_top_k", n_threads);
    check_not_negative(x, "jaccard_top_k", n_threads);
    if (x.data != y.data) check_not_negative(y, "jaccard_top_k", n_threads);
    const RowsBySize sorted(y, n_threads);
    NeighbourQuery by_place = query;
    std::vector<std::int32_t> excluded;
    if (query.excluded != nullptr) {
        const std::vector<std::int32_t> places = sorted.places();
        excluded.assign(query.excluded, query.excluded + x.rows);
        for (std::int32_t& j : excluded)
            if (j >= 0) j = places[static_cast<std::size_t>(j)];
        by_place.excluded = excluded.data();
    }
    return sparse_neighbours<JaccardMeasure>(x, sorted.view(), by_place, sorted.original().data(), n_threads);
}

}  // namespace coterie
