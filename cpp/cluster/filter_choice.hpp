// Which filter a fit uses: chosen by shape, revised by the candidates it is seen to leave.
#pragma once

#include <memory>
#include <string>

#include "cluster/assign_labels.hpp"
#include "cluster/filter.hpp"
#include "cluster/samples.hpp"

namespace coterie::cluster {

template <typename View>
class FilterChoice;

template <>
class FilterChoice<Dense> {
  public:
    // wanted: "auto", "float32" or "bfloat16". n_passes: how often the rows will be read, at most; for one
    // pass no packed copy is kept. Throws std::invalid_argument when bfloat16 is wanted and the instruction
    // set has no such filter.
    FilterChoice(const Samples<Dense>& samples, index_t k, index_t n_passes,
                 const std::string& wanted = "auto");

    // Rows for the bfloat16 filter, or null for the float32 one.
    const Bf16Rows* rows() const { return rows_.get(); }
    const char* name() const { return rows_ ? "bfloat16" : "float32"; }
    // Returns to float32 where bfloat16 leaves so many candidates that comparing them costs more than it
    // saves.
    void learn(const AssignStats& stats);

  private:
    index_t k_, d_;
    bool may_change_;
    std::unique_ptr<Bf16Rows> rows_;
};

// CSR rows have the float32 filter only.
template <>
class FilterChoice<Sparse> {
  public:
    FilterChoice(const Samples<Sparse>&, index_t, index_t, const std::string& = "auto") {}

    const Bf16Rows* rows() const { return nullptr; }
    const char* name() const { return "float32"; }
    void learn(const AssignStats&) {}
};

}  // namespace coterie::cluster
