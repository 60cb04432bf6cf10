#include "cluster/centroids.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/parallel.hpp"

namespace coterie::cluster {
namespace {

constexpr index_t kFloatsPerCacheLine = 16;
constexpr double kUpward = 1 + 1e-12;

}  // namespace

void CentroidNorms::set(std::vector<double> squared_norm_, Metric metric, index_t k_padded) {
    squared_norm = std::move(squared_norm_);
    half_norm.assign(squared_norm.size(), 0.0);
    bias.assign(static_cast<std::size_t>(k_padded), -kernels::kPadScore);
    largest_norm = largest_bias = 0;
    for (std::size_t c = 0; c < squared_norm.size(); ++c) {
        if (metric == Metric::euclidean) half_norm[c] = squared_norm[c] / 2;
        bias[c] = static_cast<float>(half_norm[c]);
        largest_norm = std::max(largest_norm, std::sqrt(squared_norm[c]) * kUpward);
        largest_bias = std::max(largest_bias, half_norm[c] * kUpward);
    }
}

void Centroids<Dense>::assign_rows(const float* rows, int n_threads) {
    std::copy(rows, rows + k * d, values.begin());
    prepare(n_threads);
}

void Centroids<Dense>::normalise(int n_threads) {
    parallel_for_rows(k, 64, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t c = begin; c < end; ++c) {
            const double norm = std::sqrt(squared_norm[static_cast<std::size_t>(c)]);
            for (index_t j = 0; j < d && norm > 0; ++j) row(c)[j] = static_cast<float>(row(c)[j] / norm);
        }
    });
    prepare(n_threads);
}

void Centroids<Dense>::copy_rows(float* out, int n_threads) const {
    parallel_for_rows(k, 256, n_threads, [&](index_t begin, index_t end, int) {
        std::copy(row(begin), row(end), out + begin * d);
    });
}

Centroids<Dense> Centroids<Dense>::select(const std::vector<std::int32_t>& chosen, int n_threads) const {
    Centroids selected(static_cast<index_t>(chosen.size()), d, metric);
    for (index_t c = 0; c < selected.k; ++c)
        std::copy_n(row(chosen[static_cast<std::size_t>(c)]), d, selected.row(c));
    selected.prepare(n_threads);
    return selected;
}

void Centroids<Dense>::prepare(int n_threads) {
    const kernels::Table& t = kernels::active();
    std::vector<double> norms(static_cast<std::size_t>(k));
    parallel_for_rows(k, 64, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t c = begin; c < end; ++c) norms[static_cast<std::size_t>(c)] = t.dot(row(c), row(c), d);
    });
    k_padded = kernels::padded(t, k);
    set(std::move(norms), metric, k_padded);
    packed.resize(static_cast<std::size_t>(k_padded * d));
    parallel_for_rows(k, t.panel_width, n_threads, [&](index_t begin, index_t end, int) {
        kernels::pack_panels(t, {row(begin), end - begin, d, d}, packed.data() + begin * d);
    });
}

Centroids<Sparse>::Centroids(index_t k_, index_t d_, Metric metric_)
    : k(k_),
      d(d_),
      ld(ceil_div(k_, kFloatsPerCacheLine) * kFloatsPerCacheLine),
      metric(metric_),
      values(static_cast<std::size_t>(d_ * ld)) {}

void Centroids<Sparse>::assign_rows(const float* rows, int n_threads) {
    parallel_for_rows(d, 256, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t c = 0; c < k; ++c)
            for (index_t j = begin; j < end; ++j) term(j)[c] = rows[c * d + j];
    });
    // Rows that lie together are read faster than prepare() reads columns.
    const kernels::Table& t = kernels::active();
    std::vector<double> norms(static_cast<std::size_t>(k));
    parallel_for(k, n_threads, [&](index_t c, int) {
        norms[static_cast<std::size_t>(c)] = t.dot(rows + c * d, rows + c * d, d);
    });
    set_norms(std::move(norms));
}

