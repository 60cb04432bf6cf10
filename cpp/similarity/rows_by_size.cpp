#include "similarity/rows_by_size.hpp"

#include <algorithm>
#include <numeric>

#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "similarity/measures.hpp"

namespace coterie {

RowsBySize::RowsBySize(const CsrView& x, int n_threads)
    : original_(static_cast<std::size_t>(x.rows)), indptr_(static_cast<std::size_t>(x.rows) + 1) {
    std::vector<double> sizes(original_.size());
    constexpr index_t kRowsPerTask = 4096;
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) sizes[i] = JaccardMeasure::size(sparse_row(x, i));
    });
    std::iota(original_.begin(), original_.end(), 0);
    std::stable_sort(original_.begin(), original_.end(),
                     [&](std::int32_t a, std::int32_t b) { return sizes[a] < sizes[b]; });
    check_interrupt();
    for (index_t r = 0; r < x.rows; ++r)
        indptr_[r + 1] = indptr_[r] + x.indptr[original_[r] + 1] - x.indptr[original_[r]];
    data_.resize(static_cast<std::size_t>(indptr_.back()));
    indices_.resize(data_.size());
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t r = begin; r < end; ++r) {
            const SparseRow row = sparse_row(x, original_[r]);
            std::copy_n(row.data, row.nnz, data_.data() + indptr_[r]);
            std::copy_n(row.indices, row.nnz, indices_.data() + indptr_[r]);
        }
    });
    view_ = x;
    view_.data = data_.data();
    view_.indices = indices_.data();
    view_.indptr = indptr_.data();
}

std::vector<std::int32_t> RowsBySize::places() const {
    std::vector<std::int32_t> places(original_.size());
    for (std::size_t r = 0; r < places.size(); ++r)
        places[static_cast<std::size_t>(original_[r])] = static_cast<std::int32_t>(r);
    return places;
}

}  // namespace coterie
