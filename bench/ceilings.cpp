// The ceilings of this machine, for rooflines: read bandwidth from memory and float32 FMA rate, on n threads.
// Compiled with -march=native where it runs, so its vectors are the widest that this CPU has.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

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

}  // namespace

int main(int argc, char** argv) {
    const int n_threads = argc > 1 ? std::atoi(argv[1]) : 1;
    std::printf("{\"read_bytes_per_second\": %.6g, \"fp32_flops_per_second\": %.6g, \"lanes\": %d}\n",
                read_bytes_per_second(n_threads), fma_flops_per_second(n_threads), kLanes);
}
