// Term-major centroids in bytes, for the filter of CSR rows: a term's weights for 100 clusters are two cache lines, not seven.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "cluster/centroids.hpp"
#include "cluster/samples.hpp"
#include "cluster/split_rows.hpp"
#include "core/large_vector.hpp"

namespace coterie::cluster {

class PackedTerms {
  public:
    // No term is negative, and scoring all rows saves more than packing the centroids costs.
    static bool pays(const Samples<Sparse>& samples, index_t k);

    // samples must outlive it; its rows are scored n_passes times.
    PackedTerms(const Samples<Sparse>& samples, index_t n_passes);

    // Whose means the centroids of the next pass are, if they are.
    void set_members(std::optional<Members> members) { members_ = std::move(members); }

    // From these centroids, whatever it held. False: some are beyond what bytes can say.
    bool pack(const Centroids<Sparse>& centroids, int n_threads);
    bool is_packed() const { return is_packed_; }  // since the last call

    const std::uint8_t* lines() const { return lines_.data(); }  // of kernels::packed_term_bytes(k)
    SparseRow row(index_t i) const { return is_split_ ? split_->frequent(i) : sparse_row(samples_.x, i); }
    // Adds to the scores of m rows, ld apart, what row() leaves out of them.
    void add_rest(const index_t* rows, index_t m, float* scores, index_t ld) const {
        if (is_split_) split_->add_rare(rows, m, *members_, scores, ld);
    }
    const SplitRows* split() const { return is_split_ ? &*split_ : nullptr; }

  private:
    const Samples<Sparse>& samples_;
    std::optional<SplitRows> split_;
    std::optional<Members> members_;
    LargeVector<std::uint8_t> lines_;
    bool is_packed_ = false, is_split_ = false;
};

}  // namespace coterie::cluster
