// How the rows of a CSR matrix use its terms.
#pragma once

#include <vector>

#include "core/types.hpp"

namespace coterie::cluster {

struct TermUse {
    std::vector<float> largest;  // [d] max_i |x_ij|
    std::vector<index_t> count;  // [d] nonzeros
    bool any_negative = false;

    TermUse() = default;
    TermUse(const CsrView& x, int n_threads);
};

}  // namespace coterie::cluster
