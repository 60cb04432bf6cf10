// Sums of non-negative float64 values without rounding, so that any order, any split gives the same bits.
#pragma once

#include <array>
#include <cstdint>

#include "core/types.hpp"

namespace coterie {

// A fixed-point number wide enough for every float64 (Kulisch's long accumulator): digit l counts
// 2^(32 l - 1074). Digits take up to 2^31 additions before their carries must be passed on.
class ExactSum {
  public:
    // 2^1024 has digit 65; the two above take the carries of 2^63 additions.
    static constexpr int kDigits = 68;
    // [kDigits] below 2^32 each, then 1 if an infinite value was added.
    using Canonical = std::array<std::uint32_t, kDigits + 1>;

    // value >= 0.
    void add(double value);
    void add(const ExactSum& other);
    // The sum rounded once, to nearest, ties to even.
    double value() const;
    Canonical canonical() const;

  private:
    void carry();

    std::array<std::uint64_t, kDigits> digits_{};
    std::uint64_t n_pending_ = 0;
    bool infinite_ = false;
};

}  // namespace coterie
