#include "cluster/filter_choice.hpp"

#include <unistd.h>

#include "core/check.hpp"

namespace coterie::cluster {
namespace {

// Below these the padding to tiles of 32 x 32 eats what the matrix unit gains.
constexpr index_t kLeastFeatures = 16;
constexpr index_t kLeastClusters = 8;

// Rough costs in cycles of one core, for the comparison only: a float32 multiply-add runs at 32 a cycle, a
// bfloat16 one at 400 or more, a canonical score at 4 plus a fixed cost for its scattered read.
constexpr double kFloat32Rate = 32, kBf16Rate = 400, kCanonicalRate = 4, kCanonicalStart = 60;

// The packed copy may take a quarter of the memory that is free now; else rows are packed each time they are
// read.
bool copy_fits(index_t n, index_t d) {
    const double available =
        static_cast<double>(sysconf(_SC_AVPHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
    return static_cast<double>(n) * static_cast<double>(d) * 2 < available / 4;
}

}  // namespace

FilterChoice<Dense>::FilterChoice(const Samples<Dense>& samples, index_t k, index_t n_passes,
                                  const std::string& wanted)
    : k_(k), d_(samples.x.cols), may_change_(wanted == "auto") {
    require(wanted == "auto" || wanted == "float32" || wanted == "bfloat16", "kmeans",
            "filter must be 'auto', 'float32' or 'bfloat16'; got '", wanted, "'");
    const bool has_bf16 = kernels::active().bf16 != nullptr;
    require(has_bf16 || wanted != "bfloat16", "kmeans", "instruction set '", kernels::active().name,
            "' has no bfloat16 filter");
    const bool pays = has_bf16 && d_ >= kLeastFeatures && k >= kLeastClusters;
    if (wanted == "bfloat16" || (wanted == "auto" && pays))
        rows_ = std::make_unique<Bf16Rows>(samples, n_passes > 1 && copy_fits(samples.x.rows, d_));
}

void FilterChoice<Dense>::learn(const AssignStats& stats) {
    if (!rows_ || !may_change_ || stats.evaluated == 0) return;
    const double products = static_cast<double>(k_) * static_cast<double>(d_);
    const double compared =
        static_cast<double>(stats.candidates - stats.evaluated) / static_cast<double>(stats.evaluated);
    const double bf16 =
        products / kBf16Rate + compared * (static_cast<double>(d_) / kCanonicalRate + kCanonicalStart);
    if (bf16 > products / kFloat32Rate) rows_.reset();
}

}  // namespace coterie::cluster
