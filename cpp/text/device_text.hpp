// Device programs that find the words of documents. The rules are those of Normalizer and find_tokens.
//
// Documents lie one after the other as UTF-8 with at least one zero byte behind each, so that no word reaches into the next.
// A document that needs what is not done here (a lower case of several characters or of another length, a sigma, accents to
// be stripped, bytes that are not UTF-8) is marked; the host normalises it, and it comes again as a segment of its own.
#pragma once

#include <cstdint>

#include "core/types.hpp"
#include "cuda/atomics.hpp"
#include "text/unicode.hpp"

namespace coterie::text::device {

inline constexpr int kTextThreads = 256;
inline constexpr index_t kBytesPerThread = 16, kBytesPerBlock = kTextThreads * kBytesPerThread;

// The tables of unicode.hpp in the device's memory.
struct CharTables {
    const std::uint16_t *block_of, *record_of;
    const CharRecord* records;

    COTERIE_HOST_DEVICE CharRecord at(char32_t code) const {
        return records[record_of[std::uint32_t{block_of[code >> 7]} * 128 + (code & 127)]];
    }
};

// Where the documents lie: segment s is bytes [begin[s], begin[s + 1]), its padding included, of document[s].
struct Segments {
    const std::int64_t* begin;     // [n]
    const std::int32_t* document;  // [n]
    std::uint32_t* marked;         // [n] 1: left to the host
    index_t n;

    // The segment that byte i lies in.
    COTERIE_HOST_DEVICE index_t of(index_t i) const {
        index_t low = 0, high = n;
        while (high - low > 1) {
            const index_t middle = low + (high - low) / 2;
            (begin[middle] <= i ? low : high) = middle;
        }
        return low;
    }
};

enum : std::uint8_t { kNoWord = 0, kWordChar = 1, kInsideChar = 2 };

COTERIE_HOST_DEVICE inline int utf8_size(char32_t code) {
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

// lower[i], kind[i]: the byte in lower case, and whether it begins a word character, is inside of one, or neither.
struct ClassifyText {
    static constexpr const char* kName = "classes of characters";
    static constexpr int kThreads = kTextThreads;
    static constexpr std::size_t kSharedBytes = 0;

    const std::uint8_t* bytes;
    index_t first, end;  // segments of this call: bytes [first, end), with 4 zero bytes behind end
    CharTables tables;
    Segments segments;
    bool lowercase;
    bool is_normalised;         // nothing to change, nothing to mark; surrogates are characters
    bool marks_all;             // characters that are not ASCII are left to the host
    std::uint8_t marked_flags;  // and those with one of these CharFlags
    std::uint8_t *lower, *kind;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t begin = first + block.block() * kBytesPerBlock;
            for (index_t i = begin + t; i < begin + kBytesPerBlock && i < end; i += kThreads) classify(i);
        });
    }

  private:
    COTERIE_HOST_DEVICE void classify(index_t i) const {
        const std::uint8_t b = bytes[i];
        if (b < 0x80) {
            const bool is_upper = b >= 'A' && b <= 'Z';
            const bool is_word = is_upper || (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '_';
            lower[i] = is_upper && lowercase && !is_normalised ? static_cast<std::uint8_t>(b + 32) : b;
            kind[i] = is_word ? kWordChar : kNoWord;
        } else if (b < 0xC0) {
            if (!is_normalised && !is_covered(i)) mark(i);
        } else {
            classify_character(i);
        }
    }

    // decode_utf8 of the character that begins at i; 0 when it is not valid.
    COTERIE_HOST_DEVICE char32_t decode(index_t i, int& length) const {
        const std::uint8_t lead = bytes[i];
        length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
        if (lead < 0xC2 || lead > 0xF4) return 0;
        char32_t code = lead & (0x7F >> length);
        for (int b = 1; b < length; ++b) {
            if ((bytes[i + b] & 0xC0) != 0x80) return 0;
            code = code << 6 | (bytes[i + b] & 0x3Fu);
        }
        const bool is_surrogate = code >= 0xD800 && code < 0xE000;
        return utf8_size(code) != length || code > 0x10FFFF || (is_surrogate && !is_normalised) ? 0 : code;
    }

    COTERIE_HOST_DEVICE void classify_character(index_t i) const {
        int length = 0;
        char32_t code = decode(i, length);
        if (code == 0 || (marks_all && !is_normalised)) return mark(i);
        if (lowercase && !is_normalised) {
            const CharRecord record = tables.at(code);
            if (record.flags & kLowerIsSpecial) return mark(i);
            code += static_cast<char32_t>(record.lower_delta);
            if (utf8_size(code) != length) return mark(i);
        }
        const std::uint8_t flags = tables.at(code).flags;
        if ((flags & marked_flags) && !is_normalised) return mark(i);
        const bool is_word = flags & kWord;
        kind[i] = is_word ? kWordChar : kNoWord;
        for (int b = length - 1; b > 0; --b, code >>= 6) {
            lower[i + b] = static_cast<std::uint8_t>(0x80 | (code & 0x3F));
            kind[i + b] = is_word ? kInsideChar : kNoWord;
        }
        lower[i] = static_cast<std::uint8_t>((0xF00u >> length) | code);
    }

    // Whether continuation byte i belongs to a lead byte before it.
    COTERIE_HOST_DEVICE bool is_covered(index_t i) const {
        for (int back = 1; back <= 3 && i - back >= first; ++back) {
            const std::uint8_t b = bytes[i - back];
            if (b < 0x80) return false;
            if (b >= 0xC0) return back < (b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : 2);
        }
        return false;
    }

    COTERIE_HOST_DEVICE void mark(index_t i) const { cuda::atomic_or(segments.marked + segments.of(i), 1u); }
};

