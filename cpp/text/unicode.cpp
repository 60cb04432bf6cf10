#include "text/unicode.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace coterie::text {
namespace {

struct SpecialLower {
    char32_t code;
    std::uint32_t size;
    char32_t lower[3];
};

}  // namespace

#include "text/unicode_tables.inc"

UnicodeTables unicode_tables() {
    return {kBlockOf, kRecordOf, kRecords, std::size(kBlockOf), std::size(kRecordOf), std::size(kRecords)};
}

CodePoints special_lower(char32_t code) {
    const SpecialLower* entry = std::find_if(kSpecialLower, kSpecialLower + kSpecialCount,
                                             [&](const SpecialLower& s) { return s.code == code; });
    return {entry->lower, entry->size};
}

CodePoints stripped(char32_t code, char32_t* scratch) {
    if (code >= 0xAC00 && code < 0xD7A4) {
        const char32_t syllable = code - 0xAC00, tail = syllable % 28;
        scratch[0] = 0x1100 + syllable / 588;
        scratch[1] = 0x1161 + syllable % 588 / 28;
        scratch[2] = 0x11A7 + tail;
        return {scratch, tail != 0 ? 3u : 2u};
    }
    const std::ptrdiff_t i =
        std::lower_bound(kStrippedCode, kStrippedCode + kStrippedCount, code) - kStrippedCode;
    return {kStrippedText + kStrippedOffset[i], kStrippedOffset[i + 1] - kStrippedOffset[i]};
}

}  // namespace coterie::text
