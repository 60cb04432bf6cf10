// Which rows a new seed may be nearer to than the seeds before: of the others k-means++ need not know the distance.
//
// The int8 filter bounds |x - c|^2 from below, with the rounding of the canonical distance taken off. Where that
// bound is not below the D^2 a row has, min(D^2, distance) is the D^2 it has, whatever the last bits of the distance are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/filter.hpp"
#include "cluster/packed_rows.hpp"
#include "cluster/samples.hpp"

namespace coterie::cluster {

class SeedFilter {
  public:
    // Packs the rows; samples: dense, euclidean, and kept by the caller.
    explicit SeedFilter(const Samples<Dense>& samples);

    // Whether it saves more than it costs when k seeds are drawn.
    static bool pays(const Samples<Dense>& samples, index_t k);

    // Bytes that it holds for each row of n_features, 0 where rows of that length get none.
    static index_t bytes_per_row(index_t n_features);

    // The rows of samples that may become seeds now, up to eight.
    void aim(const std::vector<index_t>& trials);
    // Bit c of out[r]: trial c may be nearer to row begin + r than D^2 = closest[r]. For m <= kPackedRows rows.
    void find_nearer(index_t begin, index_t m, const double* closest, FilterScratch& scratch,
                     std::uint8_t* out) const;

  private:
    const Samples<Dense>& samples_;
    std::shared_ptr<const PackedRows> rows_;
    Centroids<Dense> trials_;
    std::vector<double> squared_norm_;  // of the trials
    std::optional<Filter<Dense>> filter_;
};

}  // namespace coterie::cluster
