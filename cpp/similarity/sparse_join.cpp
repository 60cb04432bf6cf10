#include "similarity/sparse_join.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.hpp"
#include "kernels/kernels.hpp"
#include "similarity/partial_sums.hpp"

namespace coterie {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
// One float per row of a block: 512 KB of a 2 MB L2 cache. With a panel, one per row visited together.
constexpr index_t kBlockRows = index_t{1} << 17;
constexpr index_t kPanelBlockRows = index_t{1} << 13;
// Relative room for every float64 rounding in the bounds.
constexpr double kRoom = 1e-6;

template <typename Measure>
std::vector<double> sizes(const CsrView& x, int n_threads) {
    std::vector<double> result(static_cast<std::size_t>(x.rows));
    parallel_for_rows(x.rows, 4096, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) result[i] = Measure::size(sparse_row(x, i));
    });
    return result;
}

}  // namespace

// One row of X against one block of posting lists.
template <typename Measure>
struct SparseJoin<Measure>::Pass {
    const PostingLists& lists;
    index_t i;
    index_t n_rows;     // of the block, those that take part
    double size;        // of the row of X, in filter units
    double eps;         // of a float32 sum, in filter units
    index_t request;    // which of the rows visited together
    bool prefilled;     // whether a panel has written all sums
    std::size_t p = 0;  // terms already added
    index_t done = 0;   // postings already read
    index_t remaining = 0;
    index_t next_check = 0;
};

// Reading the lists once more is then cheaper than passing over all sums, 16 at a time.
template <typename Measure>
bool SparseJoin<Measure>::few_touched(const Pass& pass) {
    return !pass.prefilled && pass.done < pass.n_rows / 16;
}

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

// s.terms: the row's weights that have postings in the block; s.rest[p] = what terms p, p + 1, ... can add at
// most.
template <typename Measure>
void SparseJoin<Measure>::place_terms(const Pass& pass, Scratch& s) const {
    s.terms.clear();
    const std::int32_t* rows = pass.lists.rows.data();
    for (index_t w = s.weight_starts[pass.request]; w < s.weight_starts[pass.request + 1]; ++w) {
        const auto [column, weight] = s.weights[w];
        const std::int32_t begin = pass.lists.offsets[column];
        std::int32_t end = pass.lists.offsets[column + 1];
        if (pass.n_rows < pass.lists.n_rows)
            end = static_cast<std::int32_t>(
                std::lower_bound(rows + begin, rows + end, static_cast<std::int32_t>(pass.n_rows)) - rows);
        if (end > begin) s.terms.push_back({begin, end, column, weight});
    }
    s.rest.assign(s.terms.size() + 1, 0.0);
    for (std::size_t p = s.terms.size(); p-- > 0;)
        s.rest[p] = Measure::add_rest(s.rest[p + 1], std::abs(s.terms[p].weight)) * (1 + 1e-12);
}

template <typename Measure>
double SparseJoin<Measure>::cut_of(const Pass& pass, double floor, const Scratch& s) const {
    return Measure::least_sum(floor, pass.size) * (1 - kRoom) - s.rest[pass.p] * (1 + kRoom) - pass.eps;
}

// s.found = the rows of the block whose sum is at least cut > 0, each once.
template <typename Measure>
void SparseJoin<Measure>::collect(const Pass& pass, float cut, Scratch& s) const {
    s.n_found = 0;
    float* sums = s.at;
    if (few_touched(pass)) {
        for (std::size_t p = 0; p < pass.p; ++p) {
            for (std::int32_t q = s.terms[p].begin; q < s.terms[p].end; ++q) {
                const std::int32_t j = pass.lists.rows[q];
                if (sums[j] < cut) continue;
                s.found[s.n_found++] = j;
                s.best_sums.push_back(sums[j]);
                sums[j] = kNever;  // until the loop below: a row in several lists is found once
            }
        }
        for (index_t f = 0; f < s.n_found; ++f) sums[s.found[f]] = s.best_sums[f];
        s.best_sums.clear();
        return;
    }
    const kernels::Table& t = kernels::active();
    s.n_found = t.collect_at_least(sums, kernels::padded(t, pass.n_rows), cut, s.found.data());
}

template <typename Measure>
void SparseJoin<Measure>::reset_sums(const Pass& pass, Scratch& s) const {
    if (pass.prefilled) return;
    if (!few_touched(pass)) {
        std::fill(s.at, s.at + pass.n_rows, 0.0f);
        return;
    }
    for (std::size_t p = 0; p < pass.p; ++p)
        for (std::int32_t q = s.terms[p].begin; q < s.terms[p].end; ++q) s.at[pass.lists.rows[q]] = 0;
}

// Evaluates what is in s.found while it can still reach the floor; a row that was evaluated is not found
// again.
template <typename Measure>
void SparseJoin<Measure>::offer_found(const Pass& pass, SparseSink& sink, Scratch& s) const {
    const double reach = s.rest[pass.p] * (1 + kRoom) + pass.eps;
    for (index_t n = 0; n < s.n_found; ++n) {
        const std::int32_t f = s.found[n];
        const index_t j = pass.lists.first_row + f;
        const double y_size = Measure::filter_size(y_sizes_[j], common_scale_);
        if (s.at[f] + reach < Measure::least_sum(sink.floor(), pass.size, y_size) * (1 - kRoom)) continue;
        s.at[f] = kNever;
        if (!sink.skips(j)) sink.offer(score(pass.i, j, s.row.data()), j);
    }
}

