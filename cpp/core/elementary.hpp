// ln, exp and ln Gamma from additions, products and divisions alone. Those of the C library change their last bit with
// its version and with the CPU that it finds; these give the same bits everywhere.
#pragma once

#include <bit>
#include <cstdint>

namespace coterie {

inline constexpr double kLn2High =
    0x1.62e42fee00000p-1;  // ln 2 = high + low; n * high is exact for |n| < 2^20
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

// 1 / 13!, 1 / 12!, ..., 1 / 1!, 1 / 0!
inline constexpr int kExpTerms = 14;
inline constexpr double kExpSeries[kExpTerms] = {
    1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
    1.0 / 720,        1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1,           1};

// The bits of sqrt(1/2), and the series of (atanh(s) / s - 1) / s^2 in s^2.
inline constexpr std::uint64_t kSqrtHalf = 0x3FE6A09E667F3BCD;
inline constexpr int kLogTerms = 11;
inline constexpr double kLogSeries[kLogTerms] = {1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13,
                                                 1.0 / 11, 1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3};

// x > 0 and not denormal; relative error below 2^-51.
inline double canonical_log(double x) {
    // x = 2^e m with m in [sqrt(1/2), sqrt(2)); ln m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.172.
    const auto bits = std::bit_cast<std::uint64_t>(x);
    const std::int64_t e = static_cast<std::int64_t>(bits - kSqrtHalf) >> 52;
    const double m = std::bit_cast<double>(bits - (static_cast<std::uint64_t>(e) << 52));
    const double s = (m - 1) / (m + 1), z = s * s;
    double series = kLogSeries[0];
    for (int c = 1; c < kLogTerms; ++c) series = series * z + kLogSeries[c];
    const double n = static_cast<double>(e);
    return n * kLn2High + (2 * s + (2 * s * (z * series) + n * kLn2Low));
}

// -700 <= x <= 700; relative error below 2^-50. Without branches and conversions, so that loops over it vectorise.
inline double canonical_exp(double x) {
    // x = n ln 2 + r, |r| <= 0.347: adding 1.5 * 2^52 leaves the nearest integer in the low bits of the sum.
    constexpr double kRound = 0x1.8p52;
    const double shifted = x * 0x1.71547652b82fep+0 + kRound, n = shifted - kRound;
    const double r = (x - n * kLn2High) - n * kLn2Low;
    double series = kExpSeries[0];
    for (int c = 1; c < kExpTerms; ++c) series = series * r + kExpSeries[c];
    return series * std::bit_cast<double>((std::bit_cast<std::uint64_t>(shifted) + 1023) << 52);
}

// ln Gamma(x), x > 0; absolute error below 1e-12 + 2^-50 |ln Gamma(x)|.
inline double canonical_log_gamma(double x) {
    // Stirling's series from 16 upwards; below, Gamma(x) = Gamma(x + n) / (x (x + 1) ... (x + n - 1)).
    double product = 1;
    for (; x < 16; x += 1) product *= x;
    constexpr double kHalfLn2Pi = 0.91893853320467274178;
    const double r = 1 / x, z = r * r;
    const double series = r * (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680))));
    const double value = (x - 0.5) * canonical_log(x) - x + kHalfLn2Pi + series;
    return product == 1 ? value : value - canonical_log(product);
}

// The derivative of ln Gamma, x > 0; absolute error below 1e-12 (1 + 1 / x).
inline double canonical_digamma(double x) {
    double shift = 0;
    for (; x < 16; x += 1) shift += 1 / x;
    const double r = 1 / x, z = r * r;
    const double series = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240))));
    return canonical_log(x) - 0.5 * r - series - shift;
}

}  // namespace coterie
