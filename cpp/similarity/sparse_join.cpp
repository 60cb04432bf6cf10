#include "similarity/sparse_join.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "kernels/kernels.hpp"
#include "similarity/sparse_scan.hpp"

namespace coterie {
namespace {

// One float per row of a block: 512 KB of a 2 MB L2 cache. With a panel, one per row visited together.
constexpr index_t kBlockRows = index_t{1} << 17;
constexpr index_t kPanelBlockRows = index_t{1} << 13;

template <typename Measure>
std::vector<double> sizes(const CsrView& x, int n_threads) {
    std::vector<double> result(static_cast<std::size_t>(x.rows));
    parallel_for_rows(x.rows, 4096, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) result[i] = Measure::size(sparse_row(x, i));
    });
    return result;
}

}  // namespace

template <typename Measure>
SparseJoin<Measure>::SparseJoin(const CsrView& x, const CsrView& y, int n_threads)
    : x_(x), y_(y), n_threads_(n_threads), x_sizes_(sizes<Measure>(x, n_threads)) {
    const bool same = x.data == y.data && x.indptr == y.indptr && x.rows == y.rows;
    y_sizes_ = same ? x_sizes_ : sizes<Measure>(y, n_threads);
    double largest = 0;
    for (const double size : x_sizes_) largest = std::max(largest, size);
    for (const double size : y_sizes_) largest = std::max(largest, size);
    int exponent = 0;
    std::frexp(largest, &exponent);
    common_scale_ = std::ldexp(1.0, -exponent);
    // A canonical score reads the row of Y and looks each column up: about two postings' time per element.
    cost_of_score_ =
        40 + 2.0 * static_cast<double>(y.nnz()) / static_cast<double>(std::max<index_t>(y.rows, 1));
    y_scales_.resize(y_sizes_.size());
    for (std::size_t j = 0; j < y_scales_.size(); ++j)
        y_scales_[j] = Measure::filter_scale(y_sizes_[j], common_scale_);
    blocks_ = make_posting_lists(y, y_scales_, kBlockRows, n_threads);
    y_frequency_.assign(static_cast<std::size_t>(y.cols), 0);
    for (const PostingLists& b : blocks_)
        for (index_t c = 0; c < y.cols; ++c) y_frequency_[c] += b.offsets[c + 1] - b.offsets[c];
    if (Measure::kBilinear) return;
    for (const PostingLists& b : blocks_) segments_.emplace_back(y_sizes_.data() + b.first_row, b.n_rows);
}

template <typename Measure>
std::vector<std::int32_t> SparseJoin<Measure>::panel_columns() const {
    std::vector<std::int32_t> x_frequency(y_frequency_.size(), 0);
    for (index_t p = x_.indptr[0]; p < x_.indptr[x_.rows]; ++p) ++x_frequency[x_.indices[p]];
    return ColumnPanel::worthwhile(x_frequency, x_.rows, y_frequency_, y_.rows, y_.nnz());
}

template <typename Measure>
void SparseJoin<Measure>::use_panel(const std::vector<std::int32_t>& columns) {
    blocks_ = make_posting_lists(y_, y_scales_, kPanelBlockRows, n_threads_);
    panel_ = ColumnPanel(y_, y_scales_, columns, blocks_, n_threads_);
}

template <typename Measure>
typename SparseJoin<Measure>::Scratch SparseJoin<Measure>::make_scratch() const {
    Scratch s;
    s.row.assign(static_cast<std::size_t>(y_.cols), 0.0f);
    index_t most = 0;
    for (const PostingLists& b : blocks_) most = std::max(most, kernels::padded(kernels::active(), b.n_rows));
    s.sums.assign(static_cast<std::size_t>(most), 0.0f);
    s.found.resize(static_cast<std::size_t>(most));
    return s;
}