// The rows with the largest sums so far are good guesses: their canonical scores give the floor that prunes.
template <typename Measure>
void SparseJoin<Measure>::seed(const Pass& pass, SparseSink& sink, Scratch& s) const {
    const index_t wanted = sink.wanted();
    collect(pass,
            few_touched(pass)
                ? kLeastSum
                : kth_largest_sum(s.at, kernels::padded(kernels::active(), pass.n_rows), wanted, s.best_sums),
            s);
    const float* sums = s.at;
    if (s.n_found > wanted) {
        const auto first = s.found.begin();
        std::nth_element(first, first + wanted, first + s.n_found, [sums](auto a, auto b) {
            return sums[a] > sums[b] || (sums[a] == sums[b] && a < b);
        });
        s.n_found = wanted;
    }
    for (index_t n = 0; n < s.n_found; ++n) {
        const std::int32_t f = s.found[n];
        const index_t j = pass.lists.first_row + f;
        s.at[f] = kNever;
        if (!sink.skips(j)) sink.offer(score(pass.i, j, s.row.data()), j);
    }
}

// Whether looking at the sums now can save more than it costs.
template <typename Measure>
bool SparseJoin<Measure>::is_due(const Pass& pass, const SparseSink& sink, const Scratch& s) const {
    if (pass.p == s.terms.size()) return true;
    if (pass.done < pass.next_check || (pass.done == 0 && !pass.prefilled)) return false;
    const index_t wanted = sink.wanted();
    const double look = static_cast<double>(few_touched(pass) ? pass.done : pass.n_rows / 8);
    if (wanted > 0)
        return static_cast<double>(pass.remaining) > 2 * look + cost_of_score_ * static_cast<double>(wanted);
    return static_cast<double>(pass.remaining) > look && cut_of(pass, sink.floor(), s) > 0;
}

// True when no row of the block outside the sink can have a score of at least its floor.
template <typename Measure>
bool SparseJoin<Measure>::try_to_finish(Pass& pass, SparseSink& sink, Scratch& s) const {
    const bool last = pass.p == s.terms.size();
    pass.next_check = pass.done + pass.done / 2;
    if (sink.wanted() > 0) seed(pass, sink, s);
    const double cut = cut_of(pass, sink.floor(), s);
    if (cut <= 0 && !last) return false;
    collect(pass, std::max(static_cast<float>(cut * (1 - kRoom)), kLeastSum), s);
    if (!last && cost_of_score_ * static_cast<double>(s.n_found) > static_cast<double>(pass.remaining))
        return false;
    offer_found(pass, sink, s);
    return true;
}

template <typename Measure>
void SparseJoin<Measure>::scan(Pass& pass, SparseSink& sink, Scratch& s) const {
    place_terms(pass, s);
    if (s.terms.empty() && !pass.prefilled) return;
    for (const auto& term : s.terms) pass.remaining += term.end - term.begin;
    if (sink.wanted() > 0) pass.next_check = pass.remaining / 16;
    float* sums = s.at;
    for (;;) {
        if (is_due(pass, sink, s) && try_to_finish(pass, sink, s)) break;
        const auto term = s.terms[pass.p++];
        add_postings<Measure>(pass.lists.rows.data() + term.begin, pass.lists.weights.data() + term.begin,
                              term.end - term.begin, term.weight, sums);
        pass.done += term.end - term.begin;
        pass.remaining -= term.end - term.begin;
    }
    reset_sums(pass, s);
    for (std::size_t p = 0; p < pass.p && !s.watched.empty(); ++p)
        if (s.watched[s.terms[p].column]) s.watched_read += s.terms[p].end - s.terms[p].begin;
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

template <typename Measure>
void SparseJoin<Measure>::visit(SparseRequest* requests, index_t n_requests, Scratch& s) const {
    order_weights(requests, n_requests, s);
    if (!panel_.empty()) start_panel(requests, n_requests, s);
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
        const PostingLists& lists = blocks_[b];
        const index_t ld = panel_.stride(lists.n_rows);
        if (!panel_.empty()) panel_.score(b, s.panel_rows, lists.n_rows, s.panel_sums.data(), ld);
        for (index_t r = 0; r < n_requests; ++r) {
            SparseRequest& q = requests[r];
            if (lists.first_row >= q.n_columns) continue;
            const double size = Measure::filter_size(x_sizes_[q.i], common_scale_);
            const index_t n_rows = std::min(lists.n_rows, q.n_columns - lists.first_row);
            Pass pass{lists, q.i, n_rows, size, error_bound(requests, r, s), r, !panel_.empty()};
            s.at = panel_.empty() ? s.sums.data() : s.panel_sums.data() + r * ld;
            const bool here = q.excluded >= lists.first_row && q.excluded < lists.first_row + lists.n_rows;
            if (here) s.at[q.excluded - lists.first_row] = kNever;
            spread(q.i, s);
            scan(pass, *q.sink, s);
            clear(q.i, s);
            if (here) s.at[q.excluded - lists.first_row] = 0;
        }
    }
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
