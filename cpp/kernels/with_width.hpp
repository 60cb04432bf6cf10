// From a width that is known at run time to code for that width, under the rules of body.hpp.
#pragma once

#include "core/types.hpp"

namespace coterie::kernels {

// use.operator()<W>() for W = width, 1 <= width <= Most.
template <int Most, typename Use>
static inline auto with_width(index_t width, const Use& use) noexcept {
    if constexpr (Most > 1)
        if (width < Most) return with_width<Most - 1>(width, use);
    return use.template operator()<Most>();
}

}  // namespace coterie::kernels
