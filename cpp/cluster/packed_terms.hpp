// Term-major centroids in bytes, for the filter of CSR rows: a term's weights for 100 clusters are two cache lines, not seven.
#pragma once

#include <cstdint>

#include "cluster/centroids.hpp"
#include "cluster/samples.hpp"
#include "core/large_vector.hpp"

namespace coterie::cluster {

class PackedTerms {
  public:
    // No term is negative, and scoring all rows saves more than packing the centroids costs.
    static bool pays(const Samples<Sparse>& samples, index_t k);

    // From these centroids, whatever it held. False: some are beyond what bytes can say.
    bool pack(const Centroids<Sparse>& centroids, int n_threads);
    bool is_packed() const { return is_packed_; }                // since the last call
    const std::uint8_t* lines() const { return lines_.data(); }  // [d] of kernels::packed_term_bytes(k)

  private:
    LargeVector<std::uint8_t> lines_;
    bool is_packed_ = false;
};

}  // namespace coterie::cluster
