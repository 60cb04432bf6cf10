// Counts the terms of documents on all cores.
//
// Every thread has a lexicon and tallies of its own; merge() joins them. Counts are integers and the columns
// are the terms in sorted order, so the result is the same whichever thread counted which document.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "text/document.hpp"
#include "text/lexicon.hpp"
#include "text/term_list.hpp"
#include "text/tfidf.hpp"
#include "text/tokenize.hpp"

namespace coterie::text {

// What is known of one term: the state of the document being counted, and the totals.
struct Tally {
    std::uint32_t document = 0;  // the thread's number of the last document that had the term; 0: none
    std::uint32_t entry = 0;     // where in that document's entries its count is
    std::int64_t document_frequency = 0;
    std::int64_t term_frequency = 0;
};

// Of some terms: documents that have them, and occurrences.
struct Frequencies {
    std::vector<std::int64_t> document, term;
};

struct Entry {
    TermId term;
    std::uint32_t count;
};

// The counts of a range of consecutive documents.
struct CountedRows {
    int slot = 0;
    std::vector<Entry> entries;  // document by document, terms in order of first occurrence
    std::vector<std::int64_t> row_lengths;
};

// The state of one thread.
struct CountingSlot {
    Lexicon lexicon;             // unused with a fixed vocabulary
    LargeVector<Tally> tallies;  // by id of the lexicon or the vocabulary
    std::uint32_t document = 0;
    std::vector<TermId> merged_ids;  // after merge(): the id in the first slot's lexicon
};

template <typename T>
struct CountMatrix {
    LargeVector<T> data;
    LargeVector<std::int32_t> indices;
    std::vector<std::int64_t> indptr;
};

class TermCounter {
  public:
    // vocabulary may be null: the terms are then those that occur, but for stop_words. keep_rows: rows() will
    // be asked for.
    TermCounter(const AnalyzeOptions& options, const TermList& stop_words,
                std::shared_ptr<const Vocabulary> vocabulary, bool keep_rows);

    // Counts documents, which follow those added before. After an exception the counter must not be used any
    // more.
    void add_documents(const DocumentSource& documents, int n_threads);
    // The same for documents that are already analysed: document i has the terms [offsets[i], offsets[i +
    // 1]).
    void add_terms(const DocumentSource& terms, const std::int64_t* offsets, index_t n_documents,
                   int n_threads);
    // Adds totals that were counted elsewhere; joined as in Vocabulary.
    void add_totals(const TermList& terms, const std::int64_t* document_frequency,
                    const std::int64_t* term_frequency, index_t n_documents, bool joined);

    // What counts documents elsewhere asks for ids here and adds its totals of them; it keeps the rows. A term that is not
    // in the vocabulary has none (kAbsent); a token's id below n_stop_words() is that of a stop word.
    const AnalyzeOptions& options() const { return options_; }
    bool keeps_rows() const { return keep_rows_; }
    TermId n_stop_words() const;
    std::vector<TermId> token_ids(const TermList& tokens);
    // Of the n-grams with the n-gram prefixes[key >> 32] before the token lasts[key's low half].
    std::vector<TermId> gram_ids(const std::vector<std::uint64_t>& keys, const std::vector<TermId>& prefixes,
                                 const std::vector<TermId>& lasts);
    void add_counted(const std::vector<TermId>& ids, const std::vector<std::int64_t>& document_frequency,
                     const std::vector<std::int64_t>& term_frequency, index_t n_documents);
    // By id: the column as in rows(ids, ..), or -1.
    std::vector<std::int32_t> columns_of(const std::vector<TermId>& ids) const;
    index_t n_columns(const std::vector<TermId>& ids) const {
        return vocabulary_ != nullptr ? vocabulary_->size() : static_cast<index_t>(ids.size());
    }

    // Adds all that another counter has counted; its merge() was the last call on it.
    void add_counter(const TermCounter& other, int n_threads);

    index_t n_documents() const { return n_documents_; }

    // Joins what the threads have counted; the following speak of ids of the joined lexicon, or of the
    // vocabulary.
    void merge(int n_threads);
    const auto& tallies() const { return slots_.front()->tallies; }
    // Orders ids by the terms' code points.
    void sort_by_text(std::vector<TermId>& ids, int n_threads) const;
    TermList texts(const std::vector<TermId>& ids, int n_threads) const;
    // The terms of documents whose document frequency is in [least, most], by id.
    std::vector<TermId> select(double least, double most, int n_threads) const;
    Frequencies frequencies(const std::vector<TermId>& ids, int n_threads) const;

    // The documents x columns matrix with sorted columns, weighted, rounded once to T: column j is term
    // ids[j], or with a vocabulary its own column (ids is then ignored). Consumes the rows.
    template <typename T>
    CountMatrix<T> rows(const std::vector<TermId>& ids, const WeightOptions& weights, int n_threads);

  private:
    CountingSlot& slot(int i);
    TermId known(TermId id);
    void find_known(const Lexicon& from, std::vector<TermId>& map, int n_threads) const;
    void add_slot(const CountingSlot& from, std::vector<TermId>& merged_ids, int n_threads);
    template <typename CountRows>
    void add_rows(index_t n_rows, int n_threads, const CountRows& count_rows);
    std::vector<std::vector<std::int32_t>> columns_by_slot(const std::vector<TermId>& ids) const;

    AnalyzeOptions options_;
    TermList stop_words_;
    std::shared_ptr<const Vocabulary> vocabulary_;
    bool keep_rows_;
    index_t n_documents_ = 0;
    std::vector<std::unique_ptr<CountingSlot>> slots_;
    std::vector<CountedRows> rows_;
};

}  // namespace coterie::text
