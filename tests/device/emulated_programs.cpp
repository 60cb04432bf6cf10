// Device programs with one mistake each, and one without: what the emulation must show. Prints a line for each.
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "cuda/canonical.hpp"
#include "cuda/emulated_block.hpp"
#include "cuda/wgmma_check.hpp"

using namespace coterie;
using namespace coterie::cuda;

// Thread t adds what it and its neighbour hold.
template <bool kBarrier, bool kCollide>
struct AddNeighbours {
    static constexpr int kThreads = 64;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(int);
    int* out;

    template <typename Block>
    void operator()(Block& block) const {
        int* const held = block.template shared<int>(0);
        block.each([&](int t) { held[kCollide ? t / 2 : t] = t; });
        if (kBarrier) block.sync();
        block.each([&](int t) { out[t] = held[t] + held[(t + 1) % kThreads]; });
        block.sync();
    }
};

template <typename Program>
const char* verdict() {
    int out[64];
    try {
        emulate(*open_emulated_device(), Program{out}, 1);
    } catch (const std::logic_error&) {
        return "collision";
    }
    for (int t = 0; t < 64; ++t)
        if (out[t] != t + (t + 1) % 64) return "wrong";
    return "right";
}

// Reads a copy before (kWait false) or after its wait, and always after a barrier.
template <bool kWait>
struct ReadCopy {
    static constexpr int kThreads = 32;
    static constexpr std::size_t kSharedBytes = 16;
    const int* from;
    int* out;

    template <typename Block>
    void operator()(Block& block) const {
        int* const to = block.template shared<int>(0);
        block.each([&](int t) {
            if (t == 0) block.copy_async(to, from);
        });
        block.commit_copies();
        if (kWait) block.template wait_copies<0>();
        block.sync();
        block.each([&](int t) {
            if (t == 0) *out = to[3];
        });
    }
};

template <typename Program>
const char* copied() {
    alignas(16) const int from[4] = {1, 2, 3, 4};
    int out = 0;
    emulate(*open_emulated_device(), Program{from, &out}, 1);
    return out == 4 ? "right" : "wrong";
}

// Reads a copy after (kInTime false) or before another one into its place was begun, which a device may finish at once.
template <bool kInTime>
struct ReplaceCopy {
    static constexpr int kThreads = 32;
    static constexpr std::size_t kSharedBytes = 16;
    const int *first, *second;
    int* out;  // [blocks]

    template <typename Block>
    void operator()(Block& block) const {
        int* const to = block.template shared<int>(0);
        const auto copy = [&](const int* from) {
            block.each([&](int t) {
                if (t == 0) block.copy_async(to, from);
            });
            block.commit_copies();
        };
        const auto read = [&] {
            block.each([&](int t) {
                if (t == 0) out[block.block()] = to[3];
            });
        };
        copy(first);
        block.template wait_copies<0>();
        block.sync();
        if (kInTime) read();
        block.sync();
        copy(second);
        if (!kInTime) read();
        block.template wait_copies<0>();
        block.sync();
    }
};

template <bool kInTime>
const char* replaced() {
    alignas(16) const int first[4] = {1, 2, 3, 4}, second[4] = {5, 6, 7, 8};
    int out[2] = {};
    emulate(*open_emulated_device(), ReplaceCopy<kInTime>{first, second, out}, 2);
    return out[0] == 4 && out[1] == 4 ? "right" : "wrong";
}

const char* misaligned() {
    alignas(16) const int from[8] = {};
    int out = 0;
    try {
        emulate(*open_emulated_device(), ReadCopy<true>{from + 1, &out}, 1);
    } catch (const std::logic_error&) {
        return "refused";
    }
    return "right";
}

// One product of 16 x 16 by 16 x 8 through the matrix loads.
struct Product {
    static constexpr int kThreads = 32;
    static constexpr std::size_t kSharedBytes = 1024;
    const std::uint16_t *a, *b;  // [16][16], [8][16]
    float* out;                  // [16][8]

