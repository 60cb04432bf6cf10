#include "topics/complement_bayes.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/elementary.hpp"
#include "core/parallel.hpp"
#include "kernels/kernels.hpp"
#include "topics/cluster_sums.hpp"

namespace coterie {
namespace {

constexpr index_t kTaskTerms = 1024;

}  // namespace

void complement_weights(const CsrView& x, const std::int32_t* labels, index_t n_clusters, float* told,
                        int n_threads) {
    const ClusterSums counts = cluster_sums(x, labels, n_clusters, nullptr, n_threads);
    std::vector<double> of_term(static_cast<std::size_t>(x.cols), 0.0);
    std::vector<double> of_cluster(static_cast<std::size_t>(n_clusters), 0.0);
    for (std::size_t c = 0; c < of_cluster.size(); ++c)
        for (auto p = static_cast<std::size_t>(counts.indptr[c]);
             p < static_cast<std::size_t>(counts.indptr[c + 1]); ++p) {
            of_cluster[c] += counts.data[p];
            of_term[static_cast<std::size_t>(counts.indices[p])] += counts.data[p];
        }
    double all = 0, mean = 0;
    for (const double total : of_term) all += total;
    for (double& total : of_cluster) {
        // Not below 0: the sums were taken in different orders.
        total = std::max(all - total, 0.0) + static_cast<double>(x.cols);
        mean += total / static_cast<double>(n_clusters);
    }
    for (double& others : of_cluster) others = canonical_log(others / mean);

    std::vector<std::vector<double>> scratch(static_cast<std::size_t>(resolve_thread_count(n_threads)));
    parallel_for_rows(x.cols, kTaskTerms, n_threads, [&](index_t begin, index_t end, int slot) {
        std::vector<double>& share = scratch[static_cast<std::size_t>(slot)];
        share.resize(kTaskTerms);
        for (index_t t = begin; t < end; ++t)
            std::copy(of_cluster.begin(), of_cluster.end(), told + t * n_clusters);
        const std::int32_t* const terms = counts.indices.data();
        for (std::size_t c = 0; c < of_cluster.size(); ++c) {
            const std::int32_t* const first =
                std::lower_bound(terms + counts.indptr[c], terms + counts.indptr[c + 1], begin);
            const std::int32_t* const last = std::lower_bound(first, terms + counts.indptr[c + 1], end);
            const double* const own = counts.data.data() + (first - terms);
            for (index_t p = 0; p < last - first; ++p) {
                const double total = of_term[static_cast<std::size_t>(first[p])];
                share[static_cast<std::size_t>(p)] = (total - own[p] + 1) / (total + 1);
            }
            const index_t padded = ceil_div(last - first, 8) * 8;
            std::fill(share.begin() + (last - first), share.begin() + padded, 1.0);
            kernels::active().logarithms(share.data(), padded);
            for (index_t p = 0; p < last - first; ++p)
                told[first[p] * n_clusters + static_cast<index_t>(c)] =
                    static_cast<float>(of_cluster[c] - share[static_cast<std::size_t>(p)]);
        }
    });
}

}  // namespace coterie
