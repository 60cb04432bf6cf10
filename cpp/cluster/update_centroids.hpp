// Centroid sums that do not depend on order: q_ij = round(w_i x_ij 2^e_j) in int64, so that addition is
// associative and subtraction exact. An iteration moves only the rows whose label changed; threads, shards
// and devices add in any order.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/data_range.hpp"
#include "cluster/dense_sums.hpp"
#include "cluster/label_bounds.hpp"
#include "cluster/samples.hpp"
#include "cluster/split_rows.hpp"
#include "cluster/sum_lines.hpp"

namespace coterie::cluster {

template <typename View>
class ClusterSums {
  public:
    // scales: those of the whole data, of which samples may be a shard.
    ClusterSums(const Samples<View>& samples, index_t k, Scales scales);

    // Forgets every row.
    void clear();
    // Further rows of the same data; those before stay in the sums and cannot move until they come again.
    void go_on_with(const Samples<View>& samples);

    // Takes the rows as held by these clusters (-1: none) although no sum has them: what move_rows then adds
    // up is the difference to sums that had.
    void start_from(const std::int32_t* members);

    // In and out, row-major whatever the layout here: sums [k][d], weight [k]. These, clear() and update_centroids() read no rows,
    // which may be gone.
    void set(const std::int64_t* sums, const std::int64_t* weight);
    void copy(std::int64_t* sums, std::int64_t* weight) const;

    // Moves every row whose label is not the cluster that holds it.
    void move_rows(const std::int32_t* labels);

    // As scikit-learn does: each empty cluster takes the row that is farthest from its own centroid (ties to
    // the lowest row), which leaves the sum it was in. The labels stay as they are; bounds are true of them.
    void relocate_empty(const Centroids<View>& centroids, const std::int32_t* labels,
                        const LabelBounds& bounds);

    // centroids = sums / weights (unit length for cosine); an empty cluster keeps its centroid. Prepares the
    // centroids. Returns |c_new - c_old|^2 for each of them.
    std::vector<double> update_centroids(Centroids<View>& centroids);

    // Sparse: the rows whose means the last update's centroids are, all of them and of equal weight; else nothing.
    std::optional<Members> members_of_means() const;

    // sum_i w_i x_ij and sum_i w_i over the rows of cluster c.
    double sum(index_t c, index_t j) const {
        return static_cast<double>(sums_.at(c, j)) / scale_[static_cast<std::size_t>(j)];
    }
    double weight_of_cluster(index_t c) const;
    const std::vector<std::int64_t>& weight() const {
        return weight_;
    }  // [k] sum of round(w_i * weight_scale)
    // [d] over all clusters, at the scales given.
    std::vector<std::int64_t> feature_sums() const;

  private:
    void list_moved(const std::int32_t* labels);
    void move_row(index_t i, std::int32_t to);
    void move_listed(const std::int32_t* labels);  // the rows of moved_
    void add_listed(const std::int32_t* labels);   // Dense: the same, where none of them is in any sum yet

    const Samples<View>* samples_;
    int n_threads_;
    Metric metric_;
    index_t k_, d_;
    std::vector<double> scale_;  // [d] 2^e_j
    double weight_scale_;        // power of two
    std::conditional_t<std::is_same_v<View, Dense>, DenseSums, SumLines> sums_;
    std::vector<std::int64_t> weight_;
    std::vector<std::int32_t> member_;  // [n] the cluster whose sum holds row i; -1: none
    std::vector<index_t> moved_;        // scratch of move_rows
    std::vector<index_t>
        range_;  // Sparse: feature ranges of about equal nonzero counts, in n_ranged_ nonzeros
    index_t n_ranged_;
    std::vector<double> length_;  // Sparse: [k, padded] what the last update divided means by
    // Sparse: the initial centroids, and those of empty clusters, have terms that no sum has.
    bool terms_exceed_sums_ = true;
};

}  // namespace coterie::cluster