    template <typename Block>
    void operator()(Block& block) const {
        std::uint16_t* const left = block.template shared<std::uint16_t>(0);
        std::uint16_t* const right = left + 256;
        block.each([&](int t) {
            for (int q = t; q < 256; q += kThreads) left[q] = a[q];
            for (int q = t; q < 256; q += kThreads) right[q] = q < 128 ? b[q] : std::uint16_t{0};
        });
        block.sync();
        struct Registers {
            std::uint32_t a[4], b[4];
            float d[4] = {};
        };
        typename Block::template PerThread<Registers> r(block);
        block.load_matrices([&](int t) { return LoadMatrices{left + t % 16 * 16 + t / 16 * 8, r(t).a}; });
        block.load_matrices(
            [&](int t) { return LoadMatrices{right + (t / 16 * 8 + t % 8) * 16 + t / 8 % 2 * 8, r(t).b}; });
        block.mma([&](int t) { return MmaRegisters{r(t).d, r(t).a, r(t).b}; });
        block.each([&](int t) {
            for (int i = 0; i < 4; ++i) out[(t / 4 + 8 * (i / 2)) * 8 + 2 * (t % 4) + i % 2] = r(t).d[i];
        });
    }
};

const char* product() {
    std::uint16_t a[256], b[128];
    for (int q = 0; q < 256; ++q) a[q] = to_bf16(static_cast<float>((q * 7) % 31 - 15));
    for (int q = 0; q < 128; ++q) b[q] = to_bf16(static_cast<float>((q * 5) % 23 - 11));
    float out[128];
    emulate(*open_emulated_device(), Product{a, b, out}, 1);
    for (int i = 0; i < 16; ++i) {
        for (int c = 0; c < 8; ++c) {
            float sum = 0;
            for (int j = 0; j < 16; ++j) sum += from_bf16(a[i * 16 + j]) * from_bf16(b[c * 16 + j]);
            if (sum != out[i * 8 + c]) return "wrong";
        }
    }
    return "right";
}

// Products of ones, taken before (kWait false) or after they were waited for.
template <bool kWait>
struct Late {
    static constexpr int kThreads = kWarpgroup;
    static constexpr std::size_t kSharedBytes = 1 << 14;
    float* out;  // [blocks][kThreads]

    template <typename Block>
    void operator()(Block& block) const {
        std::uint16_t* const ones = block.template shared<std::uint16_t>(0);
        struct Registers {
            float d[64] = {};
        };
        typename Block::template PerThread<Registers> r(block);
        block.each([&](int t) {
            for (int q = t; q < 4096; q += kThreads) ones[q] = to_bf16(1.0f);
        });
        block.sync();
        constexpr std::uint64_t kDescriptor =
            std::uint64_t{1} << 16 | std::uint64_t{32} << 32 | std::uint64_t{2} << 62;
        block.wgmma([&](int t) { return WgmmaRegisters{r(t).d, kDescriptor, kDescriptor}; });
        block.commit_wgmma();
        if (kWait) block.template wait_wgmma<0>();
        block.each([&](int t) { out[block.block() * kThreads + t] = r(t).d[63]; });
    }
};

template <typename Program>
const char* awaited() {
    float out[2 * kWarpgroup];
    emulate(*open_emulated_device(), Program{out}, 2);
    for (const float v : out)
        if (v != 16) return "wrong";
    return "right";
}

template <int kSpoilt>
const char* checked() {
    const LaunchProbe launch = [](Device& device, const WgmmaProbe& probe, index_t n_blocks) {
        emulate(device, probe, n_blocks);
        if (kSpoilt >= 0) probe.out[kSpoilt] += 1;
    };
    return wgmma_problem(*open_emulated_device(true), launch).empty() ? "right" : "wrong";
}

int main() {
    std::printf("products waited for: %s\n", awaited<Late<true>>());
    std::printf("products not waited for: %s\n", awaited<Late<false>>());
    std::printf("check of wgmma: %s\n", checked<-1>());
    std::printf("check of a wgmma that errs: %s\n", checked<256 * 256 - 1>());
    std::printf("barrier: %s\n", verdict<AddNeighbours<true, false>>());
    std::printf("no barrier: %s\n", verdict<AddNeighbours<false, false>>());
    std::printf("colliding writes: %s\n", verdict<AddNeighbours<true, true>>());
    std::printf("copy waited for: %s\n", copied<ReadCopy<true>>());
    std::printf("copy not waited for: %s\n", copied<ReadCopy<false>>());
    std::printf("copy replaced after it was read: %s\n", replaced<true>());
    std::printf("copy replaced before it was read: %s\n", replaced<false>());
    std::printf("copy of misaligned bytes: %s\n", misaligned());
    std::printf("product: %s\n", product());
    return 0;
}
