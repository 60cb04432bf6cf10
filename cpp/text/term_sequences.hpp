// The words of documents in the order in which they occur, as columns of a vocabulary.
#pragma once

#include <cstdint>
#include <vector>

#include "core/large_vector.hpp"
#include "text/document.hpp"
#include "text/term_list.hpp"
#include "text/tokenize.hpp"

namespace coterie::text {

// Document i has columns[offsets[i] .. offsets[i + 1]); what is not in the vocabulary is left out.
struct TermSequences {
    LargeVector<std::int32_t> columns;
    std::vector<std::int64_t> offsets;
};

// Single words only: options.analyzer is word and its n-grams have length 1. Errors number documents from first_row.
TermSequences term_sequences(const DocumentSource& documents, const AnalyzeOptions& options,
                             const Vocabulary& vocabulary, index_t first_row, int n_threads);

}  // namespace coterie::text
