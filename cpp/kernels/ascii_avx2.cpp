// AVX2: one block of 64 bytes is two vectors. Comparisons are signed, so that no byte >= 0x80 is in a range.
#include <immintrin.h>

#include <cstring>

#include "kernels/ascii.hpp"

namespace coterie::kernels {
namespace {

__m256i in_range(__m256i v, char first, char last) {
    return _mm256_and_si256(_mm256_cmpgt_epi8(v, _mm256_set1_epi8(static_cast<char>(first - 1))),
                            _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(last + 1)), v));
}

struct Half {
    std::uint32_t word, high;
};

Half classify_half(const std::uint8_t* text, bool lower, std::uint8_t* out) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
    const __m256i bit5 = _mm256_set1_epi8(0x20);
    const __m256i letter = in_range(_mm256_or_si256(v, bit5), 'a', 'z');
    const __m256i lowered = lower ? _mm256_or_si256(v, _mm256_and_si256(letter, bit5)) : v;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), lowered);
    const __m256i word = _mm256_or_si256(_mm256_or_si256(letter, in_range(v, '0', '9')),
                                         _mm256_cmpeq_epi8(v, _mm256_set1_epi8('_')));
    return {static_cast<std::uint32_t>(_mm256_movemask_epi8(word)),
            static_cast<std::uint32_t>(_mm256_movemask_epi8(v))};
}

}  // namespace

AsciiBlock classify_ascii_avx2(const std::uint8_t* text, index_t n, bool lower, std::uint8_t* out) noexcept {
    std::uint8_t rest[64];
    if (n < 64) {
        std::memset(rest, 0, 64);
        std::memcpy(rest, text, static_cast<std::size_t>(n));
        text = rest;
    }
    const Half first = classify_half(text, lower, out);
    const Half second = classify_half(text + 32, lower, out + 32);
    return {first.word | std::uint64_t{second.word} << 32, first.high | std::uint64_t{second.high} << 32};
}

}  // namespace coterie::kernels
