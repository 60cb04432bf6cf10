// AVX-512BW: one block of 64 bytes is one vector, and its comparisons yield the 64-bit mask itself.
#include <immintrin.h>

#include "kernels/ascii.hpp"

namespace coterie::kernels {

AsciiBlock classify_ascii_avx512(const std::uint8_t* text, index_t n, bool lower,
                                 std::uint8_t* out) noexcept {
    const __m512i bit5 = _mm512_set1_epi8(0x20);
    const __mmask64 valid = n >= 64 ? ~__mmask64{0} : (__mmask64{1} << n) - 1;
    const __m512i v = _mm512_maskz_loadu_epi8(valid, text);
    const __m512i from_a = _mm512_sub_epi8(_mm512_or_si512(v, bit5), _mm512_set1_epi8('a'));
    const __mmask64 letter = _mm512_cmple_epu8_mask(from_a, _mm512_set1_epi8('z' - 'a'));
    const __m512i from_0 = _mm512_sub_epi8(v, _mm512_set1_epi8('0'));
    const __mmask64 digit = _mm512_cmple_epu8_mask(from_0, _mm512_set1_epi8(9));
    const __mmask64 underscore = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('_'));
    const __m512i lowered = _mm512_mask_add_epi8(v, letter, _mm512_andnot_si512(bit5, v), bit5);
    _mm512_storeu_si512(out, lower ? lowered : v);
    return {letter | digit | underscore, _mm512_movepi8_mask(v)};
}

}  // namespace coterie::kernels
