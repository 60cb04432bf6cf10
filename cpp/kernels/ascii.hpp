// Byte kernels of the tokenizer; the variant follows active() (kernels.hpp).
#pragma once

#include <cstdint>

#include "core/types.hpp"

namespace coterie::kernels {

// Of 64 bytes: bit i of word is set where byte i is one of 0-9 A-Z a-z _, of high where it is >= 0x80.
struct AsciiBlock {
    std::uint64_t word, high;
};

// Classifies n <= 64 bytes and copies them to out, A-Z becoming a-z when lower is set. out: room for 64; those after the
// n-th are unspecified, and so are their bits.
using ClassifyAscii = AsciiBlock (*)(const std::uint8_t* text, index_t n, bool lower,
                                     std::uint8_t* out) noexcept;

ClassifyAscii classify_ascii();

// The variants, for classify_ascii() to choose from.
AsciiBlock classify_ascii_portable(const std::uint8_t* text, index_t n, bool lower,
                                   std::uint8_t* out) noexcept;
#ifdef COTERIE_X86_64
AsciiBlock classify_ascii_avx2(const std::uint8_t* text, index_t n, bool lower, std::uint8_t* out) noexcept;
AsciiBlock classify_ascii_avx512(const std::uint8_t* text, index_t n, bool lower, std::uint8_t* out) noexcept;
#endif

}  // namespace coterie::kernels
