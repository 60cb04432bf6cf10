#include "cluster/filter_choice.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/check.hpp"

namespace coterie::cluster {
namespace {

// Below these the padding to tiles of 32 x 32 eats what the matrix unit gains.
constexpr index_t kLeastFeatures = 16;
constexpr index_t kLeastClusters = 8;

// A trial scores so many rows; data of fewer than eight times that, or read once, are not worth one.
constexpr index_t kSampleRows = 2048;

// Rough costs in cycles of one core, for the comparison only: a float32 multiply-add runs at 32 a cycle; two columns are
// compared at 8 a cycle, canonical scores at 4, each plus a fixed cost, the latter for its scattered read.
// A byte of the packed copy is cleared by the system and written once a fit.
constexpr double kFloat32Rate = 32, kPairRate = 8, kPairStart = 40, kCanonicalRate = 4, kCanonicalStart = 60,
                 kCopyPerByte = 2;
// A contested row comes from memory: what a feature less of float32 and more of a packed row saves, and a canonical score.
constexpr double kContestedPerFeature = 1, kContestedStart = 100;
constexpr index_t kSettledAgain = 8;
// Passes that look at most rows; bounds leave few of them to the others.
constexpr index_t kFullPasses = 2;

// The packed copy may take a quarter of the memory that is free now; else rows are packed each time they are
// read.
bool copy_fits(index_t n, index_t d) {
    const double available =
        static_cast<double>(sysconf(_SC_AVPHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
    return static_cast<double>(n) * static_cast<double>(d) * 2 < available / 4;
}

// Formats that pay on this instruction set if they leave few candidates, that with the smallest error first.
std::vector<PackedFormat> formats_that_pay(index_t d, index_t k) {
    std::vector<PackedFormat> formats;
    if (d < kLeastFeatures || k < kLeastClusters || d > kernels::kInt8MostFeatures) return formats;
    for (const PackedFormat format : {PackedFormat::bfloat16, PackedFormat::int8})
        if (has_filter(format) && products_per_cycle(format) > 2 * kFloat32Rate) formats.push_back(format);
    return formats;
}

void check_name(const std::string& wanted) {
    require(wanted == "auto" || wanted == "float32" || wanted == "narrow" || wanted == "bfloat16" ||
                wanted == "int8",
            "kmeans", "filter must be 'auto', 'float32', 'narrow', 'bfloat16' or 'int8'; got '", wanted, "'");
}

// By the fastest filter that pays.
RowCycles row_cycles(const Dense& x, index_t k) {
    const std::vector<PackedFormat> formats = formats_that_pay(x.cols, k);
    if (formats.empty()) return cycles_of(x, k, kFloat32Rate, x.cols);
    const PackedFormat format = formats.back();
    return cycles_of(x, k, products_per_cycle(format), depth_of(format, x.cols));
}

}  // namespace

Lanes lanes_for(const Dense& x, index_t k) {
    return lanes_for(row_cycles(x, k), k);
}

FilterChoice<Dense>::FilterChoice(const Samples<Dense>& samples, const Centroids<Dense>& centroids,
                                  index_t n_passes, const std::string& wanted)
    : samples_(samples), centroids_(centroids), k_(centroids.k), n_passes_(n_passes) {
    check_name(wanted);
    if (wanted == "narrow") {
        is_narrow_ = true;
    } else if (wanted == "auto") {
        const Lanes lanes = lanes_for(samples.x, k_);
        is_narrow_ = lanes != Lanes::never;
        leaves_lanes_ = lanes == Lanes::at_first;
        if (!is_narrow_) start();
    } else if (wanted != "float32") {
        const PackedFormat format = wanted == "int8" ? PackedFormat::int8 : PackedFormat::bfloat16;
        require(has_filter(format), "kmeans", "instruction set '", kernels::active().name, "' has no ",
                wanted, " filter");
        use(format);
    }
}

void FilterChoice<Dense>::start() {
    const std::vector<PackedFormat> formats = formats_that_pay(samples_.x.cols, k_);
    if (formats.empty()) return;
    may_change_ = true;
    const bool is_small = samples_.x.rows < 8 * kSampleRows;
    // bfloat16 is safe without a trial: what it leaves seldom costs much. int8 is not where rows are read once.
    const bool is_bfloat16 = formats.front() == PackedFormat::bfloat16;
    if (!is_small && (n_passes_ > 1 || !is_bfloat16)) {
        choose(formats);
    } else if (n_passes_ > 1 || is_bfloat16) {
        use(formats.front());
    }
}

void FilterChoice<Dense>::use(PackedFormat format) {
    const bool keep = n_passes_ > 1 && copy_fits(samples_.x.rows, samples_.x.cols);
    rows_ = keep ? kept_rows(samples_, format) : std::make_shared<const PackedRows>(samples_, format, false);
}

void FilterChoice<Dense>::choose(const std::vector<PackedFormat>& formats) {
    const Dense& x = samples_.x;
    const index_t step = x.rows / kSampleRows;
    const Samples<Dense> sample({x.data, x.rows / step, x.cols, x.stride * step}, nullptr, samples_.metric,
                                samples_.n_threads);
    std::vector<std::int32_t> labels(static_cast<std::size_t>(sample.x.rows), -1);
    const auto n_full_passes = static_cast<double>(std::min(n_passes_, kFullPasses));
    const auto cost_of = [&](PackedFormat format) {
        const PackedRows rows(sample, format, false);
        const double copied = n_passes_ > 1 ? kCopyPerByte * static_cast<double>(rows.row_bytes()) : 0;
        return copied / n_full_passes + cost(format, assign_labels(sample, centroids_, labels.data(), &rows));
    };
    std::optional<PackedFormat> chosen;
    double least = float32_cost();
    for (const PackedFormat format : formats) {
        const double found = cost_of(format);
        if (found >= least) continue;
        chosen = format;
        least = found;
    }
    if (chosen) use(*chosen);
}

double FilterChoice<Dense>::float32_cost() const {
    return static_cast<double>(k_) * static_cast<double>(samples_.x.cols) / kFloat32Rate;
}

double FilterChoice<Dense>::cost(PackedFormat format, const AssignStats& stats) const {
    const auto d = static_cast<double>(samples_.x.cols), rows = static_cast<double>(stats.evaluated);
    const double pairs = static_cast<double>(stats.pairs) / rows;
    const auto looked_at = static_cast<double>(stats.evaluated + stats.contested);
    const double compared = (static_cast<double>(stats.candidates) - looked_at) / looked_at;
    return static_cast<double>(k_) * d / products_per_cycle(format) + pairs * (d / kPairRate + kPairStart) +
           compared * (d / kCanonicalRate + kCanonicalStart);
}

void FilterChoice<Dense>::leave_lanes() {
    if (!leaves_lanes_) return;
    is_narrow_ = false;
    has_bounds_ = false;
    if (!rows_) start();
}

// Few changes of labels can still leave many rows to be scored or compared. Rows that have come back to their lanes stay until far
// fewer change.
void FilterChoice<Dense>::return_to_lanes(const AssignStats& stats) {
    const auto n = static_cast<double>(samples_.x.rows), d = static_cast<double>(samples_.x.cols);
    const RowCycles cycles = row_cycles(samples_.x, k_);
    const double spent =
        static_cast<double>(stats.evaluated) * cycles.scored +
        static_cast<double>(stats.contested + stats.exposed) * (kContestedPerFeature * d + kContestedStart);
    if (spent <= n * cycles.in_lanes) return;
    is_narrow_ = true;
    settled_after_ *= kSettledAgain;
}

void FilterChoice<Dense>::learn(const AssignStats& stats) {
    if (is_narrow_) {
        if (is_settled(stats.changed * settled_after_, samples_.x.rows)) leave_lanes();
        return;
    }
    if (leaves_lanes_ && std::exchange(has_bounds_, true)) return_to_lanes(stats);
    if (is_narrow_ || !may_change_) return;
    if (!rows_) {
        pack_for_contested(stats.contested);
        return;
    }
    // The few rows that bounds leave in late passes are the hard ones, and say nothing of the others.
    if (stats.evaluated * 4 < samples_.x.rows) return;
    if (cost(rows_->format(), stats) > float32_cost()) rows_.reset();
}

// Whether most rows are soon decided or contested to the end shows only on the way: once a packed copy would have paid for itself,
// it is made.
void FilterChoice<Dense>::pack_for_contested(index_t contested) {
    const auto n = static_cast<double>(samples_.x.rows), d = static_cast<double>(samples_.x.cols);
    could_have_saved_ += static_cast<double>(contested) * (kContestedPerFeature * d + kContestedStart);
    if (could_have_saved_ < kCopyPerByte * n * d || !copy_fits(samples_.x.rows, samples_.x.cols)) return;
    may_change_ = false;
    use(formats_that_pay(samples_.x.cols, k_).back());
}

FilterChoice<Sparse>::FilterChoice(const Samples<Sparse>& samples, const Centroids<Sparse>& centroids,
                                   index_t n_passes, const std::string& wanted) {
    check_name(wanted);
    require(wanted != "bfloat16" && wanted != "narrow", "kmeans", "CSR rows have no ", wanted, " filter");
    if (wanted == "int8" || (wanted == "auto" && PackedTerms::pays(samples, centroids.k)))
        terms_ = std::make_unique<PackedTerms>(samples, n_passes);
}

}  // namespace coterie::cluster
