// One document -> lower-case, accent-stripped UTF-8 with a mask of its word characters. Lone surrogates are
// written as the three bytes that UTF-8 would give them, so that byte order is code point order for every
// Python string.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/ascii.hpp"
#include "text/document.hpp"

namespace coterie::text {

enum class StripAccents : std::uint8_t { none, ascii, unicode };

struct NormalizeOptions {
    bool lowercase = true;
    StripAccents strip_accents = StripAccents::none;
};

// A view into the normaliser that made it, valid until its next run.
struct NormalizedText {
    const std::uint8_t* bytes = nullptr;  // followed by at least 8 readable bytes
    std::uint32_t size = 0;               // in bytes
    const std::uint64_t* word_mask =
        nullptr;  // bit i: byte i belongs to a word character; ceil(size / 64) words
    bool ascii = true;
};

// Scratch of one thread.
class Normalizer {
  public:
    explicit Normalizer(const NormalizeOptions& options)
        : options_(options), classify_(kernels::classify_ascii()) {}

    // Throws std::invalid_argument, naming the row, for invalid UTF-8 and for 2**32 - 1 bytes or more.
    NormalizedText run(const Document& document, index_t row);

  private:
    struct Output;

    template <typename Source>
    bool normalize(const Source& source);
    template <typename Source>
    Output put_special_lower(Output out, const Source& source, index_t i, char32_t code);
    template <typename Source>
    void put_character(Output& out, const Source& source, index_t i, char32_t code);
    Output put_stripped(Output out, char32_t code);
    void make_room(Output& out);
    bool changes_accents(char32_t code, std::uint8_t flags) const;

    NormalizeOptions options_;
    kernels::ClassifyAscii classify_;
    std::vector<std::uint8_t> bytes_;
    std::vector<std::uint64_t> mask_;
    std::vector<char32_t> decoded_;
    std::size_t size_ = 0;
    bool ascii_ = true;
};

}  // namespace coterie::text
