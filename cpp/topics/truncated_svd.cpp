#include "topics/truncated_svd.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/philox.hpp"
#include "topics/symmetric.hpp"

namespace coterie {
namespace {

constexpr const char* kOp = "truncated_svd";
constexpr index_t kRowsPerTask = 256;
constexpr index_t kGramTasks = 64;  // bounds the partial sums held, whatever the number of rows
constexpr index_t kLeastGramRows = 1024;
constexpr double kLeastSingular = 1e-6;  // of the largest; below lies what float32 leaves of a zero

template <typename T>
T* at(std::vector<T>& values, index_t i) {
    return values.data() + static_cast<std::size_t>(i);
}
template <typename T>
const T* at(const std::vector<T>& values, index_t i) {
    return values.data() + static_cast<std::size_t>(i);
}

// x^T with its rows' entries by increasing row of x.
struct Transposed {
    std::vector<float> data;
    std::vector<std::int32_t> indices;
    std::vector<std::int64_t> indptr;
    index_t rows, cols;

    CsrView view() const { return {data.data(), indices.data(), indptr.data(), rows, cols}; }
};

Transposed transpose(const CsrView& x) {
    const auto nnz = static_cast<std::size_t>(x.nnz());
    Transposed out{std::vector<float>(nnz), std::vector<std::int32_t>(nnz),
                   std::vector<std::int64_t>(static_cast<std::size_t>(x.cols + 1), 0), x.cols, x.rows};
    for (index_t p = x.indptr[0]; p < x.indptr[x.rows]; ++p) ++*at(out.indptr, x.indices[p] + 1);
    for (index_t t = 0; t < x.cols; ++t) *at(out.indptr, t + 1) += *at(out.indptr, t);
    std::vector<std::int64_t> next(out.indptr.begin(), out.indptr.end() - 1);
    for (index_t i = 0; i < x.rows; ++i) {
        for (index_t p = x.indptr[i]; p < x.indptr[i + 1]; ++p) {
            const index_t to = (*at(next, x.indices[p]))++;
            *at(out.data, to) = x.data[p];
            *at(out.indices, to) = static_cast<std::int32_t>(i);
        }
    }
    return out;
}

// sum[q] = sum_p row.data[p] * w[row.indices[p], q], in the order of the stored entries.
template <typename T>
void times(const SparseRow& row, const T* w, index_t cols, double* sum) {
    std::fill(sum, sum + cols, 0.0);
    for (index_t p = 0; p < row.nnz; ++p) {
        const double value = row.data[p];
        const T* const from = w + row.indices[p] * cols;
        for (index_t q = 0; q < cols; ++q) sum[q] += value * static_cast<double>(from[q]);
    }
}

template <typename Out, typename T>
std::vector<Out> product(const CsrView& x, const std::vector<T>& w, index_t cols, int n_threads) {
    std::vector<Out> out(static_cast<std::size_t>(x.rows * cols));
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        std::vector<double> sum(static_cast<std::size_t>(cols));
        for (index_t i = begin; i < end; ++i) {
            times(sparse_row(x, i), w.data(), cols, sum.data());
            std::transform(sum.begin(), sum.end(), at(out, i * cols),
                           [](double value) { return static_cast<Out>(value); });
        }
    });
    return out;
}

// The lower triangle of a^T b, four rows at a time so that an entry is loaded and stored once for four additions.
template <typename T>
void add_gram(const T* a, const T* b, index_t rows, index_t cols, double* gram) {
    index_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const T* const l = a + i * cols;
        const T* const r = b + i * cols;
        for (index_t p = 0; p < cols; ++p) {
            const double f[4] = {static_cast<double>(l[p]), static_cast<double>(l[cols + p]),
                                 static_cast<double>(l[2 * cols + p]), static_cast<double>(l[3 * cols + p])};
            double* const to = gram + p * cols;
            for (index_t q = 0; q <= p; ++q)
                to[q] =
                    (((to[q] + f[0] * static_cast<double>(r[q])) + f[1] * static_cast<double>(r[cols + q])) +
                     f[2] * static_cast<double>(r[2 * cols + q])) +
                    f[3] * static_cast<double>(r[3 * cols + q]);
        }
    }
    for (; i < rows; ++i)
        for (index_t p = 0; p < cols; ++p)
            for (index_t q = 0; q <= p; ++q)
                gram[p * cols + q] +=
                    static_cast<double>(a[i * cols + p]) * static_cast<double>(b[i * cols + q]);
}

