#include "topics/truncated_svd.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/philox.hpp"
#include "kernels/kernels.hpp"
#include "topics/symmetric.hpp"

namespace coterie {
namespace {

constexpr const char* kOp = "truncated_svd";
constexpr index_t kRowsPerTask = 256;
constexpr index_t kColumnsPerTask = 64;
constexpr index_t kGramTasks = 64;  // bounds the partial sums held, whatever the number of rows
constexpr index_t kLeastGramRows = 1024;
constexpr index_t kGramRows = 128;       // at a time, so that they stay in the nearer caches
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

// A tall matrix of float64 whose rows are padded with zeros to a multiple of 8, and to an odd multiple of cache lines, so
// that the same columns of many rows do not meet in the same places of a cache.
struct Tall {
    index_t rows, cols, ld;
    std::vector<double> values;

    Tall(index_t n_rows, index_t n_cols)
        : rows(n_rows), cols(n_cols), ld(stride_of(n_cols)), values(static_cast<std::size_t>(n_rows * ld)) {}
    static index_t stride_of(index_t n_cols) { return (ceil_div(n_cols, 8) | 1) * 8; }
    double* row(index_t i) { return at(values, i * ld); }
    const double* row(index_t i) const { return at(values, i * ld); }
};

// The same in float32: products with the entries of x are exact in float64.
std::vector<float> rounded(const Tall& w, int n_threads) {
    std::vector<float> out(w.values.size());
    parallel_for_rows(w.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        std::transform(w.row(begin), w.row(begin) + (end - begin) * w.ld, at(out, begin * w.ld),
                       [](double value) { return static_cast<float>(value); });
    });
    return out;
}

// x w for w of [x.cols, ld]: each entry in the order of the stored entries of its row.
template <typename Store>
void multiply(const CsrView& x, const float* w, index_t ld, int n_threads, const Store& store) {
    const kernels::Table& t = kernels::active();
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        std::vector<double> sum(static_cast<std::size_t>(ld));
        for (index_t i = begin; i < end; ++i) {
            std::fill(sum.begin(), sum.end(), 0.0);
            t.add_term_rows(sparse_row(x, i), w, ld, ld, sum.data());
            store(i, sum.data());
        }
    });
}

// out = x w.
void multiply(const CsrView& x, const std::vector<float>& w, Tall& out, int n_threads) {
    multiply(x, w.data(), out.ld, n_threads,
             [&](index_t i, const double* sum) { std::copy_n(sum, out.ld, out.row(i)); });
}

// x w in float32.
std::vector<float> rounded_product(const CsrView& x, const std::vector<float>& w, index_t ld, int n_threads) {
    std::vector<float> out(static_cast<std::size_t>(x.rows * ld));
    multiply(x, w.data(), ld, n_threads, [&](index_t i, const double* sum) {
        std::transform(sum, sum + ld, at(out, i * ld),
                       [](double value) { return static_cast<float>(value); });
    });
    return out;
}

// a^T b, [cols, cols], known to be symmetric: one partial sum per task, folded in task order.
std::vector<double> gram_matrix(const Tall& a, const Tall& b, int n_threads) {
    const kernels::Table& t = kernels::active();
    const index_t chunk = std::max(kLeastGramRows, ceil_div(a.rows, kGramTasks)), ld = a.ld, cols = a.cols;
    std::vector<std::vector<double>> parts(static_cast<std::size_t>(ceil_div(a.rows, chunk)));
    parallel_for_rows(a.rows, chunk, n_threads, [&](index_t begin, index_t end, int) {
        std::vector<double>& mine = *at(parts, begin / chunk);
        mine.assign(static_cast<std::size_t>(cols * ld), 0.0);
        for (index_t i = begin; i < end; i += kGramRows)  // the lower triangle alone, in squares of 8
            for (index_t p = 0; p < cols; p += 8)
                t.add_products(a.row(i) + p, 1, ld, b.row(i), ld, std::min<index_t>(8, cols - p), p + 8,
                               std::min(kGramRows, end - i), at(mine, p * ld), ld);
    });
    std::vector<double> gram(static_cast<std::size_t>(cols * cols), 0.0);
    for (const std::vector<double>& part : parts)
        for (index_t p = 0; p < cols; ++p)
            for (index_t q = 0; q <= p; ++q) *at(gram, p * cols + q) += *at(part, p * ld + q);
    for (index_t p = 0; p < cols; ++p)
        for (index_t q = 0; q < p; ++q) *at(gram, q * cols + p) = *at(gram, p * cols + q);
    return gram;
}

// a = a r in place, for r of [cols, cols].
void multiply_rows(Tall& a, const std::vector<double>& r, int n_threads) {
    const kernels::Table& t = kernels::active();
    Tall right(a.cols, a.cols);
    for (index_t p = 0; p < a.cols; ++p) std::copy_n(at(r, p * a.cols), a.cols, right.row(p));
    parallel_for_rows(a.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        std::vector<double> sum(static_cast<std::size_t>((end - begin) * a.ld), 0.0);
        t.add_products(a.row(begin), a.ld, 1, right.values.data(), a.ld, end - begin, a.ld, a.cols,
                       sum.data(), a.ld);
        std::copy(sum.begin(), sum.end(), a.row(begin));
    });
}

// Uniform in [-1, 1): exact arithmetic, so the same on every machine (a normal variate takes a logarithm).
Tall random_entries(index_t rows, index_t cols, std::uint64_t seed, int n_threads) {
    const Philox random(seed);
    Tall w(rows, cols);
    parallel_for_rows(rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i)
            for (index_t q = 0; q < cols; ++q) {
                const std::uint64_t word = random.at(static_cast<std::uint64_t>(i * cols + q));
                w.row(i)[q] = static_cast<double>(word >> 11) * 0x1p-52 - 1.0;
            }
    });
    return w;
}

