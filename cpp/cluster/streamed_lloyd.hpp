// Lloyd's algorithm over rows that come block by block, again in every pass. What outlives a block stays from pass to pass: the
// centroids as the kernels want them, the integer sums, of which a pass moves only the rows whose label changed, and the bounds
// that spare most rows a look once the centroids settle.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cluster/assign_labels.hpp"
#include "cluster/update_centroids.hpp"

namespace coterie::cluster {

struct PassResult {
    AssignStats stats;
    ExactSum inertia;       // of the last pass, with its centroids
    ExactSum squared_norm;  // sum_i |x_i|^2 over the rows that came
    const char* filter = "";
};

template <typename View>
class StreamedLloyd {
  public:
    StreamedLloyd(index_t n_samples, index_t k, Metric metric, Scales scales, int n_threads);

    // From these centroids on, [k][d], which Metric::cosine normalises if they are new; what is known of rows is forgotten.
    void start(const float* centers, bool are_new);
    // A pass over all rows. The last one finds labels and inertia and leaves the sums as they are.
    void begin(bool is_last);
    // The rows from number first on. labels: [rows of the block] in/out, those that the pass before left, if there was one.
    void add(const Samples<View>& block, index_t first, std::int32_t* labels);
    PassResult finish();

    // [k] of the sums; 0: an empty cluster.
    const std::vector<std::int64_t>& cluster_weight() const { return sums_->weight(); }
    // After a pass. As if the rows of moved, which are in the clusters from, were in the clusters to: [rows of moved].
    // Returns |c_new - c_old|^2.
    std::vector<double> update_centroids(const Samples<View>& moved, const std::int32_t* from,
                                         const std::int32_t* to);
    const Centroids<View>& centroids() const { return centroids_; }

  private:
    index_t n_samples_;
    Centroids<View> centroids_;
    Scales scales_;
    int n_threads_;
    LabelBounds bounds_;
    bool keeps_bounds_ = false, is_settled_ = false;
    bool has_rows_ = false;  // the sums, all of them by the labels of the pass before
    bool is_last_ = false;
    std::optional<ClusterSums<View>> sums_;  // since the first block
    PassResult pass_;
    index_t n_seen_ = 0;  // rows, in the pass
};

extern template class StreamedLloyd<Dense>;
extern template class StreamedLloyd<Sparse>;

}  // namespace coterie::cluster