// One occurrence of a word.
struct Token {
    std::int64_t begin;
    std::int32_t length;
    std::int32_t document;
};

// The maximal runs of word characters with at least min_chars of them: how many begin in each block's bytes (tokens null), or
// the tokens themselves and their hashes, in order.
struct FindTokens {
    static constexpr const char* kName = "words of documents";
    static constexpr int kThreads = kTextThreads;
    static constexpr std::size_t kSharedBytes = kThreads * sizeof(std::uint32_t);

    const std::uint8_t *lower, *kind;  // [n], and zeros behind them
    index_t n;
    Segments segments;
    int min_chars;
    std::uint64_t seed, hash_mask;
    std::uint32_t* counts;        // [blocks], out where tokens is null
    const std::int64_t* offsets;  // [blocks]
    Token* tokens;
    std::uint64_t* hashes;
    std::uint32_t* order;  // 0, 1, 2, ..

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        std::uint32_t* const found = block.template shared<std::uint32_t>(0);
        const index_t begin = block.block() * kBytesPerBlock;
        block.each([&](int t) {
            std::uint32_t count = 0;
            each_token(begin + t * kBytesPerThread, [&](index_t, index_t) { ++count; });
            found[t] = count;
        });
        block.sync();
        block.each([&](int t) {
            if (t != 0) return;
            std::uint32_t sum = 0;
            for (int q = 0; q < kThreads; ++q) {
                const std::uint32_t count = found[q];
                found[q] = sum;
                sum += count;
            }
            if (tokens == nullptr) counts[block.block()] = sum;
        });
        block.sync();
        if (tokens == nullptr) return;
        block.each([&](int t) {
            index_t at = offsets[block.block()] + found[t];
            each_token(begin + t * kBytesPerThread, [&](index_t i, index_t length) {
                tokens[at] = {i, static_cast<std::int32_t>(length), segments.document[segments.of(i)]};
                order[at] = static_cast<std::uint32_t>(at);
                hashes[at++] = hash(i, length);
            });
        });
    }

  private:
    // take(begin, length) for every token that begins in kBytesPerThread bytes from i on.
    template <typename Take>
    COTERIE_HOST_DEVICE void each_token(index_t i, const Take& take) const {
        const index_t end = i + kBytesPerThread < n ? i + kBytesPerThread : n;
        for (; i < end; ++i) {
            if (kind[i] != kWordChar || (i > 0 && kind[i - 1] != kNoWord)) continue;
            int n_chars = 0;
            index_t stop = i;
            for (; stop < n && kind[stop] != kNoWord; ++stop) n_chars += kind[stop] == kWordChar;
            if (n_chars >= min_chars && segments.marked[segments.of(i)] == 0) take(i, stop - i);
        }
    }

    // FNV-1a from a seed, then mixed so that every bit depends on every byte (the finaliser of MurmurHash3).
    COTERIE_HOST_DEVICE std::uint64_t hash(index_t i, index_t length) const {
        std::uint64_t h = 0xCBF29CE484222325u ^ seed;
        for (index_t b = 0; b < length; ++b) h = (h ^ lower[i + b]) * 0x100000001B3u;
        h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCDu;
        h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53u;
        return (h ^ (h >> 33)) & hash_mask;
    }
};

}  // namespace coterie::text::device