void Centroids<Sparse>::normalise(int n_threads) {
    parallel_for_rows(d, 256, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t j = begin; j < end; ++j)
            for (index_t c = 0; c < k; ++c) {
                const double norm = std::sqrt(squared_norm[static_cast<std::size_t>(c)]);
                if (norm > 0) term(j)[c] = static_cast<float>(term(j)[c] / norm);
            }
    });
    prepare(n_threads);
}

void Centroids<Sparse>::copy_rows(float* out, int n_threads) const {
    parallel_for_rows(d, 256, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t c = 0; c < k; ++c)
            for (index_t j = begin; j < end; ++j) out[c * d + j] = term(j)[c];
    });
}

Centroids<Sparse> Centroids<Sparse>::select(const std::vector<std::int32_t>& chosen, int n_threads) const {
    Centroids selected(static_cast<index_t>(chosen.size()), d, metric);
    parallel_for_rows(d, 256, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t j = begin; j < end; ++j)
            for (index_t c = 0; c < selected.k; ++c)
                selected.term(j)[c] = term(j)[chosen[static_cast<std::size_t>(c)]];
    });
    std::vector<double> norms;
    for (const std::int32_t c : chosen) norms.push_back(squared_norm[static_cast<std::size_t>(c)]);
    selected.set_norms(std::move(norms));
    return selected;
}

void Centroids<Sparse>::prepare(int n_threads) {
    // The order of Table::dot for every column at once: partial sum j mod 8, then its tree.
    std::vector<double> norms(static_cast<std::size_t>(ld));
    parallel_for_rows(ld, kFloatsPerCacheLine, n_threads, [&](index_t begin, index_t end, int) {
        double part[8][kFloatsPerCacheLine] = {};
        for (index_t j = 0; j < d; ++j) {
            const float* const w = term(j) + begin;
            double* const p = part[j % 8];
            for (index_t c = 0; c < end - begin; ++c) p[c] += double{w[c]} * double{w[c]};
        }
        for (index_t c = 0; c < end - begin; ++c)
            norms[static_cast<std::size_t>(begin + c)] =
                ((part[0][c] + part[4][c]) + (part[2][c] + part[6][c])) +
                ((part[1][c] + part[5][c]) + (part[3][c] + part[7][c]));
    });
    norms.resize(static_cast<std::size_t>(k));
    set_norms(std::move(norms));
}

void Centroids<Sparse>::set_norms(std::vector<double> norms) {
    k_padded = kernels::padded(kernels::active(), k);
    set(std::move(norms), metric, k_padded);
}

NonzeroWeights nonzero_weights(const Centroids<Sparse>& centroids, int n_threads) {
    const auto for_each_nonzero = [&](index_t j, const auto& use) {
        const float* const weights = centroids.term(j);
        for (index_t begin = 0; begin < centroids.ld; begin += kFloatsPerCacheLine) {
            std::uint32_t any = 0;
            for (index_t c = begin; c < begin + kFloatsPerCacheLine; ++c)
                any |= std::bit_cast<std::uint32_t>(weights[c]);
            if (any == 0) continue;  // as most lines
            for (index_t c = begin; c < begin + kFloatsPerCacheLine; ++c)
                if (std::bit_cast<std::uint32_t>(weights[c]) != 0) use(c, weights[c]);
        }
    };
    NonzeroWeights found;
    found.start.assign(static_cast<std::size_t>(centroids.d + 1), 0);
    parallel_for_rows(centroids.d, 256, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t j = begin; j < end; ++j)
            for_each_nonzero(j, [&](index_t, float) { ++found.start[static_cast<std::size_t>(j + 1)]; });
    });
    std::partial_sum(found.start.begin(), found.start.end(), found.start.begin());
    found.cluster.resize(static_cast<std::size_t>(found.start.back()));
    found.value.resize(found.cluster.size());
    parallel_for_rows(centroids.d, 256, n_threads, [&](index_t begin, index_t end, int) {
        auto place = static_cast<std::size_t>(found.start[static_cast<std::size_t>(begin)]);
        for (index_t j = begin; j < end; ++j)
            for_each_nonzero(j, [&](index_t c, float value) {
                found.cluster[place] = static_cast<std::int32_t>(c);
                found.value[place++] = value;
            });
    });
    return found;
}

}  // namespace coterie::cluster