// a^T b, [cols, cols], known to be symmetric: one partial sum per task, folded in task order.
template <typename T>
std::vector<double> gram_matrix(const std::vector<T>& a, const std::vector<T>& b, index_t rows, index_t cols,
                                int n_threads) {
    const index_t chunk = std::max(kLeastGramRows, ceil_div(rows, kGramTasks));
    const index_t n_tasks = ceil_div(rows, chunk);
    std::vector<std::vector<double>> parts(static_cast<std::size_t>(n_tasks));
    parallel_for_rows(rows, chunk, n_threads, [&](index_t begin, index_t end, int) {
        std::vector<double>& mine = *at(parts, begin / chunk);
        mine.assign(static_cast<std::size_t>(cols * cols), 0.0);
        add_gram(at(a, begin * cols), at(b, begin * cols), end - begin, cols, mine.data());
    });
    std::vector<double> gram(static_cast<std::size_t>(cols * cols), 0.0);
    for (const std::vector<double>& part : parts)
        for (std::size_t e = 0; e < gram.size(); ++e) gram[e] += part[e];
    for (index_t p = 0; p < cols; ++p)
        for (index_t q = 0; q < p; ++q) *at(gram, q * cols + p) = *at(gram, p * cols + q);
    return gram;
}

// a = a r in place, for r of [cols, cols].
void multiply_rows(std::vector<double>& a, index_t rows, index_t cols, const std::vector<double>& r,
                   int n_threads) {
    parallel_for_rows(rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        std::vector<double> sum(static_cast<std::size_t>(cols));
        for (index_t i = begin; i < end; ++i) {
            double* const row = at(a, i * cols);
            std::fill(sum.begin(), sum.end(), 0.0);
            for (index_t p = 0; p < cols; ++p) {
                const double* const from = at(r, p * cols);
                for (index_t q = 0; q < cols; ++q) sum[static_cast<std::size_t>(q)] += row[p] * from[q];
            }
            std::copy(sum.begin(), sum.end(), row);
        }
    });
}

// Uniform in [-1, 1): exact arithmetic, so the same on every machine (a normal variate takes a logarithm).
std::vector<double> random_entries(index_t size, std::uint64_t seed) {
    const Philox random(seed);
    std::vector<double> entries(static_cast<std::size_t>(size));
    for (index_t i = 0; i < size; ++i)
        *at(entries, i) = static_cast<double>(random.at(static_cast<std::uint64_t>(i)) >> 11) * 0x1p-52 - 1.0;
    return entries;
}

// w -= v (v^T w) / (v^T v), column by column in the order of the rows.
void remove_direction(std::vector<double>& w, index_t rows, index_t cols, const double* v) {
    std::vector<double> along(static_cast<std::size_t>(cols), 0.0);
    double squares = 0;
    for (index_t i = 0; i < rows; ++i) {
        squares += v[i] * v[i];
        for (index_t q = 0; q < cols; ++q) *at(along, q) += v[i] * *at(w, i * cols + q);
    }
    if (squares == 0) return;
    for (index_t i = 0; i < rows; ++i)
        for (index_t q = 0; q < cols; ++q) *at(w, i * cols + q) -= v[i] * (*at(along, q) / squares);
}

// The first columns of w as float32, each with its entry of largest magnitude positive; zero where the value is.
std::vector<float> leading_columns(const std::vector<double>& w, index_t rows, index_t cols,
                                   const std::vector<double>& values) {
    const auto kept = static_cast<index_t>(values.size());
    std::vector<double> extreme(values.size(), 0.0);
    for (index_t i = 0; i < rows; ++i)
        for (index_t q = 0; q < kept; ++q)
            if (std::abs(*at(w, i * cols + q)) > std::abs(*at(extreme, q)))
                *at(extreme, q) = *at(w, i * cols + q);
    std::vector<float> out(static_cast<std::size_t>(rows * kept), 0.0F);
    for (index_t i = 0; i < rows; ++i)
        for (index_t q = 0; q < kept; ++q)
            if (*at(values, q) > 0)
                *at(out, i * kept + q) =
                    static_cast<float>(std::copysign(1.0, *at(extreme, q)) * *at(w, i * cols + q));
    return out;
}

void orthonormalize(std::vector<double>& w, index_t rows, index_t cols, int n_threads) {
    multiply_rows(w, rows, cols, orthonormalizer(gram_matrix(w, w, rows, cols, n_threads), cols), n_threads);
}

TruncatedSvd leading(std::vector<double> values, index_t n_components) {
    TruncatedSvd out;
    const double least = kLeastSingular * kLeastSingular * std::max(values[0], 0.0);
    for (index_t q = 0; q < n_components; ++q)
        out.singular_values.push_back(q < static_cast<index_t>(values.size()) && *at(values, q) > least
                                          ? std::sqrt(*at(values, q))
                                          : 0.0);
    return out;
}

