#include "topics/term_counts.hpp"

#include <cstddef>
#include <numeric>

#include "core/check.hpp"
#include "core/parallel.hpp"

namespace coterie {
namespace {

constexpr index_t kChunkRows = 4096;
constexpr float kMaxCount = 16777216.0f;

std::int32_t integer_count(float value, const char* op, index_t i, std::int32_t column) {
    const bool in_range = value >= 0 && value <= kMaxCount;  // false for NaN
    const std::int32_t count = in_range ? static_cast<std::int32_t>(value) : 0;
    require(in_range && static_cast<float>(count) == value, op, value < 0 ? "Negative values in data: " : "",
            "X[", i, ", ", column, "]=", value, " is not a count: X must hold integers from 0 to 2**24");
    return count;
}

}  // namespace

std::int64_t TermCounts::n_tokens() const {
    return std::accumulate(length.begin(), length.end(), std::int64_t{0});
}

std::vector<std::int64_t> TermCounts::term_totals() const {
    std::vector<std::int64_t> totals(static_cast<std::size_t>(n_terms), 0);
    for (std::size_t p = 0; p < terms.size(); ++p) totals[static_cast<std::size_t>(terms[p])] += counts[p];
    return totals;
}

TermCounts term_counts(const CsrView& x, const char* op, int n_threads) {
    TermCounts documents;
    documents.n_terms = x.cols;
    documents.indptr.assign(static_cast<std::size_t>(x.rows + 1), 0);
    documents.length.assign(static_cast<std::size_t>(x.rows), 0);
    parallel_for_rows(x.rows, kChunkRows, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) {
            const SparseRow row = sparse_row(x, i);
            index_t n_kept = 0;
            for (index_t p = 0; p < row.nnz; ++p) {
                const std::int32_t count = integer_count(row.data[p], op, i, row.indices[p]);
                documents.length[static_cast<std::size_t>(i)] += count;
                n_kept += count > 0;
            }
            documents.indptr[static_cast<std::size_t>(i + 1)] = n_kept;
        }
    });
    std::partial_sum(documents.indptr.begin(), documents.indptr.end(), documents.indptr.begin());
    documents.terms.resize(static_cast<std::size_t>(documents.indptr.back()));
    documents.counts.resize(documents.terms.size());
    parallel_for_rows(x.rows, kChunkRows, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) {
            const SparseRow row = sparse_row(x, i);
            auto to = static_cast<std::size_t>(documents.indptr[static_cast<std::size_t>(i)]);
            for (index_t p = 0; p < row.nnz; ++p) {
                if (row.data[p] == 0) continue;
                documents.terms[to] = row.indices[p];
                documents.counts[to++] = static_cast<std::int32_t>(row.data[p]);
            }
        }
    });
    return documents;
}

}  // namespace coterie
