// What is known of the rows of a pass, from the bounds and, where a few centroids moved far, from the scores against those.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "cluster/centroids.hpp"
#include "cluster/filter.hpp"
#include "cluster/label_bounds.hpp"
#include "cluster/samples.hpp"

namespace coterie::cluster {

inline index_t n_products(const Dense& x, index_t) {
    return x.cols;
}
inline index_t n_products(const Sparse& x, index_t i) {
    return x.indptr[i + 1] - x.indptr[i];
}

// What a filter of few centroids reads: the weights of CSR terms are a cache line as they are, and bytes hold all centroids.
inline const PackedRows* packed_for_few(const PackedRows* packed) {
    return packed;
}
inline PackedTerms* packed_for_few(PackedTerms*) {
    return nullptr;
}

// The centroids that moved farthest, and the filter that scores rows against them alone.
template <typename View>
struct FarMovers {
    FarMovers(const Samples<View>& samples, const Centroids<View>& all,
              const std::vector<std::int32_t>& chosen, typename Filter<View>::Packed* packed)
        : centroids(all.select(chosen, samples.n_threads)),
          filter(samples, centroids, packed_for_few(packed)) {}

    Centroids<View> centroids;
    Filter<View> filter;
};

template <typename View>
class Standings {
  public:
    // bounds: true of labels and these centroids, or null where nothing is known of any row.
    Standings(const Samples<View>& samples, const Centroids<View>& centroids, const std::int32_t* labels,
              typename Filter<View>::Packed* packed, LabelBounds* bounds)
        : samples_(samples), centroids_(centroids), labels_(labels), bounds_(bounds) {
        if (bounds == nullptr) return;
        bounds->set_rounding(centroids, std::sqrt(samples.largest_squared_norm), samples.x.cols);
        if (centroids.k <= Filter<View>::kScoredAtOnce || bounds->far_movers().empty()) return;
        far_ = std::make_unique<FarMovers<View>>(samples, centroids, bounds->far_movers(), packed);
        if (!far_->filter.knows_offset()) far_.reset();
    }

    // Moves the row's bounds along with the centroids; once for every row of the pass.
    Standing before_scores(index_t i) const {
        if (bounds_ == nullptr) return Standing::unknown;
        const Standing standing = bounds_->moves_along(i, labels_[i], [&] { return rounding(i); });
        return standing == Standing::exposed && !far_ ? Standing::unknown : standing;
    }

    // The filter of the far movers, to which rows may be exposed; null: none are.
    const Filter<View>* far_filter() const { return far_ ? &far_->filter : nullptr; }
    // For a row that it has scored: see LabelBounds.
    void take_scores(index_t i, float* scores, const RowBound& bound) const {
        bounds_->take_scores(i, labels_[i], scores, bound, [&] { return rounding(i).first; });
    }
    Standing among_far_movers(index_t i, float best, const RowBound& bound) const {
        return bounds_->meet_far_movers(i, best, bound, [&] { return rounding(i); });
    }

  private:
    std::pair<double, double> rounding(index_t i) const {
        const double norm = std::sqrt(samples_.squared_norm[static_cast<std::size_t>(i)]);
        return {norm, canonical_error(centroids_, norm, n_products(samples_.x, i))};
    }

    const Samples<View>& samples_;
    const Centroids<View>& centroids_;
    const std::int32_t* labels_;
    LabelBounds* bounds_;
    std::unique_ptr<FarMovers<View>> far_;
};

}  // namespace coterie::cluster
