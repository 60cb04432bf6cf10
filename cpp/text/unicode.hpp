// What Python knows about a code point; the tables are generated at build time by the Python that builds.
#pragma once

#include <cstddef>
#include <cstdint>

namespace coterie::text {

enum CharFlag : std::uint8_t {
    kWord = 1,             // \w of re: str.isalnum() or '_'
    kSpace = 2,            // \s of re: str.isspace()
    kCased = 4,            // cased and not case-ignorable
    kCaseIgnorable = 8,    // skipped when str.lower looks for the cased neighbours of a sigma
    kLowerIsSpecial = 16,  // lower case of more than one character, or that depends on the context (sigma)
    kStripped = 32,        // strip_accents_unicode changes it
};

struct CharRecord {
    std::int32_t lower_delta;  // lower case minus the code point; 0 when kLowerIsSpecial
    std::uint8_t flags;
};

extern const std::uint16_t kBlockOf[];   // code point / 128 -> block
extern const std::uint16_t kRecordOf[];  // block * 128 + code point % 128 -> record
extern const CharRecord kRecords[];

inline constexpr char32_t kSigma = 0x3A3, kSmallSigma = 0x3C3, kFinalSigma = 0x3C2;

// code < 0x110000; lone surrogates are code points like any other.
inline const CharRecord& char_record(char32_t code) {
    return kRecords[kRecordOf[std::uint32_t{kBlockOf[code >> 7]} * 128 + (code & 127)]];
}

// The tables as arrays, to be copied elsewhere.
struct UnicodeTables {
    const std::uint16_t *block_of, *record_of;
    const CharRecord* records;
    std::size_t n_blocks, n_places, n_records;
};
UnicodeTables unicode_tables();

// A short sequence of code points.
struct CodePoints {
    const char32_t* data;
    std::uint32_t size;
};

// The lower case of a kLowerIsSpecial code point other than sigma.
CodePoints special_lower(char32_t code);

// strip_accents_unicode of a kStripped code point: NFKD without combining characters. Hangul syllables are
// spelled out into scratch, which has room for 3.
CodePoints stripped(char32_t code, char32_t* scratch);

}  // namespace coterie::text
