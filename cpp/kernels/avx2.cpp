// AVX2 + FMA: 16 vector registers, so 6 rows x 2 vectors of accumulators.
#include <immintrin.h>

#include "kernels/body.hpp"
#include "kernels/tables.hpp"

namespace coterie::kernels {
namespace {

struct Avx2 {
    static constexpr index_t kLanes = 8;
    static constexpr int kPanelVectors = 2;
    static constexpr int kRows = 6;
    static constexpr int kSumVectors = 4;
    static constexpr int kProductRows = 4;
    static constexpr int kProductVectors = 1;
    using F = __m256;
    struct D {
        __m256d low, high;  // lanes 0-3, 4-7
    };
    struct U {
        __m256i low, high;  // lanes 0-7, 8-15
    };

    static F zero() { return _mm256_setzero_ps(); }
    static F broadcast(float x) { return _mm256_set1_ps(x); }
    static F load(const float* p) { return _mm256_loadu_ps(p); }
    static void store(float* p, F a) { _mm256_storeu_ps(p, a); }
    static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
    static F sub(F a, F b) { return _mm256_sub_ps(a, b); }
    static F max(F a, F b) { return _mm256_max_ps(a, b); }
    static F min(F a, F b) { return _mm256_min_ps(a, b); }
    static unsigned at_least(F a, F b) {
        return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ)));
    }
    // a, and -inf where it is not below b.
    static F only_below(F a, F b) {
        return _mm256_blendv_ps(_mm256_set1_ps(2 * kPadScore), a, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
    }

    // value where a is above b, else other.
    static F where_above(F a, F b, F value, F other) {
        return _mm256_blendv_ps(other, value, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
    }

    static void store_whole(std::int32_t* p, F a) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_cvtps_epi32(a));
    }
    // Four columns of eight rows.
    static void load_turned(const float* x, index_t ld, F column[4]) {
        F row[4];  // r and r + 4, four values of each
        for (index_t r = 0; r < 4; ++r)
            row[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x + r * ld)),
                                          _mm_loadu_ps(x + (r + 4) * ld), 1);
        const F low = _mm256_unpacklo_ps(row[0], row[1]), high = _mm256_unpackhi_ps(row[0], row[1]);
        const F low_2 = _mm256_unpacklo_ps(row[2], row[3]), high_2 = _mm256_unpackhi_ps(row[2], row[3]);
        column[0] = _mm256_shuffle_ps(low, low_2, 0x44);
        column[1] = _mm256_shuffle_ps(low, low_2, 0xEE);
        column[2] = _mm256_shuffle_ps(high, high_2, 0x44);
        column[3] = _mm256_shuffle_ps(high, high_2, 0xEE);
    }

    static void top_two_of_lanes(F best, F runner_up, float* first, float* second) {
        float lane_best[kLanes], lane_runner_up[kLanes];
        store(lane_best, best);
        store(lane_runner_up, runner_up);
        top_two_of<kLanes>(lane_best, lane_runner_up, first, second);
    }

    static float largest_lane(F a) {
        const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
    }
    static F widen_bytes(const std::uint8_t* p) {
        return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
    }
    static void store_bytes(std::uint8_t* p, F a) {
        const __m256i whole = _mm256_cvtps_epi32(a);
        const __m128i halves =
            _mm_packus_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(halves, halves));
    }

    static D zero_d() { return {_mm256_setzero_pd(), _mm256_setzero_pd()}; }
    static D widen(const float* p) {
        return {_mm256_cvtps_pd(_mm_loadu_ps(p)), _mm256_cvtps_pd(_mm_loadu_ps(p + 4))};
    }
    static D widen_first(const float* p, index_t n) {
        float padded[8] = {};
        for (index_t l = 0; l < n; ++l) padded[l] = p[l];
        return widen(padded);
    }
    static D fma(D a, D b, D c) {
        return {_mm256_fmadd_pd(a.low, b.low, c.low), _mm256_fmadd_pd(a.high, b.high, c.high)};
    }
    static D sub(D a, D b) { return {_mm256_sub_pd(a.low, b.low), _mm256_sub_pd(a.high, b.high)}; }
    static D mul(D a, D b) { return {_mm256_mul_pd(a.low, b.low), _mm256_mul_pd(a.high, b.high)}; }
    static D add(D a, D b) { return {_mm256_add_pd(a.low, b.low), _mm256_add_pd(a.high, b.high)}; }
    static D load_d(const double* p) { return {_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)}; }
    static void store_d(double* p, D a) {
        _mm256_storeu_pd(p, a.low);
        _mm256_storeu_pd(p + 4, a.high);
    }
    // 2^n for a = 1.5 * 2^52 + n.
    static __m256d power_of_two(__m256d a) {
        const __m256i n = _mm256_add_epi64(_mm256_castpd_si256(a), _mm256_set1_epi64x(1023));
        return _mm256_castsi256_pd(_mm256_slli_epi64(n, 52));
    }
    static D power_of_two(D a) { return {power_of_two(a.low), power_of_two(a.high)}; }
    // n, and m in [sqrt(1/2), sqrt(2)), with a = 2^n m.
    static __m256d split_exponent(__m256d a, __m256d& m) {
        const __m256i bits = _mm256_castpd_si256(a);
        const __m256i above = _mm256_sub_epi64(bits, _mm256_set1_epi64x(kSqrtHalf));
        const __m256i scale = _mm256_srli_epi64(above, 52);
        m = _mm256_castsi256_pd(_mm256_sub_epi64(bits, _mm256_slli_epi64(scale, 52)));
        // The 12 bits of n + 2048, below those of 2^52, make 2^52 + 2048 + n.
        const __m256i shifted = _mm256_xor_si256(scale, _mm256_set1_epi64x(0x4330000000000800));
        return _mm256_sub_pd(_mm256_castsi256_pd(shifted), _mm256_set1_pd(0x1p52 + 2048));
    }
    static D split_exponent(D a, D& m) {
        return {split_exponent(a.low, m.low), split_exponent(a.high, m.high)};
    }
    static D from_int64(const std::int64_t* p) {
        double v[8];
        for (int l = 0; l < 8; ++l) v[l] = static_cast<double>(p[l]);
        return load_d(v);
    }
    static void store_narrow(float* p, D a) {
        _mm_storeu_ps(p, _mm256_cvtpd_ps(a.low));
        _mm_storeu_ps(p + 4, _mm256_cvtpd_ps(a.high));
    }
    static D broadcast_d(double x) { return {_mm256_set1_pd(x), _mm256_set1_pd(x)}; }
    static D div(D a, D b) { return {_mm256_div_pd(a.low, b.low), _mm256_div_pd(a.high, b.high)}; }
    static D to_float32(D a) {
        return {_mm256_cvtps_pd(_mm256_cvtpd_ps(a.low)), _mm256_cvtps_pd(_mm256_cvtpd_ps(a.high))};
    }
    static void move_rounded(D a, std::int64_t* into, std::int64_t* from) {
        double v[8];  // AVX2 has no vector conversion to 64-bit integers
        store_d(v, a);
        for (int l = 0; l < 8; ++l) {
            const std::int64_t q = _mm_cvtsd_si64(_mm_set_sd(v[l]));
            into[l] += q;
            if (from != nullptr) from[l] -= q;
        }
    }
    static U load_u(const std::uint32_t* p) {
        const auto* q = reinterpret_cast<const __m256i*>(p);
        return {_mm256_loadu_si256(q), _mm256_loadu_si256(q + 1)};
    }
    static void store_u(std::uint32_t* p, U a) {
        auto* q = reinterpret_cast<__m256i*>(p);
        _mm256_storeu_si256(q, a.low);
        _mm256_storeu_si256(q + 1, a.high);
    }
    static U broadcast_u(std::uint32_t x) {
        const __m256i v = _mm256_set1_epi32(static_cast<int>(x));
        return {v, v};
    }
    static U xor_u(U a, U b) { return {_mm256_xor_si256(a.low, b.low), _mm256_xor_si256(a.high, b.high)}; }
    static U add_u(U a, U b) { return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)}; }
    static U multiply_even_u(U a, std::uint32_t factor) {
        const __m256i f = _mm256_set1_epi64x(factor);
        return {_mm256_mul_epu32(a.low, f), _mm256_mul_epu32(a.high, f)};
    }
    static U odd_to_even_u(U a) { return {_mm256_srli_epi64(a.low, 32), _mm256_srli_epi64(a.high, 32)}; }
    static U merge_u(U even, U odd) {
        return {_mm256_blend_epi32(even.low, _mm256_slli_epi64(odd.low, 32), 0xAA),
                _mm256_blend_epi32(even.high, _mm256_slli_epi64(odd.high, 32), 0xAA)};
    }
    static double fold(D a) {
        const __m256d four = _mm256_add_pd(a.low, a.high);
        const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
        return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
    }
};

}  // namespace

const Table& avx2_table() {
    static constexpr Table table = Body<Avx2>::table("avx2");
    return table;
}

}  // namespace coterie::kernels
