// Documents of any encoding as UTF-8, as they are; a lone surrogate becomes the three bytes that UTF-8 would give it.
#pragma once

#include <cstdint>
#include <cstring>

#include "text/document.hpp"

namespace coterie::text {

template <typename Char>
std::int64_t utf8_size(const Char* text, index_t n) {
    std::int64_t size = 0;
    for (index_t i = 0; i < n; ++i) {
        const auto code = static_cast<char32_t>(text[i]);
        size += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    }
    return size;
}

template <typename Char>
void write_utf8(const Char* text, index_t n, std::uint8_t* out) {
    for (index_t i = 0; i < n; ++i) {
        auto code = static_cast<char32_t>(text[i]);
        if (code < 0x80) {
            *out++ = static_cast<std::uint8_t>(code);
            continue;
        }
        const int length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        for (int b = length - 1; b > 0; --b, code >>= 6)
            out[b] = static_cast<std::uint8_t>(0x80 | (code & 0x3F));
        out[0] = static_cast<std::uint8_t>((0xF00u >> length) | code);
        out += length;
    }
}

// Calls op(text, n) with the document's units.
template <typename Op>
auto with_units(const Document& document, const Op& op) {
    if (document.encoding == Encoding::ucs2)
        return op(static_cast<const std::uint16_t*>(document.data), document.length);
    if (document.encoding == Encoding::ucs4)
        return op(static_cast<const std::uint32_t*>(document.data), document.length);
    return op(static_cast<const std::uint8_t*>(document.data), document.length);
}

inline bool is_utf8(const Document& document) {
    return document.encoding == Encoding::ascii || document.encoding == Encoding::utf8;
}

inline std::int64_t utf8_size(const Document& document) {
    if (is_utf8(document)) return document.length;
    return with_units(document, [](const auto* text, index_t n) { return utf8_size(text, n); });
}

// out: room for utf8_size(document) bytes.
inline void write_utf8(const Document& document, std::uint8_t* out) {
    if (is_utf8(document)) {
        if (document.length > 0) std::memcpy(out, document.data, static_cast<std::size_t>(document.length));
        return;
    }
    with_units(document, [out](const auto* text, index_t n) { write_utf8(text, n, out); });
}

}  // namespace coterie::text
