#include "core/exact_sum.hpp"

#include <cmath>
#include <cstring>
#include <limits>

namespace coterie {
namespace {

constexpr std::uint64_t kMostPending = std::uint64_t{1} << 31;
constexpr int kLeastExponent = -1074;  // of float64's smallest positive value
constexpr std::uint64_t kLowDigit = 0xFFFFFFFFu;

}  // namespace

void ExactSum::add(double value) {
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const std::uint64_t biased = bits >> 52 & 0x7FF;
    if (biased == 0x7FF) {
        infinite_ = true;
        return;
    }
    // value = mantissa * 2^(shift - 1074)
    std::uint64_t mantissa = bits & ((std::uint64_t{1} << 52) - 1);
    if (biased != 0) mantissa |= std::uint64_t{1} << 52;
    const std::uint64_t shift = biased == 0 ? 0 : biased - 1;
    const auto wide = static_cast<unsigned __int128>(mantissa) << (shift % 32);
    std::uint64_t* const digit = digits_.data() + shift / 32;
    digit[0] += static_cast<std::uint64_t>(wide) & kLowDigit;
    digit[1] += static_cast<std::uint64_t>(wide >> 32) & kLowDigit;
    digit[2] += static_cast<std::uint64_t>(wide >> 64);
    if (++n_pending_ >= kMostPending) carry();
}

void ExactSum::add(const ExactSum& other) {
    ExactSum carried = other;
    carried.carry();
    for (int l = 0; l < kDigits; ++l)
        digits_[static_cast<std::size_t>(l)] += carried.digits_[static_cast<std::size_t>(l)];
    infinite_ = infinite_ || other.infinite_;
    if (++n_pending_ >= kMostPending) carry();
}

void ExactSum::carry() {
    std::uint64_t over = 0;
    for (std::uint64_t& digit : digits_) {
        digit += over;
        over = digit >> 32;
        digit &= kLowDigit;
    }
    n_pending_ = 0;
}

double ExactSum::value() const {
    if (infinite_) return std::numeric_limits<double>::infinity();
    ExactSum carried = *this;
    carried.carry();
    const auto& digits = carried.digits_;
    std::size_t top = kDigits - 1;
    while (top > 2 && digits[top] == 0) --top;
    unsigned __int128 leading = 0;  // at least 65 bits of the sum, or all of it
    for (std::size_t l = top + 1; l-- > top - 2;) leading = leading << 32 | digits[l];
    // What lies below cannot move the rounding but can break a tie.
    for (std::size_t l = 0; l < top - 2; ++l)
        if (digits[l] != 0) leading |= 1;
    return std::ldexp(static_cast<double>(leading), 32 * (static_cast<int>(top) - 2) + kLeastExponent);
}

ExactSum::Canonical ExactSum::canonical() const {
    ExactSum carried = *this;
    carried.carry();
    Canonical out;
    for (std::size_t l = 0; l < kDigits; ++l) out[l] = static_cast<std::uint32_t>(carried.digits_[l]);
    out[kDigits] = infinite_ ? 1 : 0;
    return out;
}

}  // namespace coterie
