#include "text/normalize.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/check.hpp"
#include "text/unicode.hpp"

namespace coterie::text {
namespace {

constexpr std::uint32_t kBlock = 64;  // units of a source that are classified at once
// A code point becomes at most 18 by NFKD (U+FDFA), at most 3 by lower case, and each of them at most 4
// bytes.
constexpr std::size_t kMaxExpansion = 3 * 18 * 4;
// Bytes that a block needs if none of its characters becomes several, and then one that does.
constexpr std::size_t kRoom = kBlock * 4 + kMaxExpansion;
// Readable bytes behind the text: the kernels work on blocks of 64, the lexicon reads 8 bytes at a token's
// start.
constexpr std::size_t kPadding = 64 + 8;
constexpr index_t kMaxBytes = std::numeric_limits<std::uint32_t>::max() - 1024;

// str.lower: a sigma is final when a cased character stands before it and none after it, case-ignorable ones
// skipped.
template <typename Char>
bool is_final_sigma(const Char* text, index_t n, index_t i) {
    const auto flags = [&](index_t j) { return char_record(text[j]).flags; };
    index_t j = i - 1;
    while (j >= 0 && (flags(j) & kCaseIgnorable)) --j;
    if (j < 0 || !(flags(j) & kCased)) return false;
    for (j = i + 1; j < n && (flags(j) & kCaseIgnorable);) ++j;
    return j == n || !(flags(j) & kCased);
}

// The units of a document of one to four bytes for each character.
template <typename Char>
struct Units {
    static constexpr bool kKnowsContext = true;
    const Char* text;
    index_t n;

    // The m <= kBlock units from i as bytes, those that are not ASCII as some byte >= 0x80.
    const std::uint8_t* bytes(index_t i, index_t m, std::uint8_t* scratch) const {
        if constexpr (sizeof(Char) == 1) return text + i;
        const auto narrow = [](Char c) { return static_cast<std::uint8_t>(c < 0x80 ? c : 0x80); };
        for (index_t b = 0; b < m; ++b) scratch[b] = narrow(text[i + b]);
        return scratch;
    }
    // The character that begins at i, and the number of its units; 0 where it is invalid.
    index_t decode(index_t i, char32_t& code) const {
        code = text[i];
        return 1;
    }
    bool is_final_sigma(index_t i) const { return text::is_final_sigma(text, n, i); }
};

// Strict UTF-8: no surrogates, no overlong forms.
struct Utf8 {
    static constexpr bool kKnowsContext = false;
    const std::uint8_t* text;
    index_t n;

    const std::uint8_t* bytes(index_t i, index_t, std::uint8_t*) const { return text + i; }
    index_t decode(index_t i, char32_t& code) const {
        const std::uint8_t lead = text[i];
        code = lead;
        if (lead < 0x80) return 1;
        const int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if (lead < 0xC2 || lead > 0xF4 || n - i < length) return 0;
        code = lead & (0x7F >> length);
        for (int b = 1; b < length; ++b) {
            if ((text[i + b] & 0xC0) != 0x80) return 0;
            code = code << 6 | (text[i + b] & 0x3F);
        }
        const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
        return overlong || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0 : length;
    }
};

bool decode_all(const Utf8& source, std::vector<char32_t>& out) {
    out.clear();
    char32_t code = 0;
    for (index_t i = 0, length = 0; i < source.n; i += length) {
        length = source.decode(i, code);
        if (length == 0) return false;
        out.push_back(code);
    }
    return true;
}

std::uint64_t low_bits(std::uint32_t n) {
    return n < 64 ? (std::uint64_t{1} << n) - 1 : ~std::uint64_t{0};
}

}  // namespace

// Where the next byte goes. Passed by value, so that it stays in registers while bytes are written. There is always
// room for one character that becomes several, and for a block of others.
struct Normalizer::Output {
    std::uint8_t* bytes;
    std::uint64_t* mask;  // of the word that size lies in, bits from size on are clear
    std::size_t size;
    bool ascii;

    // n <= 64 bytes are in place; bits from the n-th on are clear.
    void advance(std::uint32_t n, std::uint64_t word_bits) {
        const std::size_t at = size / 64, shift = size % 64;
        mask[at] |= word_bits << shift;
        mask[at + 1] = word_bits >> 1 >> (63 - shift);
        size += n;
    }

