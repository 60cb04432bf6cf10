// The hashing trick: a term's column is a hash of its text, so that no vocabulary is kept.
#pragma once

#include "text/count_terms.hpp"

namespace coterie::text {

struct HashOptions {
    index_t n_features = 1 << 20;
    bool alternate_sign = true;  // the hash's sign is the sign of the count
    bool binary = false;         // every stored value becomes 1
    Norm norm = Norm::l2;
};

// MurmurHash3_x86_32 (Appleby, public domain) as a signed number.
std::int32_t murmur3(const std::uint8_t* bytes, std::size_t n, std::uint32_t seed);

// Rows of documents x n_features. A stored value may be 0 where terms of opposite sign met.
template <typename T>
CountMatrix<T> hash_documents(const DocumentSource& documents, const AnalyzeOptions& options,
                              const TermList& stop_words, const HashOptions& hashing, int n_threads);

// The same for documents that are already analysed: document i has the terms [offsets[i], offsets[i + 1]).
template <typename T>
CountMatrix<T> hash_terms(const DocumentSource& terms, const std::int64_t* offsets, index_t n_documents,
                          const HashOptions& hashing, int n_threads);

}  // namespace coterie::text
