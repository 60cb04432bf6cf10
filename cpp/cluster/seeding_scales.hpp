// The integers that seeds are drawn by: round(w D^2 potential), and round(w weight) where no distance is known yet.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "cluster/samples.hpp"

namespace coterie::cluster {

// Powers of two that keep the sums over all rows below 2^62.
struct SeedingScales {
    double potential = 1, weight = 1;

    // D^2 <= 4 max |x|^2, or 2 for cosine.
    SeedingScales(Metric metric, double largest_squared_norm, double total_weight) {
        const double largest = metric == Metric::cosine ? 2.0 : 4 * largest_squared_norm;
        potential = for_sum(std::max(largest * total_weight, std::numeric_limits<double>::min()));
        weight = for_sum(total_weight);
    }

  private:
    static double for_sum(double largest_sum) {
        int exponent;
        std::frexp(largest_sum, &exponent);
        return std::ldexp(1.0, std::clamp(61 - exponent, -1000, 1000));
    }
};

}  // namespace coterie::cluster
