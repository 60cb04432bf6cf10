#include "core/check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/parallel.hpp"

namespace coterie {
namespace {

constexpr index_t kRowsPerTask = 4096;
constexpr index_t kNone = std::numeric_limits<index_t>::max();

// The smallest row in [0, rows) for which bad(row) holds, or kNone: the same answer on any number of threads.
template <typename Bad>
index_t first_bad_row(index_t rows, int n_threads, const Bad& bad) {
    std::vector<index_t> first(static_cast<std::size_t>(ceil_div(rows, kRowsPerTask)), kNone);
    parallel_for_rows(rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) {
            if (bad(i)) {
                first[static_cast<std::size_t>(begin / kRowsPerTask)] = i;
                return;
            }
        }
    });
    return first.empty() ? kNone : *std::min_element(first.begin(), first.end());
}

// x * 0 is 0 for a finite x and NaN otherwise, so sums test a whole row without a branch per element; several, since each
// waits for itself only.
bool all_finite(const float* x, index_t n) {
    constexpr index_t kSums = 16;
    float sum[kSums] = {};
    index_t j = 0;
    for (; j + kSums <= n; j += kSums)
        for (index_t s = 0; s < kSums; ++s) sum[s] += x[j + s] * 0.0f;
    for (; j < n; ++j) sum[0] += x[j] * 0.0f;
    return std::all_of(sum, sum + kSums, [](float s) { return s == 0; });
}

}  // namespace

void check_csr(const CsrView& x, index_t n_stored, const char* op, int n_threads) {
    require(x.indptr[0] >= 0, op, "CSR indptr[0]=", x.indptr[0], " must be >= 0");
    index_t row = first_bad_row(x.rows, n_threads, [&](index_t i) {
        return x.indptr[i + 1] < x.indptr[i] || x.indptr[i + 1] > n_stored;
    });
    if (row != kNone)
        require(false, op, "CSR indptr must not decrease nor exceed the ", n_stored,
                " stored elements; got indptr[", row, "]=", x.indptr[row], ", indptr[", row + 1,
                "]=", x.indptr[row + 1]);
    row = first_bad_row(x.rows, n_threads, [&](index_t i) {
        index_t previous = -1;
        for (index_t p = x.indptr[i]; p < x.indptr[i + 1]; ++p) {
            if (x.indices[p] <= previous || x.indices[p] >= x.cols) return true;
            previous = x.indices[p];
        }
        return false;
    });
    require(row == kNone, op, "CSR row ", row, ": column indices must be strictly increasing and within [0, ",
            x.cols, ")");
}

void check_finite(const MatrixView<const float>& x, const char* op, int n_threads) {
    const index_t row =
        first_bad_row(x.rows, n_threads, [&](index_t i) { return !all_finite(x.row(i), x.cols); });
    if (row == kNone) return;
    const float* const values = x.row(row);
    const index_t col =
        std::find_if(values, values + x.cols, [](float v) { return !std::isfinite(v); }) - values;
    require(false, op, "X must be finite; X[", row, ", ", col, "]=", values[col]);
}

void check_finite(const CsrView& x, const char* op, int n_threads) {
    const index_t row = first_bad_row(x.rows, n_threads, [&](index_t i) {
        const SparseRow r = sparse_row(x, i);
        return !all_finite(r.data, r.nnz);
    });
    if (row == kNone) return;
    const SparseRow r = sparse_row(x, row);
    const index_t p =
        std::find_if(r.data, r.data + r.nnz, [](float v) { return !std::isfinite(v); }) - r.data;
    require(false, op, "X must be finite; X[", row, ", ", r.indices[p], "]=", r.data[p]);
}

}  // namespace coterie
