// Some rows as samples of their own: a uniform sample, or those listed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cluster/samples.hpp"

namespace coterie::cluster {

// The n_rows <= n rows with the smallest random keys, increasing: every subset is as likely, whoever draws the
// keys in whatever order.
std::vector<index_t> rows_with_smallest_keys(index_t n, index_t n_rows, std::uint64_t seed);

// How many rows kmeans_plusplus draws its seeds from when there are more, and which.
index_t rows_for_seeding(index_t k);
std::vector<index_t> rows_to_seed_from(index_t n, index_t k, std::uint64_t seed);

template <typename View>
class SampledRows {
  public:
    // n_rows distinct rows, a function of the seed and the number of rows alone; copies them.
    SampledRows(const Samples<View>& samples, index_t n_rows, std::uint64_t seed);
    // The rows listed, with weights of their own; copies them.
    SampledRows(const Samples<View>& samples, std::vector<index_t> rows, std::vector<double> weight);

    // The sampled rows with their weights and the metric of their source.
    const Samples<View>& samples() const { return *samples_; }
    // Where sampled row i stands in the source.
    index_t source_row(index_t i) const { return rows_[static_cast<std::size_t>(i)]; }

  private:
    void copy_rows(const Dense& x, Dense& view);
    void copy_rows(const Sparse& x, Sparse& view);

    std::vector<index_t> rows_;
    std::vector<float> data_;
    std::vector<std::int32_t> indices_;
    std::vector<std::int64_t> indptr_;
    std::vector<double> weight_;
    std::unique_ptr<Samples<View>> samples_;
};

}  // namespace coterie::cluster
