// Terms in column order: their UTF-8 texts end to end, and where each begins.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/types.hpp"
#include "text/lexicon.hpp"

namespace coterie::text {

struct TermList {
    std::string bytes;
    std::vector<std::int64_t> offsets = {0};  // one more than terms

    index_t size() const { return static_cast<index_t>(offsets.size()) - 1; }
    std::string_view operator[](index_t i) const {
        const auto b = static_cast<std::size_t>(offsets[static_cast<std::size_t>(i)]);
        return std::string_view(bytes).substr(
            b, static_cast<std::size_t>(offsets[static_cast<std::size_t>(i) + 1]) - b);
    }
    void push_back(std::string_view text) {
        bytes += text;
        offsets.push_back(static_cast<std::int64_t>(bytes.size()));
    }
};

// A fixed vocabulary, shared by any number of threads: term -> column.
class Vocabulary {
  public:
    // The columns are the positions in terms. joined: terms with spaces are n-grams of tokens. stop_words are
    // never counted: they are the ids below n_stop_words() of lexicon(). Throws std::invalid_argument for
    // duplicate terms.
    Vocabulary(const TermList& terms, bool joined, const TermList& stop_words);

    const Lexicon& lexicon() const { return lexicon_; }
    TermId n_stop_words() const { return n_stop_words_; }
    // Per id of the lexicon: the column, or -1 for what is only part of a term.
    const std::vector<std::int32_t>& columns() const { return columns_; }
    index_t size() const { return size_; }

  private:
    Lexicon lexicon_;
    TermId n_stop_words_ = 0;
    std::vector<std::int32_t> columns_;
    index_t size_;
};

}  // namespace coterie::text