// w -= v (v^T w) / (v^T v), column by column in the order of the rows.
void remove_direction(Tall& w, const double* v, int n_threads) {
    double squares = 0;
    for (index_t i = 0; i < w.rows; ++i) squares += v[i] * v[i];
    if (squares == 0) return;
    std::vector<double> along(static_cast<std::size_t>(w.cols), 0.0);
    parallel_for_rows(w.cols, kColumnsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        double* const sum = along.data();
        for (index_t i = 0; i < w.rows; ++i) {
            const double factor = v[i], *const row = w.row(i);
            for (index_t q = begin; q < end; ++q) sum[q] += factor * row[q];
        }
    });
    for (double& sum : along) sum /= squares;
    parallel_for_rows(w.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) {
            double* const row = w.row(i);
            const double factor = v[i], *const sum = along.data();
            for (index_t q = 0; q < w.cols; ++q) row[q] -= factor * sum[q];
        }
    });
}

// The first columns of w as float32, each with its entry of largest magnitude positive; zero where the value is.
std::vector<float> leading_columns(const Tall& w, const std::vector<double>& values, int n_threads) {
    const auto kept = static_cast<index_t>(values.size());
    std::vector<double> extreme(values.size(), 0.0);
    parallel_for_rows(kept, kColumnsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        double* const most = extreme.data();
        for (index_t i = 0; i < w.rows; ++i) {
            const double* const row = w.row(i);
            for (index_t q = begin; q < end; ++q)
                most[q] = std::abs(row[q]) > std::abs(most[q]) ? row[q] : most[q];
        }
    });
    std::vector<float> out(static_cast<std::size_t>(w.rows * kept), 0.0F);
    parallel_for_rows(w.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) {
            const double* const row = w.row(i);
            float* const to = at(out, i * kept);
            for (index_t q = 0; q < kept; ++q)
                to[q] = static_cast<float>(std::copysign(values[static_cast<std::size_t>(q)] > 0 ? 1.0 : 0.0,
                                                         extreme[static_cast<std::size_t>(q)]) *
                                           row[q]);
        }
    });
    return out;
}

void orthonormalize(Tall& w, int n_threads) {
    multiply_rows(w, orthonormalizer(gram_matrix(w, w, n_threads), w.cols), n_threads);
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
    Tall w = random_entries(x.cols, cols, seed, n_threads);
    for (index_t iteration = 0; iteration < n_iter; ++iteration) {
        multiply(transposed, rounded_product(x, rounded(w, n_threads), w.ld, n_threads), w, n_threads);
        for (int pass = iteration + 1 < n_iter ? 1 : 0; pass < 2; ++pass) {
            if (without) remove_direction(w, without, n_threads);
            orthonormalize(w, n_threads);
        }
    }
    Tall projected(x.rows, cols);
    multiply(x, rounded(w, n_threads), projected, n_threads);
    const Eigen eigen = symmetric_eigen(gram_matrix(projected, projected, n_threads), cols);
    multiply_rows(w, eigen.vectors, n_threads);
    TruncatedSvd out = leading(eigen.values, n_components);
    out.term_vectors = leading_columns(w, out.singular_values, n_threads);
    return out;
}

// The same on the side of the documents, where there are fewer of them: w is [x.rows, cols]. With a = x (1 - v v^T),
// v the direction left out, w goes to a a^T w; the terms' directions are a^T w over the singular values.
TruncatedSvd from_documents(const CsrView& x, const CsrView& transposed, index_t n_components, index_t cols,
                            index_t n_iter, const double* without, std::uint64_t seed, int n_threads) {
    Tall w = random_entries(x.rows, cols, seed, n_threads), z(x.cols, cols);
    const auto to_terms = [&] {
        multiply(transposed, rounded(w, n_threads), z, n_threads);
        if (without) remove_direction(z, without, n_threads);
    };
    for (index_t iteration = 0; iteration < n_iter; ++iteration) {
        to_terms();
        multiply(x, rounded(z, n_threads), w, n_threads);
        for (int pass = iteration + 1 < n_iter ? 1 : 0; pass < 2; ++pass) orthonormalize(w, n_threads);
    }
    to_terms();
    Tall image(x.rows, cols);
    multiply(x, rounded(z, n_threads), image, n_threads);
    const Eigen eigen = symmetric_eigen(gram_matrix(w, image, n_threads), cols);
    multiply_rows(w, eigen.vectors, n_threads);
    TruncatedSvd out = leading(eigen.values, n_components);
    to_terms();
    for (index_t t = 0; t < x.cols; ++t)
        for (index_t q = 0; q < std::min(n_components, cols); ++q)
            if (*at(out.singular_values, q) > 0) z.row(t)[q] /= *at(out.singular_values, q);
    out.term_vectors = leading_columns(z, out.singular_values, n_threads);
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
    const index_t ld = ceil_div(w.cols, 8) * 8;
    std::vector<float> padded;
    if (ld != w.cols) {
        padded.resize(static_cast<std::size_t>(w.rows * ld));
        for (index_t j = 0; j < w.rows; ++j) std::copy_n(w.data + j * w.cols, w.cols, at(padded, j * ld));
    }
    multiply(x, padded.empty() ? w.data : padded.data(), ld, n_threads, [&](index_t i, const double* sum) {
        double squares = 0;
        for (index_t q = 0; q < w.cols; ++q) squares += sum[q] * sum[q];
        const double length = unit_rows && squares > 0 ? std::sqrt(squares) : 1.0;
        std::transform(sum, sum + w.cols, out + i * w.cols,
                       [&](double value) { return static_cast<float>(value / length); });
    });
}

}  // namespace coterie
