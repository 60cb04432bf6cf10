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
constexpr index_t kPassesForCopy = 4;  // of the rows, without the terms that need not be packed

}  // namespace

bool PackedTerms::pays(const Samples<Sparse>& samples, index_t k) {
    const CsrView& x = samples.x;
    return kernels::active().lanes >= kLeastLanes && k >= kLeastClusters && k <= kMostClusters &&
           x.nnz() >= kLeastUses * x.cols && !samples.term_use().any_negative;
}

PackedTerms::PackedTerms(const Samples<Sparse>& samples, index_t n_passes) : samples_(samples) {
    if (n_passes >= kPassesForCopy && SplitRows::pay(samples)) split_.emplace(samples);
}

bool PackedTerms::pack(const Centroids<Sparse>& centroids, int n_threads) {
    is_split_ = split_ && members_;
    const index_t bytes = kernels::packed_term_bytes(centroids.k);
    const index_t n_terms = is_split_ ? static_cast<index_t>(split_->frequent_terms().size()) : centroids.d;
    lines_.resize(static_cast<std::size_t>(n_terms * bytes));
    const kernels::Table& t = kernels::active();
    std::atomic<bool> is_packed = centroids.largest_norm < kernels::kFilterLimit;
    parallel_for_rows(n_terms, kTermsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t l = begin; l < end && is_packed; ++l) {
            const index_t j = is_split_ ? split_->frequent_terms()[static_cast<std::size_t>(l)] : l;
            if (!t.pack_term(centroids.term(j), centroids.k, lines_.data() + l * bytes)) is_packed = false;
        }
    });
    return is_packed_ = is_packed;
}

}  // namespace coterie::cluster
