#include "cuda/emulated_block.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace coterie::cuda {
namespace {

constexpr int kRows = 16, kColumns = 8, kDepth = 16;

float widen(std::uint32_t pair, int half) {
    const std::uint32_t bits = half == 0 ? pair << 16 : pair & 0xFFFF0000u;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// Toward zero, as the matrix units round (Fasi, Higham, Mikaitis, Pranesh: "Numerical behavior of NVIDIA tensor
// cores", PeerJ Computer Science 7, 2021).
float truncated(double value) {
    const auto nearest = static_cast<float>(value);
    return std::fabs(nearest) > std::fabs(value) ? std::nextafter(nearest, 0.0f) : nearest;
}

// c + sum of the products with every term cut below the 24th bit of the largest: no better than any unit described
// there, so that a bound which holds here has seen the worst of them.
float dot_truncated(const float* a, const float* b, float c) {
    double terms[kDepth + 1], largest = std::fabs(static_cast<double>(c));
    terms[kDepth] = c;
    for (int j = 0; j < kDepth; ++j) {
        terms[j] = static_cast<double>(a[j]) * b[j];
        largest = std::max(largest, std::fabs(terms[j]));
    }
    if (!(largest < std::numeric_limits<double>::infinity())) {
        double sum = 0;
        for (const double term : terms) sum += term;
        return static_cast<float>(sum);
    }
    if (largest == 0) return 0;
    const double unit = std::ldexp(1.0, std::ilogb(largest) - 23);
    double sum = 0;
    for (const double term : terms) sum += std::trunc(term / unit) * unit;
    return truncated(sum);
}

}  // namespace

void EmulatedBlock::check_aligned(const void* address) {
    if (reinterpret_cast<std::uintptr_t>(address) % sizeof(Chunk) != 0)
        throw std::logic_error(
            "a device program copies or loads 16 bytes from an address that is not aligned to them");
}

void EmulatedBlock::show_memory_to(int t) {
    shared_ = at_barrier_;
    for (const Write& write : written_[static_cast<std::size_t>(t)]) bytes(shared_)[write.byte] = write.value;
}

void EmulatedBlock::note_writes_of(int t) {
    std::vector<Write>& writes = written_[static_cast<std::size_t>(t)];
    writes.clear();
    for (std::size_t b = 0; b < shared_.size() * sizeof(Chunk); ++b)
        if (bytes(shared_)[b] != bytes(at_barrier_)[b]) writes.push_back({b, bytes(shared_)[b]});
}

void EmulatedBlock::join_writes() {
    std::vector<Chunk> joined = at_barrier_;
    for (std::vector<Write>& writes : written_) {
        for (const Write& write : writes) {
            const unsigned char before = bytes(joined)[write.byte];
            if (before != bytes(at_barrier_)[write.byte] && before != write.value)
                throw std::logic_error("two threads of a device program wrote different values to one place");
            bytes(joined)[write.byte] = write.value;
        }
        writes.clear();
    }
    at_barrier_ = joined;
    shared_ = joined;
}

// A: lane l has rows l / 4 and l / 4 + 8, columns 2 (l % 4) + {0, 1} (+ 8): registers (row, column) (0, 0), (8, 0), (0, 8),
// (8, 8). B: column l / 4, rows 2 (l % 4) + {0, 1} (+ 8). D: rows as A, columns 2 (l % 4) + {0, 1}.
void EmulatedBlock::emulate_mma(const MmaRegisters (&lanes)[kWarp]) {
    float a[kRows][kDepth], b[kColumns][kDepth];
    for (int l = 0; l < kWarp; ++l) {
        const int group = l / 4, pair = 2 * (l % 4);
        for (int half = 0; half < 2; ++half) {
            for (int i = 0; i < 4; ++i)
                a[group + 8 * (i % 2)][pair + half + 8 * (i / 2)] = widen(lanes[l].a[i], half);
            for (int i = 0; i < 2; ++i) b[group][pair + half + 8 * i] = widen(lanes[l].b[i], half);
        }
    }
    for (int l = 0; l < kWarp; ++l) {
        for (int i = 0; i < 4; ++i) {
            const int row = l / 4 + 8 * (i / 2), column = 2 * (l % 4) + i % 2;
            lanes[l].d[i] = dot_truncated(a[row], b[column], lanes[l].d[i]);
        }
    }
}

// Element (row, column) of a matrix that is major by columns, by the manual's "matrix descriptor format": start, a stride for
// every eight rows, and the 64-byte swizzle, which exchanges chunks of 16 bytes by bits 7 and 8 of the address.
float EmulatedBlock::element(std::uint64_t descriptor, int row, int column) {
    const std::uint64_t start = (descriptor & 0x3FFF) << 4, stride = (descriptor >> 32 & 0x3FFF) << 4;
    if (descriptor >> 62 != 2 || (descriptor >> 49 & 7) != 0)
        throw std::logic_error(
            "a matrix descriptor of another swizzle than 64 bytes, or with an offset of its base");
    constexpr std::uint64_t kRowBytes = 64;
    std::uint64_t at = start + static_cast<std::uint64_t>(row / 8) * stride +
                       static_cast<std::uint64_t>(row % 8) * kRowBytes +
                       2 * static_cast<std::uint64_t>(column);
    at ^= (at >> 7 & 3) << 4;
    std::uint16_t value;
    std::memcpy(&value, bytes(shared_) + at, sizeof value);
    return widen(value, 0);
}

// D: lane l of warp w of the warpgroup has rows 16 w + l / 4 and 8 more, columns 8 p + 2 (l % 4) + {0, 1} in registers 4 p + 2
// (whether it is the later row) + {0, 1}.
void EmulatedBlock::emulate_wgmma(const WgmmaRegisters (&lanes)[kWarpgroup]) {
    constexpr int kWgmmaRows = 64, kWgmmaColumns = 128;
    float a[kWgmmaRows][kDepth], b[kWgmmaColumns][kDepth];
    for (const WgmmaRegisters& lane : lanes)
        if (lane.a != lanes[0].a || lane.b != lanes[0].b)
            throw std::logic_error("threads of one warpgroup gave different matrix descriptors");
    for (int j = 0; j < kDepth; ++j) {
        for (int r = 0; r < kWgmmaRows; ++r) a[r][j] = element(lanes[0].a, r, j);
        for (int c = 0; c < kWgmmaColumns; ++c) b[c][j] = element(lanes[0].b, c, j);
    }
    for (int t = 0; t < kWarpgroup; ++t) {
        for (int i = 0; i < kWgmmaColumns / 2; ++i) {
            const int row = t / kWarp * 16 + t % kWarp / 4 + 8 * (i / 2 % 2);
            const int column = i / 4 * 8 + 2 * (t % 4) + i % 2;
            lanes[t].d[i] = dot_truncated(a[row], b[column], lanes[t].d[i]);
        }
    }
}

}  // namespace coterie::cuda
