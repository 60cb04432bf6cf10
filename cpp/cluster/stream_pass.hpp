// Passes of Lloyd's algorithm over rows that come block by block. What outlives a block stays: the centroids as the kernels
// want them, the integer sums, and the bounds that spare most rows a look once the centroids settle.
#pragma once

#include <cstdint>
#include <optional>

#include "cluster/assign_labels.hpp"
#include "cluster/partial_step.hpp"
#include "cluster/update_centroids.hpp"

namespace coterie::cluster {

template <typename View>
class StreamPass {
  public:
    StreamPass(index_t n_samples, index_t k, Metric metric, Scales scales, int n_threads);

    // centers: [k][d]. Bounds hold over passes whose labels are those that the pass before left.
    void begin(const float* centers, const PassOptions& options);
    // The rows from number first on; labels: [rows of the block] in/out. options as partial_step's.
    void add(const Samples<View>& block, index_t first, std::int32_t* labels);
    // The partial of all blocks since begin.
    Partial finish();
    // sum_i |x_i|^2 over the same rows, exact.
    const ExactSum& squared_norm() const { return squared_norm_; }

  private:
    index_t n_samples_;
    Centroids<View> centroids_;
    Scales scales_;
    int n_threads_;
    LabelBounds bounds_;
    bool keeps_bounds_, is_settled_ = false;
    std::optional<ClusterSums<View>> sums_;
    PassOptions options_;
    Partial partial_;
    ExactSum squared_norm_;
    index_t n_seen_ = 0;
    index_t n_changed_ = 0;  // labels, in the pass before
};

extern template class StreamPass<Dense>;
extern template class StreamPass<Sparse>;

}  // namespace coterie::cluster
