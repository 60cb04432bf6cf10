#include "cluster/samples.hpp"

#include <algorithm>
#include <cmath>

#include "core/check.hpp"
#include "core/parallel.hpp"

namespace coterie::cluster {
namespace {

constexpr index_t kRowsPerTask = 1024;

double squared_norm_of(const kernels::Table& t, const float* row, index_t d) {
    return t.dot(row, row, d);
}

double squared_norm_of(const kernels::Table&, SparseRow row, index_t) {
    double sum = 0;
    for (index_t p = 0; p < row.nnz; ++p) sum += double{row.data[p]} * double{row.data[p]};
    return sum;
}

template <typename Add>
void for_each_value(const float* row, index_t d, const Add& add) {
    for (index_t j = 0; j < d; ++j) add(j, row[j]);
}

template <typename Add>
void for_each_value(SparseRow row, index_t, const Add& add) {
    for (index_t p = 0; p < row.nnz; ++p) add(row.indices[p], row.data[p]);
}

// Sum of rows[task] over tasks, in task order.
double folded(const std::vector<double>& parts) {
    double sum = 0;
    for (const double part : parts) sum += part;
    return sum;
}

}  // namespace

template <typename View>
Samples<View>::Samples(View x_, const double* weight_, Metric metric_, int n_threads_)
    : x(x_),
      weight(weight_),
      metric(metric_),
      n_threads(n_threads_),
      squared_norm(static_cast<std::size_t>(x_.rows)) {
    check_finite(x, "kmeans", n_threads);
    const kernels::Table& t = kernels::active();
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i)
            squared_norm[static_cast<std::size_t>(i)] = squared_norm_of(t, row_of(x, i), x.cols);
    });
    for (index_t i = 0; i < x.rows; ++i) {
        require(weight_of(i) >= 0 && std::isfinite(weight_of(i)), "kmeans", "sample_weight[", i,
                "]=", weight_of(i), " must be finite and >= 0");
        total_weight += weight_of(i);
        largest_squared_norm = std::max(largest_squared_norm, squared_norm[static_cast<std::size_t>(i)]);
    }
    require(x.rows == 0 || total_weight > 0, "kmeans", "sample_weight must not be zero for every sample");
}

template <typename View>
double mean_feature_variance(const Samples<View>& samples) {
    // mean_j var_j = (E|x|^2 - |E x|^2) / d, with rows shifted by the first one so that a common offset does
    // not cancel.
    const index_t n = samples.x.rows, d = samples.x.cols;
    if (n == 0 || d == 0) return 0;
    const bool unit = samples.metric == Metric::cosine;
    std::vector<double> origin(static_cast<std::size_t>(d), 0.0);
    constexpr bool is_dense = std::is_same_v<View, Dense>;
    const auto length = [&](index_t i) {
        const double norm = std::sqrt(samples.squared_norm[static_cast<std::size_t>(i)]);
        return unit && norm > 0 ? norm : 1.0;
    };
    if constexpr (is_dense)
        for (index_t j = 0; j < d; ++j) origin[static_cast<std::size_t>(j)] = samples.x.row(0)[j] / length(0);
    // At most 16 partial sums of d doubles each, so the partition is coarse and depends on n alone.
    const index_t rows_per_task = std::max<index_t>(kRowsPerTask, ceil_div(n, 16));
    const auto tasks = static_cast<std::size_t>(ceil_div(n, rows_per_task));
    std::vector<std::vector<double>> sums(tasks, std::vector<double>(static_cast<std::size_t>(d), 0.0));
    std::vector<double> squares(tasks, 0.0);
    parallel_for_rows(n, rows_per_task, samples.n_threads, [&](index_t begin, index_t end, int) {
        const auto task = static_cast<std::size_t>(begin / rows_per_task);
        double* const sum = sums[task].data();
        double square = 0;
        for (index_t i = begin; i < end; ++i) {
            const double norm = length(i);
            for_each_value(row_of(samples.x, i), d, [&](index_t j, float value) {
                const double shifted = value / norm - origin[static_cast<std::size_t>(j)];
                sum[j] += shifted;
                square += shifted * shifted;
            });
        }
        squares[task] = square;
    });
    double squared_mean = 0;
    for (index_t j = 0; j < d; ++j) {
        double sum = 0;
        for (const auto& part : sums) sum += part[static_cast<std::size_t>(j)];
        const double mean = sum / static_cast<double>(n);
        squared_mean += mean * mean;
    }
    return std::max(0.0, folded(squares) / static_cast<double>(n) - squared_mean) / static_cast<double>(d);
}

template struct Samples<Dense>;
template struct Samples<Sparse>;
template double mean_feature_variance(const Samples<Dense>&);
template double mean_feature_variance(const Samples<Sparse>&);

}  // namespace coterie::cluster
