// Byte kernels of the tokenizer; the variant follows active() (kernels.hpp).
#pragma once

#include <cstdint>

#include "core/types.hpp"

namespace coterie::kernels {

// Copies n bytes to out, A-Z becoming a-z when lower is set, and sets bit i % 64 of word_mask[i / 64] exactly
// where byte i is one of 0-9 A-Z a-z _. Stops and returns false when a byte is >= 0x80; out and word_mask are
// then unspecified. out: room for n rounded up to a multiple of 64 (the rest becomes 0). word_mask: ceil(n /
// 64) words.
using ClassifyAscii = bool (*)(const std::uint8_t* text, index_t n, bool lower, std::uint8_t* out,
                               std::uint64_t* word_mask) noexcept;

ClassifyAscii classify_ascii();

// The variants, for classify_ascii() to choose from.
bool classify_ascii_portable(const std::uint8_t* text, index_t n, bool lower, std::uint8_t* out,
                             std::uint64_t* word_mask) noexcept;
#ifdef COTERIE_X86_64
bool classify_ascii_avx2(const std::uint8_t* text, index_t n, bool lower, std::uint8_t* out,
                         std::uint64_t* word_mask) noexcept;
bool classify_ascii_avx512(const std::uint8_t* text, index_t n, bool lower, std::uint8_t* out,
                           std::uint64_t* word_mask) noexcept;
#endif

}  // namespace coterie::kernels