    void put(char32_t code, bool is_word) {
        std::uint8_t* const out = bytes + size;
        std::uint32_t length = 1;
        if (code < 0x80) {
            out[0] = static_cast<std::uint8_t>(code);
        } else if (code < 0x800) {
            length = 2;
            out[0] = static_cast<std::uint8_t>(0xC0 | code >> 6);
            out[1] = static_cast<std::uint8_t>(0x80 | (code & 0x3F));
        } else {
            length = code < 0x10000 ? 3 : 4;
            for (std::uint32_t b = length - 1; b > 0; --b, code >>= 6)
                out[b] = static_cast<std::uint8_t>(0x80 | (code & 0x3F));
            out[0] = static_cast<std::uint8_t>((0xF00u >> length) | code);
        }
        ascii &= length == 1;
        advance(length, is_word ? low_bits(length) : 0);
    }
};

void Normalizer::make_room(Output& out) {
    const std::size_t needed = out.size + kRoom + kPadding;
    if (bytes_.size() < needed) {
        bytes_.resize(std::max(needed, bytes_.size() + bytes_.size() / 2));
        mask_.resize(bytes_.size() / 64 + 2);
    }
    out.bytes = bytes_.data();
    out.mask = mask_.data();
}

bool Normalizer::changes_accents(char32_t code, std::uint8_t flags) const {
    return options_.strip_accents != StripAccents::none &&
           ((flags & kStripped) != 0 || (options_.strip_accents == StripAccents::ascii && code >= 0x80));
}

Normalizer::Output Normalizer::put_stripped(Output out, char32_t code) {
    char32_t scratch[3];
    CodePoints text = {&code, 1};
    if (options_.strip_accents != StripAccents::none && (char_record(code).flags & kStripped))
        text = stripped(code, scratch);
    for (std::uint32_t i = 0; i < text.size; ++i)
        if (text.data[i] < 0x80 || options_.strip_accents != StripAccents::ascii)
            out.put(text.data[i], char_record(text.data[i]).flags & kWord);
    make_room(out);
    return out;
}

template <typename Source>
Normalizer::Output Normalizer::put_special_lower(Output out, const Source& source, index_t i, char32_t code) {
    if constexpr (Source::kKnowsContext)
        if (code == kSigma) return put_stripped(out, source.is_final_sigma(i) ? kFinalSigma : kSmallSigma);
    const CodePoints lower = special_lower(code);
    for (std::uint32_t j = 0; j < lower.size; ++j) out = put_stripped(out, lower.data[j]);
    return out;
}

template <typename Source>
[[gnu::always_inline]] inline void Normalizer::put_character(Output& out, const Source& source, index_t i,
                                                             char32_t code) {
    const CharRecord* record = &char_record(code);
    if (options_.lowercase) {
        if (record->flags & kLowerIsSpecial) {
            out = put_special_lower(out, source, i, code);
            return;
        }
        code += static_cast<char32_t>(record->lower_delta);
        record = &char_record(code);
    }
    if (changes_accents(code, record->flags)) {
        out = put_stripped(out, code);
    } else {
        out.put(code, record->flags & kWord);
    }
}

// Runs of ASCII are taken from their block, which was classified as a whole; other characters one by one. Returns false
// where the source is invalid or its context is needed and not known.
template <typename Source>
bool Normalizer::normalize(const Source& source) {
    Output out = {nullptr, nullptr, 0, true};
    make_room(out);
    out.mask[0] = 0;
    std::uint8_t narrowed[kBlock], lowered[2 * kBlock];  // of lowered, the second half is read and not used
    for (index_t i = 0; i < source.n;) {
        make_room(out);
        const auto m = static_cast<std::uint32_t>(std::min<index_t>(kBlock, source.n - i));
        const kernels::AsciiBlock block =
            classify_(source.bytes(i, m, narrowed), m, options_.lowercase, out.bytes + out.size);
        const std::uint64_t high = block.high & low_bits(m);
        if (high == 0) {
            out.advance(m, block.word & low_bits(m));
            i += m;
            continue;
        }
        std::memcpy(lowered, out.bytes + out.size, kBlock);
        index_t at = 0;
        while (at < m) {
            const std::uint64_t rest = high >> at;
            const auto run = static_cast<std::uint32_t>(rest == 0 ? m - at : __builtin_ctzll(rest));
            if (run > 0) {
                std::memcpy(out.bytes + out.size, lowered + at, kBlock);
                out.advance(run, block.word >> at & low_bits(run));
                at += run;
            }
            while (at < m && (high >> at & 1) != 0) {
                char32_t code = 0;
                const index_t length = source.decode(i + at, code);
                if (length == 0) return false;
                if (!Source::kKnowsContext && options_.lowercase && code == kSigma) return false;
                put_character(out, source, i + at, code);
                at += length;
            }
        }
        i += at;
    }
    size_ = out.size;
    ascii_ = out.ascii;
    return true;
}

NormalizedText Normalizer::run(const Document& document, index_t row) {
    const index_t n = document.length;
    const auto* bytes = static_cast<const std::uint8_t*>(document.data);
    if (document.encoding == Encoding::ascii || document.encoding == Encoding::utf8) {
        require(n <= kMaxBytes, "text", "document ", row, " has ", n, " bytes; at most ", kMaxBytes,
                " are supported");
        const Utf8 source = {bytes, n};
        if (!normalize(source)) {
            require(decode_all(source, decoded_), "text", "document ", row, " is not valid UTF-8");
            normalize(Units<char32_t>{decoded_.data(), static_cast<index_t>(decoded_.size())});
        }
    } else if (document.encoding == Encoding::latin1) {
        normalize(Units<std::uint8_t>{bytes, n});
    } else if (document.encoding == Encoding::ucs2) {
        normalize(Units<std::uint16_t>{static_cast<const std::uint16_t*>(document.data), n});
    } else {
        normalize(Units<std::uint32_t>{static_cast<const std::uint32_t*>(document.data), n});
    }
    require(static_cast<index_t>(size_) <= kMaxBytes, "text", "document ", row, " has ", size_,
            " bytes; at most ", kMaxBytes, " are supported");
    std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(size_), kPadding, std::uint8_t{0});
    return {bytes_.data(), static_cast<std::uint32_t>(size_), mask_.data(), ascii_};
}

}  // namespace coterie::text
