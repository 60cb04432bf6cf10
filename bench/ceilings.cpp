// The ceilings of this machine, for rooflines: read bandwidth from memory, float32 FMA rate, and the rates of the tile unit
// where there is one, on n threads.
// Compiled with -march=native where it runs, so its vectors are the widest that this CPU has.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#if defined(__AMX_BF16__) && defined(__AMX_INT8__) && defined(__linux__)
#define HAS_TILES 1
#include <asm/prctl.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace {

using Clock = std::chrono::steady_clock;

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));
typedef long long Words __attribute__((vector_size(kLanes * sizeof(float))));

// Seconds for body(thread) on n threads, from a common start to the last end; the best of 5.
double best_seconds(int n_threads, const std::function<void(int)>& body) {
    double best = 1e30;
    for (int repeat = 0; repeat < 5; ++repeat) {
        std::atomic<int> ready{0};
        std::atomic<bool> go{false};
        std::vector<std::thread> threads;
        for (int t = 0; t < n_threads; ++t)
            threads.emplace_back([&, t] {
                ++ready;
                while (!go.load()) {
                }
                body(t);
            });
        while (ready.load() < n_threads) {
        }
        const auto start = Clock::now();
        go.store(true);
        for (auto& thread : threads) thread.join();
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        if (seconds < best) best = seconds;
    }
    return best;
}

// 1 GiB per thread, beyond any cache share, each word read once.
double read_bytes_per_second(int n_threads) {
    const std::size_t n = (std::size_t{1} << 30) / sizeof(Words);
    std::vector<Words*> buffers;
    for (int t = 0; t < n_threads; ++t) {
        auto* buffer = static_cast<Words*>(std::aligned_alloc(64, n * sizeof(Words)));
        for (std::size_t i = 0; i < n; ++i) buffer[i] = Words{} + static_cast<long long>(i);
        buffers.push_back(buffer);
    }
    std::atomic<long long> keep{0};
    const double seconds = best_seconds(n_threads, [&](int t) {
        Words a{}, b{}, c{}, d{};
        const Words* x = buffers[static_cast<std::size_t>(t)];
        for (std::size_t i = 0; i + 4 <= n; i += 4) {
            a += x[i];
            b += x[i + 1];
            c += x[i + 2];
            d += x[i + 3];
        }
        a += b + c + d;
        keep += a[0];
    });
    for (auto* buffer : buffers) std::free(buffer);
    return static_cast<double>(n * sizeof(Words)) * n_threads / seconds;
}

// 12 independent chains hide the latency of 4 cycles on 2 ports.
double fma_flops_per_second(int n_threads) {
    constexpr int kChains = 12;
    constexpr long kSteps = 20'000'000;
    std::atomic<int> keep{0};
    const double seconds = best_seconds(n_threads, [&](int t) {
        Vector sums[kChains];
        for (int c = 0; c < kChains; ++c) sums[c] = Vector{} + static_cast<float>(c + t);
        const Vector x = Vector{} + 0.999999f, y = Vector{} + 1e-6f;
        for (long s = 0; s < kSteps; ++s) {
            for (int c = 0; c < kChains; ++c) sums[c] = sums[c] * x + y;
        }
        float total = 0;
        for (const Vector& sum : sums) total += sum[0];
        keep += total > 0;
    });
    return 2.0 * kLanes * kChains * kSteps * n_threads / seconds;
}

struct TileRates {
    double bf16 = 0, int8 = 0;  // operations a second, a product and a sum being two
};

#ifdef HAS_TILES
struct alignas(64) TileConfig {
    unsigned char palette = 1, start_row = 0, reserved[14] = {};
    unsigned short row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    unsigned char rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

constexpr TileConfig kTileConfig;  // static: the compiler takes the load for one of 8 bytes

// 2 x 2 accumulators from tiles that stay in registers.
template <bool is_int8>
double tile_rate(int n_threads) {
    constexpr long kSteps = 2'000'000;
    const double seconds = best_seconds(n_threads, [](int) {
        _tile_loadconfig(&kTileConfig);
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        _tile_zero(4);
        _tile_zero(5);
        _tile_zero(6);
        _tile_zero(7);
        for (long s = 0; s < kSteps; ++s) {
            if constexpr (is_int8) {
                _tile_dpbusd(0, 4, 6);
                _tile_dpbusd(1, 4, 7);
                _tile_dpbusd(2, 5, 6);
                _tile_dpbusd(3, 5, 7);
            } else {
                _tile_dpbf16ps(0, 4, 6);
                _tile_dpbf16ps(1, 4, 7);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
        }
        _tile_release();
    });
    return 4.0 * 2 * 16 * 16 * (is_int8 ? 64 : 32) * kSteps * n_threads / seconds;
}

TileRates tile_rates(int n_threads) {
    constexpr int kTileData = 18;
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, kTileData) != 0) return {};
    return {tile_rate<false>(n_threads), tile_rate<true>(n_threads)};
}
#else
TileRates tile_rates(int) {
    return {};
}
#endif

}  // namespace

int main(int argc, char** argv) {
    const int n_threads = argc > 1 ? std::atoi(argv[1]) : 1;
    const double read = read_bytes_per_second(n_threads), fma = fma_flops_per_second(n_threads);
    const TileRates tiles = tile_rates(n_threads);
    std::printf(
        "{\"read_bytes_per_second\": %.6g, \"fp32_flops_per_second\": %.6g, \"lanes\": %d, "
        "\"bf16_tile_flops_per_second\": %.6g, \"int8_tile_ops_per_second\": %.6g}\n",
        read, fma, kLanes, tiles.bf16, tiles.int8);
}