// Columns that only one row stores add a zero, so reading all of y gives the sum over the common columns.
template <typename Measure>
double SparseJoin<Measure>::score(index_t i, index_t j, const float* row) const {
    const SparseRow y = sparse_row(y_, j);
    double n = 0;
    for (index_t p = 0; p < y.nnz; ++p) n += Measure::term(row[y.indices[p]], y.data[p]);
    return Measure::score(n, x_sizes_[i], y_sizes_[j]);
}

template <typename Measure>
void SparseJoin<Measure>::spread(index_t i, Scratch& s) const {
    const SparseRow x = sparse_row(x_, i);
    for (index_t p = 0; p < x.nnz; ++p) s.row[x.indices[p]] = x.data[p];
}

template <typename Measure>
void SparseJoin<Measure>::clear(index_t i, Scratch& s) const {
    const SparseRow x = sparse_row(x_, i);
    for (index_t p = 0; p < x.nnz; ++p) s.row[x.indices[p]] = 0;
}

// s.weights of each row: the columns outside the panel, rarest first.
template <typename Measure>
void SparseJoin<Measure>::order_weights(const SparseRequest* requests, index_t n_requests, Scratch& s) const {
    s.weights.clear();
    s.weight_starts.assign(1, 0);
    for (index_t r = 0; r < n_requests; ++r) {
        const SparseRow row = sparse_row(x_, requests[r].i);
        const double scale = Measure::filter_scale(x_sizes_[requests[r].i], common_scale_);
        for (index_t p = 0; p < row.nnz; ++p)
            if (y_frequency_[row.indices[p]] > 0 && !panel_.has(row.indices[p]))
                s.weights.push_back({row.indices[p], static_cast<float>(row.data[p] * scale)});
        std::sort(s.weights.begin() + s.weight_starts.back(), s.weights.end(),
                  [this](const auto& a, const auto& b) {
                      const std::int32_t m = y_frequency_[a.column], n = y_frequency_[b.column];
                      return m < n || (m == n && a.column < b.column);
                  });
        s.weight_starts.push_back(static_cast<index_t>(s.weights.size()));
    }
}

template <typename Measure>
void SparseJoin<Measure>::start_panel(const SparseRequest* requests, index_t n_requests, Scratch& s) const {
    s.panel_rows.count = 0;
    for (index_t r = 0; r < n_requests; ++r) {
        const index_t i = requests[r].i;
        panel_.append(sparse_row(x_, i), Measure::filter_scale(x_sizes_[i], common_scale_), s.panel_rows);
    }
    const index_t most = panel_.stride(static_cast<index_t>(s.sums.size()));
    s.panel_sums.resize(static_cast<std::size_t>(most * panel_.rows_written(n_requests)));
}

// One row against one block; a panel has written its sums where there is one.
template <typename Measure>
void SparseJoin<Measure>::visit_block(const SparseRequest* requests, index_t r, std::size_t b,
                                      Scratch& s) const {
    const SparseRequest& q = requests[r];
    const PostingLists& lists = blocks_[b];
    if (lists.first_row >= q.n_columns) return;
    const double size = Measure::filter_size(x_sizes_[q.i], common_scale_);
    const index_t n_rows = std::min(lists.n_rows, q.n_columns - lists.first_row);
    Pass pass{lists, b, q.i, n_rows, 0, size, error_bound(requests, r, s), r, !panel_.empty()};
    if (!Measure::kBilinear && !narrow(pass, q.sink->floor(), segments_[b])) return;
    pass.touched = {pass.first, pass.n_rows};
    s.at = panel_.empty() ? s.sums.data() : s.panel_sums.data() + r * panel_.stride(lists.n_rows);
    const bool here = q.excluded >= lists.first_row && q.excluded < lists.first_row + lists.n_rows;
    if (here) s.at[q.excluded - lists.first_row] = kNever;
    spread(q.i, s);
    scan(pass, *q.sink, s);
    clear(q.i, s);
    if (here) s.at[q.excluded - lists.first_row] = 0;
}

