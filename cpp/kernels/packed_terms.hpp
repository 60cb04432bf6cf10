// Term-major centroids in bytes: how the weights of one term lie in memory.
#pragma once

#include <cstdint>

#include "core/types.hpp"

namespace coterie::kernels {

// Weight c >= 0 of a term is step * code[c] up to kLostInCode * step. A line holds the codes, padded to kCodeColumns, then step
// in float32; lines are whole cache lines.
inline constexpr index_t kCodeColumns = 16;
inline constexpr double kLostInCode = 0.5001;  // half a step, and what float32 rounds on the way to a code
inline constexpr float kMostCode = 255;

// Internal linkage: what one ISA file's flags make of them is never merged with another's.
static constexpr index_t code_columns(index_t k) {
    return (k + kCodeColumns - 1) / kCodeColumns * kCodeColumns;
}
static constexpr index_t packed_term_bytes(index_t k) {
    return (code_columns(k) + static_cast<index_t>(sizeof(float)) + 63) / 64 * 64;
}

}  // namespace coterie::kernels
