// Plain C++: the definition of every kernel's bits, and what runs where nothing better does.
#include "kernels/body.hpp"
#include "kernels/tables.hpp"

namespace coterie::kernels {
namespace {

struct Portable {
    static constexpr index_t kLanes = 8;
    static constexpr int kPanelVectors = 1;
    static constexpr int kRows = 2;
    static constexpr int kSumVectors = 2;
    static constexpr int kProductRows = 2;
    static constexpr int kProductVectors = 1;
    struct F {
        float v[8];
    };
    struct D {
        double v[8];
    };
    struct U {
        std::uint32_t v[16];
    };

    template <typename Op>
    static F each(Op op) {
        F r;
        for (int l = 0; l < 8; ++l) r.v[l] = op(l);
        return r;
    }
    template <typename Op>
    static D each_d(Op op) {
        D r;
        for (int l = 0; l < 8; ++l) r.v[l] = op(l);
        return r;
    }

    static F zero() { return broadcast(0.0f); }
    static F broadcast(float x) {
        return each([&](int) { return x; });
    }
    static F load(const float* p) {
        return each([&](int l) { return p[l]; });
    }
    static void store(float* p, F a) {
        for (int l = 0; l < 8; ++l) p[l] = a.v[l];
    }
    static F fma(F a, F b, F c) {
        return each([&](int l) { return a.v[l] * b.v[l] + c.v[l]; });
    }
    static F sub(F a, F b) {
        return each([&](int l) { return a.v[l] - b.v[l]; });
    }
    static F max(F a, F b) {
        return each([&](int l) { return a.v[l] > b.v[l] ? a.v[l] : b.v[l]; });
    }
    static F min(F a, F b) {
        return each([&](int l) { return a.v[l] < b.v[l] ? a.v[l] : b.v[l]; });
    }
    // a, and -inf where it is not below b.
    static F only_below(F a, F b) {
        return each([&](int l) { return a.v[l] < b.v[l] ? a.v[l] : 2 * kPadScore; });
    }
    // value where a is above b, else other.
    static F where_above(F a, F b, F value, F other) {
        return each([&](int l) { return a.v[l] > b.v[l] ? value.v[l] : other.v[l]; });
    }
    static void store_whole(std::int32_t* p, F a) {
        for (int l = 0; l < 8; ++l) p[l] = static_cast<std::int32_t>(a.v[l]);
    }
    // Four columns of eight rows.
    static void load_turned(const float* x, index_t ld, F column[4]) {
        for (int q = 0; q < 4; ++q) column[q] = each([&](int l) { return x[l * ld + q]; });
    }
    static unsigned at_least(F a, F b) {
        unsigned mask = 0;
        for (int l = 0; l < 8; ++l) mask |= static_cast<unsigned>(a.v[l] >= b.v[l]) << l;
        return mask;
    }

    static void top_two_of_lanes(F best, F runner_up, float* first, float* second) {
        float lane_best[kLanes], lane_runner_up[kLanes];
        store(lane_best, best);
        store(lane_runner_up, runner_up);
        top_two_of<kLanes>(lane_best, lane_runner_up, first, second);
    }

    static float largest_lane(F a) {
        float largest = a.v[0];
        for (int l = 1; l < 8; ++l) largest = a.v[l] > largest ? a.v[l] : largest;
        return largest;
    }
    static F widen_bytes(const std::uint8_t* p) {
        return each([&](int l) { return static_cast<float>(p[l]); });
    }
    static void store_bytes(std::uint8_t* p, F a) {
        for (int l = 0; l < 8; ++l) p[l] = static_cast<std::uint8_t>(a.v[l] + 0.5f);
    }