// Subspace iteration on the side of the terms: w is [x.cols, cols].
TruncatedSvd from_terms(const CsrView& x, const CsrView& transposed, index_t n_components, index_t cols,
                        index_t n_iter, const double* without, std::uint64_t seed, int n_threads) {
    std::vector<double> w = random_entries(x.cols * cols, seed);
    for (index_t iteration = 0; iteration < n_iter; ++iteration) {
        w = product<double>(transposed, product<float>(x, w, cols, n_threads), cols, n_threads);
        for (int pass = iteration + 1 < n_iter ? 1 : 0; pass < 2; ++pass) {
            if (without) remove_direction(w, x.cols, cols, without);
            orthonormalize(w, x.cols, cols, n_threads);
        }
    }
    const std::vector<float> projected = product<float>(x, w, cols, n_threads);
    const Eigen eigen = symmetric_eigen(gram_matrix(projected, projected, x.rows, cols, n_threads), cols);
    multiply_rows(w, x.cols, cols, eigen.vectors, n_threads);
    TruncatedSvd out = leading(eigen.values, n_components);
    out.term_vectors = leading_columns(w, x.cols, cols, out.singular_values);
    return out;
}

// The same on the side of the documents, where there are fewer of them: w is [x.rows, cols]. With a = x (1 - v v^T),
// v the direction left out, w goes to a a^T w; the terms' directions are a^T w over the singular values.
TruncatedSvd from_documents(const CsrView& x, const CsrView& transposed, index_t n_components, index_t cols,
                            index_t n_iter, const double* without, std::uint64_t seed, int n_threads) {
    const auto to_terms = [&](const std::vector<double>& w) {
        std::vector<double> z = product<double>(transposed, w, cols, n_threads);
        if (without) remove_direction(z, x.cols, cols, without);
        return z;
    };
    std::vector<double> w = random_entries(x.rows * cols, seed);
    for (index_t iteration = 0; iteration < n_iter; ++iteration) {
        w = product<double>(x, to_terms(w), cols, n_threads);
        for (int pass = iteration + 1 < n_iter ? 1 : 0; pass < 2; ++pass)
            orthonormalize(w, x.rows, cols, n_threads);
    }
    const std::vector<double> image = product<double>(x, to_terms(w), cols, n_threads);
    const Eigen eigen = symmetric_eigen(gram_matrix(w, image, x.rows, cols, n_threads), cols);
    multiply_rows(w, x.rows, cols, eigen.vectors, n_threads);
    TruncatedSvd out = leading(eigen.values, n_components);
    std::vector<double> z = to_terms(w);
    for (index_t t = 0; t < x.cols; ++t)
        for (index_t q = 0; q < std::min(n_components, cols); ++q)
            if (*at(out.singular_values, q) > 0) *at(z, t * cols + q) /= *at(out.singular_values, q);
    out.term_vectors = leading_columns(z, x.cols, cols, out.singular_values);
    return out;
}

}  // namespace

TruncatedSvd truncated_svd(const CsrView& x, index_t n_components, index_t n_oversamples, index_t n_iter,
                           const double* without, std::uint64_t seed, int n_threads) {
    require(n_components >= 1 && n_components <= x.cols, kOp, "n_components=", n_components,
            " must be between 1 and n_features=", x.cols);
    require(n_oversamples >= 0, kOp, "n_oversamples=", n_oversamples, " must be >= 0");
    require(n_iter >= 1, kOp, "n_iter=", n_iter, " must be >= 1");
    check_finite(x, kOp, n_threads);
    const index_t cols = std::min(n_components + n_oversamples, x.cols);
    const Transposed transposed = transpose(x);
    const auto side = x.rows < x.cols && x.rows >= cols ? from_documents : from_terms;
    return side(x, transposed.view(), n_components, cols, n_iter, without, seed, n_threads);
}

void project_rows(const CsrView& x, const MatrixView<const float>& w, bool unit_rows, float* out,
                  int n_threads) {
    require(w.rows == x.cols && w.stride == w.cols, "project_rows", "w has ", w.rows, " rows for ", x.cols,
            " features");
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        std::vector<double> sum(static_cast<std::size_t>(w.cols));
        for (index_t i = begin; i < end; ++i) {
            times(sparse_row(x, i), w.data, w.cols, sum.data());
            double squares = 0;
            for (const double value : sum) squares += value * value;
            const double length = unit_rows && squares > 0 ? std::sqrt(squares) : 1.0;
            std::transform(sum.begin(), sum.end(), out + i * w.cols,
                           [&](double value) { return static_cast<float>(value / length); });
        }
    });
}

}  // namespace coterie
