#include "topics/positive_pmi.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>

#include "core/check.hpp"
#include "core/elementary.hpp"
#include "core/parallel.hpp"

namespace coterie {
namespace {

constexpr const char* kOp = "positive_pmi";
constexpr index_t kMostWindow = 1000;
constexpr std::int64_t kTaskPlaces = 8192;

struct Row {
    std::vector<std::int32_t> columns;
    std::vector<std::int64_t> counts;
};

// Where each term occurs, and in which document each place is.
class Places {
  public:
    Places(const std::int32_t* sequence, const std::int64_t* offsets, index_t n_documents, index_t n_terms)
        : sequence_(sequence), offsets_(offsets) {
        const std::int64_t n = offsets[n_documents];
        require(n <= std::numeric_limits<std::uint32_t>::max(), kOp, "the documents have ", n,
                " words; at most 2**32 - 1 are counted");
        document_.resize(static_cast<std::size_t>(n));
        start_.assign(static_cast<std::size_t>(n_terms) + 1, 0);
        for (index_t d = 0; d < n_documents; ++d)
            for (std::int64_t p = offsets[d]; p < offsets[d + 1]; ++p) {
                require(sequence[p] >= 0 && sequence[p] < n_terms, kOp, "sequence[", p, "]=", sequence[p],
                        " must be a term of ", n_terms);
                document_[static_cast<std::size_t>(p)] = static_cast<std::uint32_t>(d);
                ++start_[static_cast<std::size_t>(sequence[p]) + 1];
            }
        std::partial_sum(start_.begin(), start_.end(), start_.begin());
        place_.resize(static_cast<std::size_t>(n));
        std::vector<std::int64_t> next(start_.begin(), start_.end() - 1);
        for (std::int64_t p = 0; p < n; ++p)
            place_[static_cast<std::size_t>(next[static_cast<std::size_t>(sequence[p])]++)] =
                static_cast<std::uint32_t>(p);
    }

    // Terms in runs of about kTaskPlaces places: a fixed partition of the data.
    std::vector<index_t> tasks() const {
        std::vector<index_t> first = {0};
        const auto n_terms = static_cast<index_t>(start_.size()) - 1;
        for (index_t i = 1; i <= n_terms; ++i)
            if (i == n_terms ||
                start_[static_cast<std::size_t>(i)] - start_[static_cast<std::size_t>(first.back())] >=
                    kTaskPlaces)
                first.push_back(i);
        return first;
    }

    // n_ij of one term i. count: [n_terms], zero before and after.
    Row row(index_t term, index_t window, std::vector<std::int64_t>& count) const {
        Row row;
        for (std::int64_t q = start_[static_cast<std::size_t>(term)];
             q < start_[static_cast<std::size_t>(term) + 1]; ++q) {
            const std::int64_t p = place_[static_cast<std::size_t>(q)];
            const std::uint32_t d = document_[static_cast<std::size_t>(p)];
            const std::int64_t begin = std::max(offsets_[d], p - window);
            const std::int64_t end = std::min(offsets_[d + 1], p + window + 1);
            for (std::int64_t o = begin; o < end; ++o) {
                if (o == p) continue;
                std::int64_t& n = count[static_cast<std::size_t>(sequence_[o])];
                if (n == 0) row.columns.push_back(sequence_[o]);
                n += window + 1 - (o < p ? p - o : o - p);
            }
        }
        std::sort(row.columns.begin(), row.columns.end());
        row.counts.reserve(row.columns.size());
        for (const std::int32_t j : row.columns) {
            row.counts.push_back(count[static_cast<std::size_t>(j)]);
            count[static_cast<std::size_t>(j)] = 0;
        }
        return row;
    }

  private:
    const std::int32_t* sequence_;
    const std::int64_t* offsets_;
    std::vector<std::uint32_t> document_;  // of each place
    std::vector<std::int64_t> start_;      // of each term in place_
    std::vector<std::uint32_t> place_;     // term by term, increasing
};

// ln (n_j^smoothing / sum_k n_k^smoothing); 0 for terms that occur near no other.
std::vector<double> log_chances(const std::vector<std::int64_t>& near, double smoothing) {
    std::vector<double> chance(near.size(), 0.0);
    double sum = 0;
    for (std::size_t j = 0; j < near.size(); ++j) {
        if (near[j] == 0) continue;
        chance[j] = smoothing * canonical_log(static_cast<double>(near[j]));
        sum += canonical_exp(chance[j]);
    }
    const double log_sum = sum > 0 ? canonical_log(sum) : 0;
    for (std::size_t j = 0; j < near.size(); ++j)
        if (near[j] != 0) chance[j] -= log_sum;
    return chance;
}

}  // namespace

PositivePmi positive_pmi(const std::int32_t* sequence, const std::int64_t* offsets, index_t n_documents,
                         index_t n_terms, index_t window, double smoothing, int n_threads) {
    require(window >= 1 && window <= kMostWindow, kOp, "window=", window, " must be between 1 and ",
            kMostWindow);
    require(smoothing >= 0 && smoothing <= 1, kOp, "smoothing=", smoothing, " must be between 0 and 1");
    const Places places(sequence, offsets, n_documents, n_terms);
    std::vector<Row> rows(static_cast<std::size_t>(n_terms));
    std::vector<std::int64_t> near(static_cast<std::size_t>(n_terms), 0);
    std::vector<std::vector<std::int64_t>> counts(static_cast<std::size_t>(resolve_thread_count(n_threads)));
    const std::vector<index_t> tasks = places.tasks();
    const auto n_tasks = static_cast<index_t>(tasks.size()) - 1;
    parallel_for(n_tasks, n_threads, [&](index_t task, int slot) {
        auto& count = counts[static_cast<std::size_t>(slot)];
        count.resize(static_cast<std::size_t>(n_terms), 0);
        for (index_t i = tasks[static_cast<std::size_t>(task)]; i < tasks[static_cast<std::size_t>(task) + 1];
             ++i) {
            Row& row = rows[static_cast<std::size_t>(i)] = places.row(i, window, count);
            near[static_cast<std::size_t>(i)] =
                std::accumulate(row.counts.begin(), row.counts.end(), std::int64_t{0});
        }
    });
    const std::vector<double> chance = log_chances(near, smoothing);
    PositivePmi out;
    out.indptr.push_back(0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const double own = near[i] > 0 ? canonical_log(static_cast<double>(near[i])) : 0;
        for (std::size_t p = 0; p < rows[i].columns.size(); ++p) {
            const std::int32_t j = rows[i].columns[p];
            const auto value = static_cast<float>(canonical_log(static_cast<double>(rows[i].counts[p])) -
                                                  own - chance[static_cast<std::size_t>(j)]);
            if (value <= 0) continue;
            out.data.push_back(value);
            out.indices.push_back(j);
        }
        out.indptr.push_back(static_cast<std::int64_t>(out.data.size()));
        rows[i] = Row();
    }
    return out;
}

}  // namespace coterie
