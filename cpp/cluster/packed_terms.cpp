#include "cluster/packed_terms.hpp"

#include <algorithm>
#include <atomic>

#include "core/parallel.hpp"
#include "kernels/rounding.hpp"

namespace coterie::cluster {
namespace {

constexpr index_t kTermsPerTask = 256;
// Fewer columns are as few cache lines in float32; more than 8 vectors of sums would take several walks over a row.
constexpr index_t kLeastClusters = 33, kMostClusters = 128;
// On narrower vectors turning codes into floats costs what the cache lines save.
constexpr index_t kLeastLanes = 16;
// Packing reads a term's weights once and writes a quarter of that; scoring a nonzero saves the better half of such a read.
constexpr index_t kLeastUses = 4;

}  // namespace

bool PackedTerms::pays(const Samples<Sparse>& samples, index_t k) {
    const CsrView& x = samples.x;
    return kernels::active().lanes >= kLeastLanes && k >= kLeastClusters && k <= kMostClusters &&
           x.nnz() >= kLeastUses * x.cols &&
           std::all_of(x.data + x.indptr[0], x.data + x.indptr[x.rows], [](float v) { return v >= 0; });
}

bool PackedTerms::pack(const Centroids<Sparse>& centroids, int n_threads) {
    const index_t bytes = kernels::packed_term_bytes(centroids.k);
    lines_.resize(static_cast<std::size_t>(centroids.d * bytes));
    const kernels::Table& t = kernels::active();
    std::atomic<bool> is_packed = centroids.largest_norm < kernels::kFilterLimit;
    parallel_for_rows(centroids.d, kTermsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t j = begin; j < end && is_packed; ++j)
            if (!t.pack_term(centroids.term(j), centroids.k, lines_.data() + j * bytes)) is_packed = false;
    });
    return is_packed_ = is_packed;
}

}  // namespace coterie::cluster
