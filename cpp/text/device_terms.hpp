// Device programs that number the terms of a batch of documents and count them.
//
// Words are told apart by their hashes, whose equality is checked byte by byte. An n-gram is, as in Lexicon, the pair (number
// of the n-gram of its first n - 1 words, number of its last word): a key of 64 bits that is exact.
#pragma once

#include "text/device_text.hpp"

namespace coterie::text::device {

// is_first[i]: sorted key i is not that before. Where tokens are given, equal hashes must be of equal bytes.
struct MarkRuns {
    static constexpr const char* kName = "runs of equal keys";
    static constexpr int kThreads = kTextThreads;
    static constexpr std::size_t kSharedBytes = 0;

    const std::uint64_t* keys;
    index_t n;
    std::uint32_t* is_first;
    const std::uint32_t* order;  // [n] the token of a key; null: keys are compared alone
    const Token* tokens;
    const std::uint8_t* lower;
    std::uint32_t* collides;  // [1]

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t i = block.block() * kThreads + t;
            if (i >= n) return;
            is_first[i] = i == 0 || keys[i] != keys[i - 1];
            if (order != nullptr && is_first[i] == 0 && !same_bytes(tokens[order[i]], tokens[order[i - 1]]))
                cuda::atomic_or(collides, 1u);
        });
    }

  private:
    COTERIE_HOST_DEVICE bool same_bytes(const Token& a, const Token& b) const {
        if (a.length != b.length) return false;
        for (index_t q = 0; q < a.length; ++q)
            if (lower[a.begin + q] != lower[b.begin + q]) return false;
        return true;
    }
};

// Sorted key i is of the term before[i + 1] - 1, and so is what lies at place order[i].
struct NumberTerms {
    static constexpr const char* kName = "numbers of terms";
    static constexpr int kThreads = kTextThreads;
    static constexpr std::size_t kSharedBytes = 0;

    const std::uint64_t* keys;   // [n] sorted
    const std::int64_t* before;  // [n + 1] running sum of is_first
    const std::uint32_t* order;  // [n]
    index_t n;
    std::uint32_t* number;  // [places] out
    std::uint32_t* place;   // [terms] out: the first of its places
    std::uint64_t* key;     // [terms] out

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t i = block.block() * kThreads + t;
            if (i >= n) return;
            const std::int64_t term = before[i + 1] - 1;
            number[order[i]] = static_cast<std::uint32_t>(term);
            if (before[i + 1] == before[i]) return;
            place[term] = order[i];
            key[term] = keys[i];
        });
    }
};

// out[offsets[u] ..] = the bytes of term u; with out null its length goes to lengths.
struct GatherTerms {
    static constexpr const char* kName = "texts of terms";
    static constexpr int kThreads = kTextThreads;
    static constexpr std::size_t kSharedBytes = 0;

    const Token* tokens;
    const std::uint32_t* place;  // [n] a token of each term
    const std::uint8_t* lower;
    index_t n;
    std::uint32_t* lengths;       // [n]
    const std::int64_t* offsets;  // [n + 1]
    std::uint8_t* out;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t u = block.block() * kThreads + t;
            if (u >= n) return;
            const Token token = tokens[place[u]];
            if (out == nullptr) {
                lengths[u] = static_cast<std::uint32_t>(token.length);
                return;
            }
            for (index_t b = 0; b < token.length; ++b) out[offsets[u] + b] = lower[token.begin + b];
        });
    }
};

// The words that are no stop words, in order: kept[i] tells them (before null), then they are put at before[i].
struct KeepWords {
    static constexpr const char* kName = "words that are no stop words";
    static constexpr int kThreads = kTextThreads;
    static constexpr std::size_t kSharedBytes = 0;

    const Token* tokens;
    const std::uint32_t* number;  // [n] of the token's term
    index_t n;
    const std::uint8_t* is_stop;  // [terms]
    std::uint32_t* kept;          // [n]
    const std::int64_t* before;   // [n + 1] running sum of kept
    std::uint32_t* word;          // [kept] out: the term
    std::int32_t* document;       // [kept] out

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t i = block.block() * kThreads + t;
            if (i >= n) return;
            const bool keep = is_stop[number[i]] == 0;
            if (before == nullptr) {
                kept[i] = keep;
            } else if (keep) {
                word[before[i]] = number[i];
                document[before[i]] = tokens[i].document;
            }
        });
    }
};

