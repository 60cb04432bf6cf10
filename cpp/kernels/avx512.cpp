// AVX-512 (F, DQ, BW, VL): 32 vector registers, so 8 rows x 3 vectors of accumulators, 3 of centroids, 1 of
// x.
#include <immintrin.h>

#include "kernels/body.hpp"
#include "kernels/tables.hpp"

namespace coterie::kernels {
namespace {

struct Avx512 {
    static constexpr index_t kLanes = 16;
    static constexpr int kPanelVectors = 3;
    static constexpr int kRows = 8;
    static constexpr int kSumVectors = 16;
    static constexpr int kProductRows = 8;
    static constexpr int kProductVectors = 3;
    using F = __m512;
    using D = __m512d;
    using U = __m512i;

    static F zero() { return _mm512_setzero_ps(); }
    static F broadcast(float x) { return _mm512_set1_ps(x); }
    static F load(const float* p) { return _mm512_loadu_ps(p); }
    static void store(float* p, F a) { _mm512_storeu_ps(p, a); }
    static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
    static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
    static F max(F a, F b) { return _mm512_max_ps(a, b); }
    static F min(F a, F b) { return _mm512_min_ps(a, b); }
    static unsigned at_least(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
    // a, and -inf where it is not below b.
    static F only_below(F a, F b) {
        return _mm512_mask_mov_ps(_mm512_set1_ps(2 * kPadScore), _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), a);
    }

    // value where a is above b, else other.
    static F where_above(F a, F b, F value, F other) {
        return _mm512_mask_mov_ps(other, _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), value);
    }

    static void store_whole(std::int32_t* p, F a) { _mm512_storeu_si512(p, _mm512_cvtps_epi32(a)); }
    // Four columns of sixteen rows.
    static void load_turned(const float* x, index_t ld, F column[4]) {
        F row[4];  // r, r + 4, r + 8 and r + 12, four values of each
        for (index_t r = 0; r < 4; ++r) {
            row[r] = _mm512_castps128_ps512(_mm_loadu_ps(x + r * ld));
            row[r] = _mm512_insertf32x4(row[r], _mm_loadu_ps(x + (r + 4) * ld), 1);
            row[r] = _mm512_insertf32x4(row[r], _mm_loadu_ps(x + (r + 8) * ld), 2);
            row[r] = _mm512_insertf32x4(row[r], _mm_loadu_ps(x + (r + 12) * ld), 3);
        }
        const F low = _mm512_unpacklo_ps(row[0], row[1]), high = _mm512_unpackhi_ps(row[0], row[1]);
        const F low_2 = _mm512_unpacklo_ps(row[2], row[3]), high_2 = _mm512_unpackhi_ps(row[2], row[3]);
        column[0] = _mm512_shuffle_ps(low, low_2, 0x44);
        column[1] = _mm512_shuffle_ps(low, low_2, 0xEE);
        column[2] = _mm512_shuffle_ps(high, high_2, 0x44);
        column[3] = _mm512_shuffle_ps(high, high_2, 0xEE);
    }

    static void top_two_of_lanes(F best, F runner_up, float* first, float* second) {
        const float largest = _mm512_reduce_max_ps(best);
        const __mmask16 where = _mm512_cmp_ps_mask(best, _mm512_set1_ps(largest), _CMP_EQ_OQ);
        const auto others = static_cast<__mmask16>(where & (where - 1));  // all but one place of the largest
        const auto winner = static_cast<__mmask16>(where ^ others);
        *first = largest;
        *second = _mm512_reduce_max_ps(_mm512_mask_mov_ps(best, winner, runner_up));
        // The winner's own runner-up took its place; those of the other lanes are not above their best.
    }

    static float largest_lane(F a) { return _mm512_reduce_max_ps(a); }
    static F widen_bytes(const std::uint8_t* p) {
        return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
    }
    static void store_bytes(std::uint8_t* p, F a) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(a)));
    }

    static D zero_d() { return _mm512_setzero_pd(); }
    static D widen(const float* p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
    static D widen_first(const float* p, index_t n) {
        return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(static_cast<__mmask8>((1u << n) - 1), p));
    }
    static D fma(D a, D b, D c) { return _mm512_fmadd_pd(a, b, c); }
    static D sub(D a, D b) { return _mm512_sub_pd(a, b); }
    static D mul(D a, D b) { return _mm512_mul_pd(a, b); }
    static D add(D a, D b) { return _mm512_add_pd(a, b); }
    static D load_d(const double* p) { return _mm512_loadu_pd(p); }
    static void store_d(double* p, D a) { _mm512_storeu_pd(p, a); }
    // 2^n for a = 1.5 * 2^52 + n.
    static D power_of_two(D a) {
        const __m512i n = _mm512_add_epi64(_mm512_castpd_si512(a), _mm512_set1_epi64(1023));
        return _mm512_castsi512_pd(_mm512_slli_epi64(n, 52));
    }
    // n, and m in [sqrt(1/2), sqrt(2)), with a = 2^n m.
    static D split_exponent(D a, D& m) {
        const __m512i bits = _mm512_castpd_si512(a);
        const __m512i n = _mm512_srai_epi64(_mm512_sub_epi64(bits, _mm512_set1_epi64(kSqrtHalf)), 52);
        m = _mm512_castsi512_pd(_mm512_sub_epi64(bits, _mm512_slli_epi64(n, 52)));
        return _mm512_cvtepi64_pd(n);
    }
    static D from_int64(const std::int64_t* p) { return _mm512_cvtepi64_pd(_mm512_loadu_si512(p)); }
    static void store_narrow(float* p, D a) { _mm256_storeu_ps(p, _mm512_cvtpd_ps(a)); }
    static D broadcast_d(double x) { return _mm512_set1_pd(x); }
    static D div(D a, D b) { return _mm512_div_pd(a, b); }
    static D to_float32(D a) { return _mm512_cvtps_pd(_mm512_cvtpd_ps(a)); }
    static void move_rounded(D a, std::int64_t* into, std::int64_t* from) {
        const __m512i q = _mm512_cvtpd_epi64(a);
        _mm512_storeu_si512(into, _mm512_add_epi64(_mm512_loadu_si512(into), q));
        if (from != nullptr) _mm512_storeu_si512(from, _mm512_sub_epi64(_mm512_loadu_si512(from), q));
    }
    static U load_u(const std::uint32_t* p) { return _mm512_loadu_si512(p); }
    static void store_u(std::uint32_t* p, U a) { _mm512_storeu_si512(p, a); }
    static U broadcast_u(std::uint32_t x) { return _mm512_set1_epi32(static_cast<int>(x)); }
    static U xor_u(U a, U b) { return _mm512_xor_si512(a, b); }
    static U add_u(U a, U b) { return _mm512_add_epi32(a, b); }
    static U multiply_even_u(U a, std::uint32_t factor) {
        return _mm512_mul_epu32(a, _mm512_set1_epi64(factor));
    }
    static U odd_to_even_u(U a) { return _mm512_srli_epi64(a, 32); }
    static U merge_u(U even, U odd) {
        return _mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32));
    }
    static double fold(D a) {
        const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd(a, 1));
        const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
        return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
    }
};

}  // namespace

const Table& avx512_table() {
    static constexpr Table table = Body<Avx512>::table("avx512");
    return table;
}

}  // namespace coterie::kernels
