#include "kernels/ascii.hpp"

#include <string_view>

#include "kernels/kernels.hpp"

namespace coterie::kernels {
namespace {

bool is_word(std::uint8_t c) {
    const std::uint8_t folded = c | 0x20;
    return (folded >= 'a' && folded <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

AsciiBlock classify_ascii_portable(const std::uint8_t* text, index_t n, bool lower,
                                   std::uint8_t* out) noexcept {
    AsciiBlock block = {0, 0};
    for (index_t b = 0; b < n; ++b) {
        const std::uint8_t c = text[b];
        block.word |= std::uint64_t{is_word(c)} << b;
        block.high |= std::uint64_t{c >= 0x80} << b;
        out[b] = lower && c >= 'A' && c <= 'Z' ? c | 0x20 : c;
    }
    return block;
}

ClassifyAscii classify_ascii() {
#ifdef COTERIE_X86_64
    const std::string_view isa = active().name;
    if (isa == "portable") return classify_ascii_portable;
    return isa == "avx2" ? classify_ascii_avx2 : classify_ascii_avx512;
#else
    return classify_ascii_portable;
#endif
}

}  // namespace coterie::kernels
