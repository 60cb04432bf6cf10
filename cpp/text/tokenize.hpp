// Where the tokens or character n-grams of a normalised document lie.
#pragma once

#include <cstdint>
#include <vector>

#include "text/normalize.hpp"

namespace coterie::text {

enum class Analyzer : std::uint8_t { word, chars, char_wb };

struct AnalyzeOptions {
    Analyzer analyzer = Analyzer::word;
    int min_n = 1, max_n = 1;
    int min_token_chars = 2;  // of a run of word characters; \b\w\w+\b is 2
    NormalizeOptions normalize;
};

// Bytes [begin, end) of a text that is followed by 8 readable bytes.
struct Span {
    std::uint32_t begin;
    std::uint32_t end;
};

// The maximal runs of word characters that have at least min_chars of them, in order.
void find_tokens(const NormalizedText& text, int min_chars, std::vector<Span>& tokens);

// Character n-grams as scikit-learn's analyzers "char" and "char_wb" make them. Scratch of one thread.
class CharGrams {
  public:
    // Spans into bytes(), which lives until the next run. For char_wb words are padded with one space on both
    // sides.
    const std::vector<Span>& run(const NormalizedText& text, const AnalyzeOptions& options);
    const std::uint8_t* bytes() const { return bytes_.data(); }

  private:
    void collapse_spaces(const NormalizedText& text);
    void pad_words();
    void add_grams(Span chars, int min_n, int max_n);
    void append(const std::uint8_t* bytes, std::uint32_t length);

    std::vector<std::uint8_t> bytes_;
    std::vector<std::uint32_t> char_begin_;  // one more than characters
    std::vector<std::uint8_t> source_;       // bytes_ and char_begin_ before padding
    std::vector<std::uint32_t> source_begin_;
    std::vector<Span> words_;  // in characters, padding included
    std::vector<Span> grams_;
};

}  // namespace coterie::text
