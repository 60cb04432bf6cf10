#include "similarity/sparse_scan.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/kernels.hpp"
#include "similarity/partial_sums.hpp"

namespace coterie {

// Reading the lists once more is then cheaper than passing over all sums, 16 at a time.
template <typename Measure>
bool SparseJoin<Measure>::few_touched(const Pass& pass) {
    return !pass.prefilled && pass.done < pass.n_rows / 16;
}

// Leaves of a term's postings those of the rows that take part.
template <typename Measure>
void SparseJoin<Measure>::trim(const Pass& pass, typename Scratch::Term& term) {
    const std::int32_t* rows = pass.lists.rows.data();
    const auto place = [&](index_t row) {
        return static_cast<std::int32_t>(
            std::lower_bound(rows + term.begin, rows + term.end, static_cast<std::int32_t>(row)) - rows);
    };
    if (pass.n_rows < pass.lists.n_rows) term.end = place(pass.n_rows);
    if (pass.first > 0) term.begin = place(pass.first);
}

// Leaves of the rows that take part those whose size allows a score of at least the floor; false when there are none.
template <typename Measure>
bool SparseJoin<Measure>::narrow(Pass& pass, double floor, const SizeSegments& segments) const {
    if (floor <= pass.window_floor) return true;
    pass.window_floor = floor;
    const double size = x_sizes_[pass.i];
    const auto [begin, end] = segments.window(Measure::least_sum(floor, size) * (1 - kRoom),
                                              Measure::largest_size(floor, size) * (1 + kRoom));
    pass.first = std::max(pass.first, begin);
    pass.n_rows = std::min(pass.n_rows, end);
    return pass.first < pass.n_rows;
}

// s.terms: the row's weights that have postings in the block; s.rest[p] = what terms p, p + 1, ... can add at
// most.
template <typename Measure>
void SparseJoin<Measure>::place_terms(const Pass& pass, Scratch& s) const {
    s.terms.clear();
    for (index_t w = s.weight_starts[pass.request]; w < s.weight_starts[pass.request + 1]; ++w) {
        const auto [column, weight] = s.weights[w];
        typename Scratch::Term term{pass.lists.offsets[column], pass.lists.offsets[column + 1], column,
                                    weight};
        trim(pass, term);
        if (term.end > term.begin) s.terms.push_back(term);
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

// The same by sums that depend on the size of the row: those that can still reach the floor.
template <typename Measure>
void SparseJoin<Measure>::collect_reaching(const Pass& pass, double floor, float cut, Scratch& s) const {
    if (few_touched(pass)) {
        collect(pass, cut, s);
        const auto first = s.found.begin();
        const auto reaches = [&](std::int32_t f) { return reaches_floor(pass, f, floor, s); };
        s.n_found = std::partition(first, first + s.n_found, reaches) - first;
        return;
    }
    const kernels::Table& t = kernels::active();
    s.n_found = 0;
    for (const SizeSegments::Segment& segment : segments_[pass.block].segments()) {
        if (segment.end <= pass.first) continue;
        if (segment.begin >= pass.n_rows) break;
        const double least = Measure::filter_size(segment.least, common_scale_);
        const double sum = Measure::least_sum(floor, pass.size, least) * (1 - kRoom) -
                           s.rest[pass.p] * (1 + kRoom) - pass.eps;
        const index_t n = kernels::padded(t, std::min(segment.end, pass.n_rows) - segment.begin);
        std::int32_t* const found = s.found.data() + s.n_found;
        const index_t n_found = t.collect_at_least(
            s.at + segment.begin, n, std::max(static_cast<float>(sum * (1 - kRoom)), cut), found);
        for (index_t f = 0; f < n_found; ++f) found[f] += static_cast<std::int32_t>(segment.begin);
        s.n_found += n_found;
    }
}

// Whether the row of the block can have a score of at least the floor.
template <typename Measure>
bool SparseJoin<Measure>::reaches_floor(const Pass& pass, std::int32_t f, double floor,
                                        const Scratch& s) const {
    const double y_size = Measure::filter_size(y_sizes_[pass.lists.first_row + f], common_scale_);
    const double reach = s.rest[pass.p] * (1 + kRoom) + pass.eps;
    return s.at[f] + reach >= Measure::least_sum(floor, pass.size, y_size) * (1 - kRoom);
}

template <typename Measure>
void SparseJoin<Measure>::reset_sums(const Pass& pass, Scratch& s) const {
    if (pass.prefilled) return;
    if (!few_touched(pass)) {
        std::fill(s.at + pass.touched.begin, s.at + pass.touched.end, 0.0f);
        return;
    }
    for (std::size_t p = 0; p < pass.p; ++p)
        for (std::int32_t q = s.terms[p].begin; q < s.terms[p].end; ++q) s.at[pass.lists.rows[q]] = 0;
}

// Evaluates what is in s.found while it can still reach the floor; a row that was evaluated is not found
// again.
template <typename Measure>
void SparseJoin<Measure>::offer_found(const Pass& pass, SparseSink& sink, Scratch& s) const {
    for (index_t n = 0; n < s.n_found; ++n) {
        const std::int32_t f = s.found[n];
        const index_t j = pass.lists.first_row + f;
        if (!reaches_floor(pass, f, sink.floor(), s)) continue;
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
    const index_t n_rows = pass.n_rows - pass.first;
    const double look = static_cast<double>(few_touched(pass) ? pass.done : n_rows / 8);
    const double remaining = static_cast<double>(pass.remaining);
    if (remaining > look && cut_of(pass, sink.floor(), s) > 0) return true;
    return wanted > 0 && remaining > 2 * look + cost_of_score_ * static_cast<double>(wanted);
}

// s.found = the rows of the block that can still reach the floor; false when too many for that to pay.
template <typename Measure>
bool SparseJoin<Measure>::gather(const Pass& pass, double floor, index_t most, Scratch& s) const {
    const bool last = pass.p == s.terms.size();
    const double cut = cut_of(pass, floor, s);
    if (cut <= 0 && !last) return false;
    const float least = std::max(static_cast<float>(cut * (1 - kRoom)), kLeastSum);
    if constexpr (Measure::kBilinear) {
        collect(pass, least, s);
    } else {
        collect_reaching(pass, floor, least, s);
    }
    return s.n_found <= most &&
           (last || cost_of_score_ * static_cast<double>(s.n_found) <= static_cast<double>(pass.remaining));
}

// True when no row of the block outside the sink can have a score of at least its floor.
template <typename Measure>
bool SparseJoin<Measure>::try_to_finish(Pass& pass, SparseSink& sink, Scratch& s) const {
    pass.next_check = pass.done + pass.done / 2;
    const index_t wanted = sink.wanted();
    // As few as that need no better floor.
    const bool few =
        wanted > 0 && cut_of(pass, sink.floor(), s) > 0 && gather(pass, sink.floor(), 4 * wanted, s);
    if (!few) {
        if (wanted > 0) seed(pass, sink, s);
        if (!gather(pass, sink.floor(), pass.n_rows, s)) return false;
    }
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
        auto& term = s.terms[pass.p++];
        pass.remaining -= term.end - term.begin;
        if (!Measure::kBilinear && pass.p > 1) {
            if (!narrow(pass, sink.floor(), segments_[pass.block])) break;
            trim(pass, term);
        }
        add_postings<Measure>(pass.lists.rows.data() + term.begin, pass.lists.weights.data() + term.begin,
                              term.end - term.begin, term.weight, sums);
        pass.done += term.end - term.begin;
    }
    reset_sums(pass, s);
    for (std::size_t p = 0; p < pass.p && !s.watched.empty(); ++p)
        if (s.watched[s.terms[p].column]) s.watched_read += s.terms[p].end - s.terms[p].begin;
}

template void SparseJoin<CosineMeasure>::scan(Pass&, SparseSink&, Scratch&) const;
template void SparseJoin<JaccardMeasure>::scan(Pass&, SparseSink&, Scratch&) const;
template bool SparseJoin<CosineMeasure>::narrow(Pass&, double, const SizeSegments&) const;
template bool SparseJoin<JaccardMeasure>::narrow(Pass&, double, const SizeSegments&) const;

}  // namespace coterie
