// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011). A draw is a pure function of (seed, stream, counter), so that any thread, device or machine can
// make it.
#pragma once

#include <array>
#include <cstdint>

namespace coterie {

class Philox {
  public:
    // stream separates uses of one seed (restart number, purpose) that must not share draws.
    explicit Philox(std::uint64_t seed, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

    // 64 uniform bits for this counter.
    std::uint64_t at(std::uint64_t counter) const {
        std::array<std::uint32_t, 4> c = {low(counter), high(counter), low(stream_), high(stream_)};
        std::uint32_t k0 = low(seed_), k1 = high(seed_);
        for (int round = 0; round < 10; ++round) {
            const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0];
            const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[2];
            c = {high(p1) ^ c[1] ^ k0, low(p1), high(p0) ^ c[3] ^ k1, low(p0)};
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        return std::uint64_t{c[0]} << 32 | c[1];
    }

    std::uint64_t next() { return at(counter_++); }

    // Uniform in [0, bound): the high word of a 64 x 64 bit product (Lemire 2019); bias below bound / 2^64.
    std::uint64_t below(std::uint64_t bound) {
        return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
    }

  private:
    static std::uint32_t low(std::uint64_t v) { return static_cast<std::uint32_t>(v); }
    static std::uint32_t high(std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); }

    std::uint64_t seed_;
    std::uint64_t stream_;
    std::uint64_t counter_ = 0;
};

}  // namespace coterie
