#include "cluster/narrow_rows.hpp"

#include <cmath>
#include <limits>

#include "core/prefetch.hpp"
#include "kernels/rounding.hpp"

namespace coterie::cluster {
namespace {

// Rough cycles of one core: what bounds cost a row over the iterations of a fit. Below it they never pay.
constexpr double kMostCycles = 120;
// A score takes its products and a cycle to be stored and searched; a row that is scored, so much for its rivals and gaps.
constexpr double kCyclesPerScore = 1.25, kCyclesPerRow = 250;
// Of that cost: a row in its lanes takes no more than the first, or than what bounds leave of a fit's rows, which is the second.
constexpr double kMostAtFirst = 0.7, kMostAlways = 0.25;
// One change in so many rows. Measured on 2 to 48 features and 64 to 5,000 centroids, fits of 5 to 200 iterations.
constexpr index_t kSettled = 50;

}  // namespace

// A value comes from memory and into its lane in a cycle; a score takes d products, its place among the best five steps.
RowCycles cycles_of(const Dense& x, index_t k, double products_per_cycle, index_t depth) {
    const auto d = static_cast<double>(x.cols), lanes = static_cast<double>(kernels::active().lanes);
    const double per_score = kCyclesPerScore * (1 + static_cast<double>(depth) / products_per_cycle);
    return {d + static_cast<double>(k) * (d + 5) / (2 * lanes),
            kCyclesPerRow + static_cast<double>(k) * per_score};
}

Lanes lanes_for(const RowCycles& cycles, index_t k) {
    if (k > kernels::kMostLaneColumns) return Lanes::never;
    if (cycles.in_lanes <= std::max(kMostCycles, kMostAlways * cycles.scored)) return Lanes::always;
    return cycles.in_lanes <= kMostAtFirst * cycles.scored ? Lanes::at_first : Lanes::never;
}

bool is_settled(index_t changed, index_t n_samples) {
    return changed * kSettled <= n_samples;
}

std::uint64_t NarrowRows::label(index_t first, index_t m, FilterScratch& scratch,
                                std::int32_t* labels) const {
    const index_t d = samples_.x.cols;
    scratch.gathered.resize(static_cast<std::size_t>(2 * kernels::kLaneRows * d));
    float* const lanes = scratch.gathered.data();
    const float* x = samples_.x.row(first);
    index_t ldx = samples_.x.stride;
    if (m < kernels::kLaneRows) {  // all of them have to be there
        float* const whole = lanes + kernels::kLaneRows * d;
        std::fill(whole, whole + kernels::kLaneRows * d, 0.0f);
        for (index_t r = 0; r < m; ++r) std::copy_n(x + r * ldx, d, whole + r * d);
        x = whole;
        ldx = d;
    }
    // Rows come into their lanes by four values of many rows at a time, an order that the hardware does not foresee.
    if (const index_t ahead = std::min(kernels::kLaneRows, samples_.x.rows - first - m); ahead > 0)
        prefetch(samples_.x.row(first + m), (ahead - 1) * samples_.x.stride + d);
    // One bound for all: of the longest row, which for the others is seldom much too large.
    const double* const squared_norm = samples_.squared_norm.data() + first;
    const double error = error_(std::sqrt(*std::max_element(squared_norm, squared_norm + m)));
    if (error == std::numeric_limits<double>::infinity()) return ~std::uint64_t{0};  // scores may overflow
    const float reach = kernels::next_above(static_cast<float>(2 * error * kernels::kUpward));
    return kernels::active().label_rows(x, ldx, centroids_.values.data(), centroids_.bias.data(),
                                        centroids_.k, d, reach, lanes, labels);
}

}  // namespace coterie::cluster
