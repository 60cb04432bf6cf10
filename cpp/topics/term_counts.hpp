// Documents as integer counts of terms: what the models of topics are fitted on.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.hpp"

namespace coterie {

// Document i has the terms terms[p] with counts[p] >= 1, p in [indptr[i], indptr[i + 1]), increasing in term.
struct TermCounts {
    std::vector<std::int64_t> indptr;
    std::vector<std::int32_t> terms;
    std::vector<std::int32_t> counts;
    std::vector<std::int64_t> length;  // tokens of each document
    index_t n_terms = 0;               // size of the vocabulary

    index_t n_documents() const { return static_cast<index_t>(length.size()); }
    std::int64_t n_tokens() const;
    // Tokens of each term over all documents.
    std::vector<std::int64_t> term_totals() const;
};

// Stored zeros are dropped. Throws std::invalid_argument naming the first row and column of a task whose count is
// negative, not an integer or above 2^24 (float32 holds every integer up to there).
TermCounts term_counts(const CsrView& x, const char* op, int n_threads);

}  // namespace coterie
