// Constants and formulas of rounding-error bounds.
#pragma once

#include <cmath>
#include <limits>

namespace coterie::kernels {

inline constexpr double kFloatRoundoff = 0x1p-24;
inline constexpr double kDoubleRoundoff = 0x1p-53;
// Factor that covers the float64 roundings of a bound's own evaluation.
inline constexpr double kUpward = 1 + 1e-6;
// Above this magnitude a float32 score may overflow.
inline constexpr double kFilterLimit = 1e37;

// gamma_n of error analysis (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
inline double gamma(double n, double roundoff) {
    return n * roundoff / (1 - n * roundoff);
}

// The largest float32 that is not above v.
inline float round_down(double v) {
    const float f = static_cast<float>(v);
    return static_cast<double>(f) > v ? std::nextafter(f, -std::numeric_limits<float>::infinity()) : f;
}

}  // namespace coterie::kernels
