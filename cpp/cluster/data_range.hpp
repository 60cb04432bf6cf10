// What a pass over the rows must find before integers can stand for them: merged over shards in any order, it
// fixes the scales of a fit, so that every shard rounds alike.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/samples.hpp"
#include "core/exact_sum.hpp"

namespace coterie::cluster {

struct DataRange {
    index_t n_samples = 0;
    index_t n_nonzero = 0;       // rows that are not all zero
    std::vector<float> largest;  // [d] max_i |x_ij|
    ExactSum total_weight;       // sum_i w_i
    ExactSum squared_norm;       // sum_i of canonical |x_i|^2
};

// Powers of two: a value v of feature j counts as round(w v feature[j]), a weight w as round(w weight), and no
// sum over all rows reaches 2^62.
struct Scales {
    std::vector<double> feature;  // [d]
    double weight = 1;
};

template <typename View>
DataRange data_range(const Samples<View>& samples);

// largest is not read for Metric::cosine, whose rows have unit length.
Scales scales_for(const std::vector<float>& largest, double total_weight, Metric metric);

template <typename View>
Scales scales_of(const Samples<View>& samples);

// sums[j] = sum_i round(x_ij scale[j]), unweighted, of the rows as they are clustered (unit length for cosine).
template <typename View>
std::vector<std::int64_t> feature_sums(const Samples<View>& samples, const std::vector<double>& scale);

// Average over features of the variance of the rows as they are clustered, unweighted: what scikit-learn
// multiplies tol with. (E|x|^2 - |E x|^2) / d with feature_sums at the scales of weight 1 for every row.
double mean_feature_variance(index_t n_samples, double squared_norm, const std::vector<std::int64_t>& sums,
                             const std::vector<double>& scale);

template <typename View>
double mean_feature_variance(const Samples<View>& samples);
// The same where these sums, feature_sums at the scales_of rows without weights, are known.
template <typename View>
double mean_feature_variance(const Samples<View>& samples, const std::vector<std::int64_t>& sums);

}  // namespace coterie::cluster