// The blocks with rows of the size of row i first: what is found there raises the floor that shuts others out.
template <typename Measure>
void SparseJoin<Measure>::visit_by_size(const SparseRequest* requests, index_t r, Scratch& s) const {
    const double size = x_sizes_[requests[r].i];
    std::size_t above = 0;
    while (above < segments_.size() && segments_[above].largest() < size) ++above;
    std::size_t below = above;
    while (below > 0 || above < segments_.size()) {
        const bool up =
            below == 0 || (above < segments_.size() &&
                           segments_[above].least() * segments_[below - 1].largest() <= size * size);
        visit_block(requests, r, up ? above++ : --below, s);
    }
}

template <typename Measure>
void SparseJoin<Measure>::visit(SparseRequest* requests, index_t n_requests, Scratch& s) const {
    order_weights(requests, n_requests, s);
    if (!panel_.empty()) start_panel(requests, n_requests, s);
    for (std::size_t b = 0; b < blocks_.size() && Measure::kBilinear; ++b) {
        const index_t n_rows = blocks_[b].n_rows;
        if (!panel_.empty())
            panel_.score(b, s.panel_rows, n_rows, s.panel_sums.data(), panel_.stride(n_rows));
        for (index_t r = 0; r < n_requests; ++r) visit_block(requests, r, b, s);
    }
    for (index_t r = 0; r < n_requests && !Measure::kBilinear; ++r) visit_by_size(requests, r, s);
    // What was not offered is below the floor, or has a sum that is not positive and a true sum of at most
    // the error.
    for (index_t r = 0; r < n_requests; ++r) {
        const double size = Measure::filter_size(x_sizes_[requests[r].i], common_scale_);
        const double least = Measure::least_sum(requests[r].sink->floor(), size) * (1 - kRoom);
        requests[r].complete = least - error_bound(requests, r, s) > 0;
    }
}

// gamma_n <= n u (1 + 2^-5) where n u <= 2^-6; beyond that no sum is trusted.
template <typename Measure>
double SparseJoin<Measure>::error_bound(const SparseRequest* requests, index_t r, const Scratch& s) const {
    const index_t i = requests[r].i;
    const double panel = panel_.empty() ? 0 : s.panel_rows.errors[static_cast<std::size_t>(r)];
    const double nnz = static_cast<double>(sparse_row(x_, i).nnz), n_u = (nnz + 8) * 0x1p-24;
    if (n_u > 0x1p-6) return std::numeric_limits<double>::infinity();
    return n_u * (1 + 0x1p-4) * Measure::filter_size(x_sizes_[i], common_scale_) + nnz * 0x1p-140 + panel;
}

template <typename Measure>
void SparseJoin<Measure>::everything(const SparseRequest& request, Scratch& s,
                                     std::vector<std::int32_t>& others) const {
    const SparseRow row = sparse_row(x_, request.i);
    others.clear();
    for (const PostingLists& lists : blocks_) {
        for (index_t p = 0; p < row.nnz; ++p) {
            const std::int32_t c = row.indices[p];
            for (std::int32_t q = lists.offsets[c]; q < lists.offsets[c + 1]; ++q) {
                const std::int32_t f = lists.rows[q];
                const index_t j = lists.first_row + f;
                if (s.sums[f] != 0 || j >= request.n_columns || j == request.excluded) continue;
                s.sums[f] = 1;  // seen
                others.push_back(static_cast<std::int32_t>(j));
            }
        }
        for (auto it = others.rbegin(); it != others.rend() && *it >= lists.first_row; ++it)
            s.sums[*it - lists.first_row] = 0;
    }
    std::sort(others.begin(), others.end());
    spread(request.i, s);
    for (const std::int32_t j : others)
        if (!request.sink->skips(j)) request.sink->offer(score(request.i, j, s.row.data()), j);
    clear(request.i, s);
}

template class SparseJoin<CosineMeasure>;
template class SparseJoin<JaccardMeasure>;

}  // namespace coterie
