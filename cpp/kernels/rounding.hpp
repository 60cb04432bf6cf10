// Constants and formulas of rounding-error bounds.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace coterie::kernels {

inline constexpr double kFloatRoundoff = 0x1p-24;
inline constexpr double kDoubleRoundoff = 0x1p-53;
// Factor that covers the float64 roundings of a bound's own evaluation.
inline constexpr double kUpward = 1 + 1e-6;
// Above this magnitude a float32 score may overflow.
inline constexpr double kFilterLimit = 1e37;

// At least gamma_n = n u / (1 - n u) of error analysis (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1)
// for n u <= 1/2, without its division: it stands in loops over rows.
constexpr double gamma(double n, double roundoff) {
    const double nu = n * roundoff;
    return nu + 2 * nu * nu;
}

// std::nextafter(v, +-infinity), inline.
inline float next_above(float v) {
    if (!(v < std::numeric_limits<float>::infinity())) return v;
    const auto bits = std::bit_cast<std::int32_t>(v == 0 ? 0.0f : v);
    return std::bit_cast<float>(bits >= 0 ? bits + 1 : bits - 1);
}
inline float next_below(float v) {
    return -next_above(-v);
}

// The largest float32 that is not above v.
inline float round_down(double v) {
    const float f = static_cast<float>(v);
    return static_cast<double>(f) > v ? next_below(f) : f;
}

}  // namespace coterie::kernels