    static D zero_d() {
        return each_d([](int) { return 0.0; });
    }
    static D widen(const float* p) {
        return each_d([&](int l) { return static_cast<double>(p[l]); });
    }
    static D widen_first(const float* p, index_t n) {
        return each_d([&](int l) { return l < n ? static_cast<double>(p[l]) : 0.0; });
    }
    // A product of two widened float32 is exact, so this rounds as a fused multiply-add does.
    static D fma(D a, D b, D c) {
        return each_d([&](int l) { return a.v[l] * b.v[l] + c.v[l]; });
    }
    static D sub(D a, D b) {
        return each_d([&](int l) { return a.v[l] - b.v[l]; });
    }
    static D mul(D a, D b) {
        return each_d([&](int l) { return a.v[l] * b.v[l]; });
    }
    static D add(D a, D b) {
        return each_d([&](int l) { return a.v[l] + b.v[l]; });
    }
    static D load_d(const double* p) {
        return each_d([&](int l) { return p[l]; });
    }
    static void store_d(double* p, D a) {
        for (int l = 0; l < 8; ++l) p[l] = a.v[l];
    }
    // 2^n for a = 1.5 * 2^52 + n.
    static D power_of_two(D a) {
        return each_d([&](int l) {
            return __builtin_bit_cast(double, (__builtin_bit_cast(std::uint64_t, a.v[l]) + 1023) << 52);
        });
    }
    // n, and m in [sqrt(1/2), sqrt(2)), with a = 2^n m.
    static D split_exponent(D a, D& m) {
        return each_d([&](int l) {
            const auto bits = __builtin_bit_cast(std::uint64_t, a.v[l]);
            const std::int64_t n = static_cast<std::int64_t>(bits - kSqrtHalf) >> 52;
            m.v[l] = __builtin_bit_cast(double, bits - (static_cast<std::uint64_t>(n) << 52));
            return static_cast<double>(n);
        });
    }
    static D from_int64(const std::int64_t* p) {
        return each_d([&](int l) { return static_cast<double>(p[l]); });
    }
    static void store_narrow(float* p, D a) {
        for (int l = 0; l < 8; ++l) p[l] = static_cast<float>(a.v[l]);
    }
    static D broadcast_d(double x) {
        return each_d([&](int) { return x; });
    }
    static D div(D a, D b) {
        return each_d([&](int l) { return a.v[l] / b.v[l]; });
    }
    static D to_float32(D a) {
        return each_d([&](int l) { return static_cast<double>(static_cast<float>(a.v[l])); });
    }
    // into += round(a), and from -= round(a) unless it is null; ties to even.
    static void move_rounded(D a, std::int64_t* into, std::int64_t* from) {
        for (int l = 0; l < 8; ++l) {
            const std::int64_t q = __builtin_llrint(a.v[l]);
            into[l] += q;
            if (from != nullptr) from[l] -= q;
        }
    }
    static U load_u(const std::uint32_t* p) {
        U r;
        for (int l = 0; l < 16; ++l) r.v[l] = p[l];
        return r;
    }
    static void store_u(std::uint32_t* p, U a) {
        for (int l = 0; l < 16; ++l) p[l] = a.v[l];
    }
    static U broadcast_u(std::uint32_t x) {
        U r;
        for (int l = 0; l < 16; ++l) r.v[l] = x;
        return r;
    }
    static U xor_u(U a, U b) {
        for (int l = 0; l < 16; ++l) a.v[l] ^= b.v[l];
        return a;
    }
    static U add_u(U a, U b) {
        for (int l = 0; l < 16; ++l) a.v[l] += b.v[l];
        return a;
    }
    // Lanes 2l and 2l + 1 hold the lower and the upper half of a 64-bit product of lane 2l.
    static U multiply_even_u(U a, std::uint32_t factor) {
        for (int l = 0; l < 16; l += 2) {
            const std::uint64_t product = std::uint64_t{factor} * a.v[l];
            a.v[l] = static_cast<std::uint32_t>(product);
            a.v[l + 1] = static_cast<std::uint32_t>(product >> 32);
        }
        return a;
    }
    static U odd_to_even_u(U a) {
        for (int l = 0; l < 16; l += 2) a.v[l] = a.v[l + 1];
        return a;
    }
    static U merge_u(U even, U odd) {
        for (int l = 0; l < 16; l += 2) even.v[l + 1] = odd.v[l];
        return even;
    }
    static double fold(D a) {
        return ((a.v[0] + a.v[4]) + (a.v[2] + a.v[6])) + ((a.v[1] + a.v[5]) + (a.v[3] + a.v[7]));
    }
};

}  // namespace

const Table& portable_table() {
    static constexpr Table table = Body<Portable>::table("portable");
    return table;
}

}  // namespace coterie::kernels
