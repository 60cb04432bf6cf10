#include "cluster/samples.hpp"

#include <algorithm>
#include <cmath>

#include "core/check.hpp"
#include "core/exact_sum.hpp"
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

std::vector<float> largest_magnitudes_of(const Dense& x, int n_threads) {
    const auto d = static_cast<std::size_t>(x.cols);
    std::vector<std::vector<float>> slots(static_cast<std::size_t>(resolve_thread_count(n_threads)));
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int slot) {
        slots[static_cast<std::size_t>(slot)].resize(d);
        float* const largest = slots[static_cast<std::size_t>(slot)].data();
        for (index_t i = begin; i < end; ++i) {
            const float* const row = x.row(i);
            for (std::size_t j = 0; j < d; ++j) largest[j] = std::max(largest[j], std::fabs(row[j]));
        }
    });
    std::vector<float> largest(d, 0.0f);
    for (const auto& slot : slots)
        for (std::size_t j = 0; j < slot.size(); ++j) largest[j] = std::max(largest[j], slot[j]);
    return largest;
}

std::vector<float> largest_magnitudes_of(const Sparse& x, int) {
    std::vector<float> largest(static_cast<std::size_t>(x.cols), 0.0f);
    for (index_t p = x.indptr[0]; p < x.indptr[x.rows]; ++p)
        largest[static_cast<std::size_t>(x.indices[p])] =
            std::max(largest[static_cast<std::size_t>(x.indices[p])], std::fabs(x.data[p]));
    return largest;
}

}  // namespace

template <typename View>
Samples<View>::Samples(View x_, const double* weight_, Metric metric_, int n_threads_)
    : x(x_),
      weight(weight_),
      metric(metric_),
      n_threads(n_threads_),
      squared_norm(static_cast<std::size_t>(x_.rows)) {
    const kernels::Table& t = kernels::active();
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i)
            squared_norm[static_cast<std::size_t>(i)] = squared_norm_of(t, row_of(x, i), x.cols);
    });
    // The squares of float32 numbers cannot overflow in float64, so a norm is finite exactly when its row is.
    if (!std::all_of(squared_norm.begin(), squared_norm.end(), [](double v) { return std::isfinite(v); }))
        check_finite(x, "kmeans", n_threads);
    ExactSum total;
    for (index_t i = 0; i < x.rows; ++i) {
        require(weight_of(i) >= 0 && std::isfinite(weight_of(i)), "kmeans", "sample_weight[", i,
                "]=", weight_of(i), " must be finite and >= 0");
        if (weight != nullptr) total.add(weight_of(i));
        largest_squared_norm = std::max(largest_squared_norm, squared_norm[static_cast<std::size_t>(i)]);
    }
    total_weight = weight == nullptr ? static_cast<double>(x.rows) : total.value();
}

template <typename View>
const std::vector<float>& Samples<View>::largest_magnitudes() const {
    std::call_once(found_largest_, [&] { largest_ = largest_magnitudes_of(x, n_threads); });
    return largest_;
}

template struct Samples<Dense>;
template struct Samples<Sparse>;

}  // namespace coterie::cluster
