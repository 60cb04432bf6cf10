// Which filter a fit uses: chosen on a sample of the rows, revised by what it is seen to leave.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/assign_labels.hpp"
#include "cluster/filter.hpp"
#include "cluster/narrow_rows.hpp"
#include "cluster/samples.hpp"
#include "cluster/update_centroids.hpp"

namespace coterie::cluster {

// In which passes rows like these stand in lanes, by the filters of the instruction set in use.
Lanes lanes_for(const Dense& x, index_t k);
inline Lanes lanes_for(const Sparse&, index_t) {
    return Lanes::never;
}

template <typename View>
class FilterChoice;

template <>
class FilterChoice<Dense> {
  public:
    // wanted: "auto", "float32", "narrow" (float32 with rows in the lanes), "bfloat16" or "int8". n_passes: how often the rows will be
    // read, at most; for one pass no packed copy is kept. Throws std::invalid_argument when the instruction set lacks the filter wanted.
    FilterChoice(const Samples<Dense>& samples, const Centroids<Dense>& centroids, index_t n_passes,
                 const std::string& wanted = "auto");

    // Rows for a filter on a small format, or null for the float32 one.
    const PackedRows* packed() const { return rows_.get(); }
    // Whether float32 scores are had with rows in the lanes.
    bool is_narrow() const { return is_narrow_; }
    const char* name() const { return rows_ && !is_narrow_ ? name_of(rows_->format()) : "float32"; }
    // Takes what a pass left: rows that have settled leave their lanes or return to them, float32 takes over where it would have cost
    // less, and a packed copy where many rows stay contested.
    void learn(const AssignStats& stats);
    void learn(const ClusterSums<Dense>&) {}
    // The labels have settled in an earlier pass over these and other rows.
    void leave_lanes();

  private:
    void start();
    void choose(const std::vector<PackedFormat>& formats);
    void use(PackedFormat format);
    void pack_for_contested(index_t contested);
    void return_to_lanes(const AssignStats& stats);
    double cost(PackedFormat format, const AssignStats& stats) const;  // of a row, in cycles, roughly
    double float32_cost() const;

    const Samples<Dense>& samples_;
    const Centroids<Dense>& centroids_;
    index_t k_, n_passes_;
    bool is_narrow_ = false, leaves_lanes_ = false, may_change_ = false;
    bool has_bounds_ = false;  // since it left its lanes
    index_t settled_after_ = 1;
    double could_have_saved_ = 0;  // cycles
    std::shared_ptr<const PackedRows> rows_;
};

// CSR rows have the filters on float32 and on terms in bytes ("int8").
template <>
class FilterChoice<Sparse> {
  public:
    FilterChoice(const Samples<Sparse>& samples, const Centroids<Sparse>& centroids, index_t n_passes,
                 const std::string& wanted = "auto");

    // Where the filter on bytes keeps its terms, or null for the float32 one.
    PackedTerms* packed() const { return terms_.get(); }
    bool is_narrow() const { return false; }
    void leave_lanes() {}
    const char* name() const { return terms_ && terms_->is_packed() ? "int8" : "float32"; }
    void learn(const AssignStats&) {}
    // Takes whose means the centroids are after an update.
    void learn(const ClusterSums<Sparse>& sums) {
        if (terms_) terms_->set_members(sums.members_of_means());
    }

  private:
    std::unique_ptr<PackedTerms> terms_;
};

}  // namespace coterie::cluster
