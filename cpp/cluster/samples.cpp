#include "cluster/samples.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "core/check.hpp"
#include "core/exact_sum.hpp"
#include "core/parallel.hpp"

namespace coterie::cluster {
namespace {

constexpr index_t kRowsPerTask = 1024;

double squared_norm_of(SparseRow row) {
    double sum = 0;
    for (index_t p = 0; p < row.nnz; ++p) sum += double{row.data[p]} * double{row.data[p]};
    return sum;
}

// Norms and largest magnitudes in one reading of the rows, which takes longer than either sum.
std::vector<float> measure_rows(const Dense& x, int n_threads, std::vector<double>& squared_norm) {
    const kernels::Table& t = kernels::active();
    const auto d = static_cast<std::size_t>(x.cols);
    std::vector<std::vector<float>> slots(static_cast<std::size_t>(resolve_thread_count(n_threads)));
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int slot) {
        std::vector<float>& largest = slots[static_cast<std::size_t>(slot)];
        largest.resize(d, 0.0f);
        for (index_t i = begin; i < end; ++i) {
            squared_norm[static_cast<std::size_t>(i)] = t.dot(x.row(i), x.row(i), x.cols);
            t.raise_magnitudes(x.row(i), x.cols, largest.data());
        }
    });
    std::vector<float> largest(d, 0.0f);
    for (const auto& slot : slots)
        if (!slot.empty()) t.raise_magnitudes(slot.data(), x.cols, largest.data());
    return largest;
}

// The magnitudes wait until they are asked for: they are scattered.
std::vector<float> measure_rows(const Sparse& x, int n_threads, std::vector<double>& squared_norm) {
    parallel_for_rows(x.rows, kRowsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i)
            squared_norm[static_cast<std::size_t>(i)] = squared_norm_of(sparse_row(x, i));
    });
    return {};
}

}  // namespace

template <typename View>
Samples<View>::Samples(View x_, const double* weight_, Metric metric_, int n_threads_)
    : x(x_),
      weight(weight_),
      metric(metric_),
      n_threads(n_threads_),
      squared_norm(static_cast<std::size_t>(x_.rows)) {
    use_.largest = measure_rows(x, n_threads, squared_norm);
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
    if constexpr (std::is_same_v<View, Sparse>) return term_use().largest;
    return use_.largest;
}

template <typename View>
const TermUse& Samples<View>::term_use() const {
    if constexpr (std::is_same_v<View, Sparse>)
        std::call_once(found_use_, [&] { use_ = TermUse(x, n_threads); });
    return use_;
}

template struct Samples<Dense>;
template struct Samples<Sparse>;

}  // namespace coterie::cluster