// Place i has an n-gram if the n words from there on are of one document: exists[i] (before null), then its key and place go
// to before[i].
struct GramKeys {
    static constexpr const char* kName = "keys of n-grams";
    static constexpr int kThreads = kTextThreads;
    static constexpr std::size_t kSharedBytes = 0;

    const std::uint32_t* prefix;   // [n] the number of the n-gram one shorter, where there is one
    const std::uint32_t* word;     // [n]
    const std::int32_t* document;  // [n]
    index_t n;
    int length;                  // words of an n-gram
    std::uint32_t* exists;       // [n]
    const std::int64_t* before;  // [n + 1] running sum of exists
    std::uint64_t* keys;         // [n-grams] out
    std::uint32_t* order;        // [n-grams] out

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t i = block.block() * kThreads + t, last = i + length - 1;
            if (i >= n) return;
            const bool is_gram = last < n && document[last] == document[i];
            if (before == nullptr) {
                exists[i] = is_gram;
            } else if (is_gram) {
                keys[before[i]] = static_cast<std::uint64_t>(prefix[i]) << 32 | word[last];
                order[before[i]] = static_cast<std::uint32_t>(i);
            }
        });
    }
};

// pairs[at] = document and term of the term that begins at place i: at = i for words, before[i] for n-grams, where one begins.
struct PairTerms {
    static constexpr const char* kName = "documents and terms";
    static constexpr int kThreads = kTextThreads;
    static constexpr std::size_t kSharedBytes = 0;

    const std::uint32_t* number;   // [n]
    const std::int32_t* document;  // [n]
    const std::int64_t* before;    // [n + 1]; null: every place has a term
    index_t n;
    std::uint64_t first_term;  // the number of term 0 among all terms
    std::uint64_t* pairs;      // out

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t i = block.block() * kThreads + t;
            if (i >= n || (before != nullptr && before[i + 1] == before[i])) return;
            pairs[before == nullptr ? i : before[i]] =
                static_cast<std::uint64_t>(document[i]) << 32 | (first_term + number[i]);
        });
    }
};

// run_begin[e] = where run e of the sorted pairs begins, run_begin[runs] = n.
struct RunBegins {
    static constexpr const char* kName = "beginnings of runs";
    static constexpr int kThreads = kTextThreads;
    static constexpr std::size_t kSharedBytes = 0;

    const std::int64_t* before;  // [n + 1]
    index_t n;
    std::int64_t* run_begin;

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t i = block.block() * kThreads + t;
            if (i >= n) return;
            if (before[i + 1] != before[i]) run_begin[before[i]] = i;
            if (i == n - 1) run_begin[before[n]] = n;
        });
    }
};

// Entry e: a document, one of its terms and how often it has it; both frequencies of the term.
struct CountEntries {
    static constexpr const char* kName = "counts of terms";
    static constexpr int kThreads = kTextThreads;
    static constexpr std::size_t kSharedBytes = 0;

    const std::uint64_t* pairs;     // sorted
    const std::int64_t* run_begin;  // [n + 1]
    index_t n;
    std::uint64_t* entries;                             // [n] document << 32 | term
    std::uint32_t* counts;                              // [n]
    std::int64_t *document_frequency, *term_frequency;  // [terms], from zero

    template <typename Block>
    COTERIE_HOST_DEVICE void operator()(Block& block) const {
        block.each([&](int t) {
            const index_t e = block.block() * kThreads + t;
            if (e >= n) return;
            const std::uint64_t pair = pairs[run_begin[e]];
            const std::int64_t count = run_begin[e + 1] - run_begin[e];
            entries[e] = pair;
            counts[e] = static_cast<std::uint32_t>(count);
            cuda::atomic_add(document_frequency + (pair & 0xFFFFFFFF), std::int64_t{1});
            cuda::atomic_add(term_frequency + (pair & 0xFFFFFFFF), count);
        });
    }
};

}  // namespace coterie::text::device
