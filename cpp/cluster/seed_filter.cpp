#include "cluster/seed_filter.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/int8_pack.hpp"
#include "kernels/rounding.hpp"

namespace coterie::cluster {
namespace {

// Of shorter rows a distance costs no more than its bound; packing costs as much as several seeds.
constexpr index_t kLeastFeatures = 256;
constexpr index_t kLeastSeeds = 24;

}  // namespace

bool SeedFilter::pays(const Samples<Dense>& samples, index_t k) {
    return samples.metric == Metric::euclidean && samples.x.cols >= kLeastFeatures && k >= kLeastSeeds &&
           samples.x.cols <= kernels::kInt8MostFeatures && has_filter(PackedFormat::int8);
}

index_t SeedFilter::bytes_per_row(index_t n_features) {
    if (n_features < kLeastFeatures || n_features > kernels::kInt8MostFeatures) return 0;
    return kernels::int8_depth(n_features) + static_cast<index_t>(sizeof(PackedSize));
}

SeedFilter::SeedFilter(const Samples<Dense>& samples)
    : samples_(samples),
      rows_(kept_rows(samples, PackedFormat::int8)),
      trials_(0, samples.x.cols, samples.metric) {}

void SeedFilter::aim(const std::vector<index_t>& trials) {
    const index_t d = samples_.x.cols;
    filter_.reset();
    trials_ = Centroids<Dense>(static_cast<index_t>(trials.size()), d, samples_.metric);
    squared_norm_.clear();
    for (std::size_t c = 0; c < trials.size(); ++c) {
        std::copy_n(samples_.x.row(trials[c]), d, trials_.row(static_cast<index_t>(c)));
        squared_norm_.push_back(samples_.squared_norm[static_cast<std::size_t>(trials[c])]);
    }
    trials_.prepare(samples_.n_threads);
    filter_.emplace(samples_, trials_, rows_.get());
}

void SeedFilter::find_nearer(index_t begin, index_t m, const double* closest, FilterScratch& scratch,
                             std::uint8_t* out) const {
    scratch.scores.resize(static_cast<std::size_t>(kPackedRows * filter_->scores_stride()));
    scratch.bounds.resize(static_cast<std::size_t>(kPackedRows));
    scratch.active.resize(static_cast<std::size_t>(m));
    std::iota(scratch.active.begin(), scratch.active.end(), begin);
    filter_->score(scratch.active.data(), m, scratch);
    // (|x|^2 - 2 <x, c>) + |c|^2 from canonical sums is within 2 gamma (|x|^2 + |c|^2); the rest is for
    // roundings of the same order in the bound, whose parts are sums about the mean.
    const double share =
        8 * kernels::gamma(static_cast<double>(samples_.x.cols) + 8, kernels::kDoubleRoundoff);
    for (index_t r = 0; r < m; ++r) {
        const RowBound& bound = scratch.bounds[static_cast<std::size_t>(r)];
        const float* const scores = scratch.scores.data() + r * filter_->scores_stride();
        const double squared_norm = samples_.squared_norm[static_cast<std::size_t>(begin + r)];
        const double known = bound.squared_norm * (1 - 0x1p-50) - bound.norm_error - 2 * bound.error;
        unsigned nearer = 0;
        for (std::size_t c = 0; c < squared_norm_.size(); ++c) {
            const double slack = share * (squared_norm + squared_norm_[c]);
            // Not-a-number and infinite errors leave the row to the canonical distance.
            nearer |= static_cast<unsigned>(!(known - 2 * double{scores[c]} - slack >= closest[r])) << c;
        }
        out[r] = static_cast<std::uint8_t>(nearer);
    }
}

}  // namespace coterie::cluster
