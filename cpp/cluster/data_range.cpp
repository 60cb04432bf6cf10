#include "cluster/data_range.hpp"

#include <algorithm>
#include <cmath>

#include "core/parallel.hpp"

namespace coterie::cluster {
namespace {

constexpr index_t kRowsPerTask = 1024;
// A sum of magnitudes below total stays below 2^61 after scaling, and rounding adds less than half a unit a
// row.
constexpr int kSumBits = 61;

double power_of_two_below(double total) {
    if (total == 0) return 1;
    int exponent;
    std::frexp(total, &exponent);  // total < 2^exponent
    return std::ldexp(1.0, std::clamp(kSumBits - exponent, -1000, 1000));
}

void add_row(const kernels::Table& t, const float* row, double norm, const std::vector<double>& scale,
             std::int64_t* sums) {
    t.move_row(row, norm, 1.0, scale.data(), static_cast<index_t>(scale.size()), sums, nullptr);
}

void add_row(const kernels::Table&, SparseRow row, double norm, const std::vector<double>& scale,
             std::int64_t* sums) {
    for (index_t p = 0; p < row.nnz; ++p) {
        const double unit =
            norm == 1.0 ? row.data[p] : static_cast<double>(static_cast<float>(row.data[p] / norm));
        sums[row.indices[p]] += std::llrint(unit * scale[static_cast<std::size_t>(row.indices[p])]);
    }
}

}  // namespace

template <typename View>
DataRange data_range(const Samples<View>& samples) {
    DataRange range;
    range.n_samples = samples.x.rows;
    range.largest = samples.largest_magnitudes();
    for (index_t i = 0; i < samples.x.rows; ++i) {
        const double norm = samples.squared_norm[static_cast<std::size_t>(i)];
        range.n_nonzero += norm > 0;
        range.squared_norm.add(norm);
        range.total_weight.add(samples.weight_of(i));
    }
    return range;
}

Scales scales_for(const std::vector<float>& largest, double total_weight, Metric metric) {
    Scales scales;
    scales.weight = power_of_two_below(total_weight);
    scales.feature.resize(largest.size());
    std::transform(largest.begin(), largest.end(), scales.feature.begin(), [&](float m) {
        return power_of_two_below((metric == Metric::cosine ? 2.0 : double{m}) * total_weight);
    });
    return scales;
}

template <typename View>
Scales scales_of(const Samples<View>& samples) {
    if (samples.metric == Metric::euclidean)
        return scales_for(samples.largest_magnitudes(), samples.total_weight, samples.metric);
    return scales_for(std::vector<float>(static_cast<std::size_t>(samples.x.cols)), samples.total_weight,
                      samples.metric);
}

template <typename View>
std::vector<std::int64_t> feature_sums(const Samples<View>& samples, const std::vector<double>& scale) {
    const kernels::Table& t = kernels::active();
    const auto d = static_cast<std::size_t>(samples.x.cols);
    // Integers: which thread adds which rows does not matter.
    std::vector<std::vector<std::int64_t>> slots(
        static_cast<std::size_t>(resolve_thread_count(samples.n_threads)));
    parallel_for_rows(samples.x.rows, kRowsPerTask, samples.n_threads,
                      [&](index_t begin, index_t end, int slot) {
                          std::vector<std::int64_t>& sums = slots[static_cast<std::size_t>(slot)];
                          sums.resize(d);
                          for (index_t i = begin; i < end; ++i)
                              add_row(t, row_of(samples.x, i), samples.length(i), scale, sums.data());
                      });
    std::vector<std::int64_t> total(d, 0);
    for (const auto& sums : slots)
        for (std::size_t j = 0; j < sums.size(); ++j) total[j] += sums[j];
    return total;
}

double mean_feature_variance(index_t n_samples, double squared_norm, const std::vector<std::int64_t>& sums,
                             const std::vector<double>& scale) {
    if (n_samples == 0 || sums.empty()) return 0;
    const auto n = static_cast<double>(n_samples);
    double squared_mean = 0;
    for (std::size_t j = 0; j < sums.size(); ++j) {
        const double mean = static_cast<double>(sums[j]) / scale[j] / n;
        squared_mean += mean * mean;
    }
    return std::max(0.0, squared_norm / n - squared_mean) / static_cast<double>(sums.size());
}

namespace {

template <typename View>
std::vector<double> unweighted_scales(const Samples<View>& samples) {
    const auto n = static_cast<double>(samples.x.rows);
    const bool unit = samples.metric == Metric::cosine;
    return scales_for(unit ? std::vector<float>(static_cast<std::size_t>(samples.x.cols))
                           : samples.largest_magnitudes(),
                      n, samples.metric)
        .feature;
}

}  // namespace

template <typename View>
double mean_feature_variance(const Samples<View>& samples, const std::vector<std::int64_t>& sums) {
    const bool unit = samples.metric == Metric::cosine;
    ExactSum squared_norm;
    index_t n_nonzero = 0;
    for (const double norm : samples.squared_norm) {
        n_nonzero += norm > 0;
        if (!unit) squared_norm.add(norm);
    }
    return mean_feature_variance(samples.x.rows, unit ? static_cast<double>(n_nonzero) : squared_norm.value(),
                                 sums, unweighted_scales(samples));
}

template <typename View>
double mean_feature_variance(const Samples<View>& samples) {
    return mean_feature_variance(samples, feature_sums(samples, unweighted_scales(samples)));
}

#define COTERIE_INSTANTIATE(View)                                                                      \
    template DataRange data_range(const Samples<View>&);                                               \
    template Scales scales_of(const Samples<View>&);                                                   \
    template std::vector<std::int64_t> feature_sums(const Samples<View>&, const std::vector<double>&); \
    template double mean_feature_variance(const Samples<View>&);                                       \
    template double mean_feature_variance(const Samples<View>&, const std::vector<std::int64_t>&);
COTERIE_INSTANTIATE(Dense)
COTERIE_INSTANTIATE(Sparse)

}  // namespace coterie::cluster
