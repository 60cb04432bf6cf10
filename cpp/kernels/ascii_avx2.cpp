// AVX2: one block of 64 bytes is two vectors. Signed comparisons suffice, because a byte >= 0x80 ends the
// work.
#include <immintrin.h>

#include "kernels/ascii.hpp"

namespace coterie::kernels {
namespace {

__m256i in_range(__m256i v, char first, char last) {
    return _mm256_and_si256(_mm256_cmpgt_epi8(v, _mm256_set1_epi8(static_cast<char>(first - 1))),
                            _mm256_cmpgt_epi8(_mm256_set1_epi8(static_cast<char>(last + 1)), v));
}

// Classifies 32 bytes; sets high when one of them is not ASCII.
std::uint32_t classify_half(const std::uint8_t* text, bool lower, std::uint8_t* out, bool& high) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
    high |= _mm256_movemask_epi8(v) != 0;
    const __m256i bit5 = _mm256_set1_epi8(0x20);
    const __m256i letter = in_range(_mm256_or_si256(v, bit5), 'a', 'z');
    const __m256i lowered = lower ? _mm256_or_si256(v, _mm256_and_si256(letter, bit5)) : v;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), lowered);
    const __m256i word = _mm256_or_si256(_mm256_or_si256(letter, in_range(v, '0', '9')),
                                         _mm256_cmpeq_epi8(v, _mm256_set1_epi8('_')));
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(word));
}

bool classify_block(const std::uint8_t* text, bool lower, std::uint8_t* out, std::uint64_t* mask) {
    bool high = false;
    const std::uint64_t first = classify_half(text, lower, out, high);
    const std::uint64_t second = classify_half(text + 32, lower, out + 32, high);
    *mask = first | second << 32;
    return !high;
}

}  // namespace

bool classify_ascii_avx2(const std::uint8_t* text, index_t n, bool lower, std::uint8_t* out,
                         std::uint64_t* word_mask) noexcept {
    index_t begin = 0;
    for (; begin + 64 <= n; begin += 64)
        if (!classify_block(text + begin, lower, out + begin, word_mask + begin / 64)) return false;
    if (begin == n) return true;
    std::uint8_t rest[64] = {};
    for (index_t b = 0; begin + b < n; ++b) rest[b] = text[begin + b];
    return classify_block(rest, lower, out + begin, word_mask + begin / 64);
}

}  // namespace coterie::kernels
