// The inner loop: terms of a document -> ids -> tallies. In blocks, because each step's memory is asked for while the
// block's other terms are still being hashed; short documents share a block.
#pragma once

#include <algorithm>
#include <array>

#include "text/count_terms.hpp"

namespace coterie::text {

// Grow: unknown terms are added to the slot's lexicon. Otherwise they are not counted.
template <bool Grow>
class DocumentCounter {
  public:
    DocumentCounter(const AnalyzeOptions& options, CountingSlot& slot, const Vocabulary* vocabulary,
                    TermId n_stop_words, bool keep_rows, CountedRows& rows)
        : options_(options),
          slot_(slot),
          fixed_(vocabulary == nullptr ? nullptr : &vocabulary->lexicon()),
          n_stop_words_(n_stop_words),
          keep_rows_(keep_rows),
          rows_(rows),
          normalizers_(options.analyzer == Analyzer::word && options.max_n == 1 ? kGroup : 1,
                       Normalizer(options.normalize)) {
        if (!Grow) slot_.tallies.resize(fixed_->size());
    }

    void begin_document() {
        ++slot_.document;
        begin_ = rows_.entries.size();
    }

    // Documents [begin, end) of a source; document i is called row first_row + i.
    void add_documents(const DocumentSource& documents, index_t begin, index_t end, index_t first_row) {
        for (index_t i = begin; i < end; ++i) {
            documents.prefetch(i + kDocumentsAhead);
            const NormalizedText text = normalizers_[n_waiting_].run(documents.at(i), first_row + i);
            if (options_.analyzer == Analyzer::word) find_tokens(text, options_.min_token_chars, spans_);
            if (normalizers_.size() > 1 && spans_.size() <= kBlock) {
                wait(text);
                if (n_waiting_ == kGroup || waiting_.size() >= kBlock) count_waiting();
                continue;
            }
            count_waiting();
            begin_document();
            count_text(text);
            end_document();
        }
        count_waiting();
    }

    // One finished term; its text is taken as it is.
    void add_term(const Document& term, index_t row) {
        const NormalizedText text = normalizers_.front().run(term, row);
        spans_.assign(1, {0, text.size});
        look_up(text.bytes, spans_, true);
    }

    void end_document() {
        rows_.row_lengths.push_back(static_cast<std::int64_t>(rows_.entries.size() - begin_));
        if (!keep_rows_) rows_.entries.clear();
    }

  private:
    static constexpr std::size_t kBlock = 32;
    static constexpr std::size_t kGroup = 8;  // most documents of a block
    static constexpr index_t kDocumentsAhead =
        4;  // whose text is on its way from memory while one is counted

    struct Waiting {
        TermKey key;
        const std::uint8_t* bytes;
    };

    // The terms of a text whose tokens are in spans_.
    void count_text(const NormalizedText& text) {
        if (options_.analyzer != Analyzer::word) {
            const std::vector<Span>& grams = char_grams_.run(text, options_);
            look_up(char_grams_.bytes(), grams, true);
            return;
        }
        tokens_.clear();
        look_up(text.bytes, spans_, options_.min_n == 1);
        for (int n = 2; n <= options_.max_n && tokens_.size() >= static_cast<std::size_t>(n); ++n)
            look_up_grams(static_cast<std::size_t>(n), n >= options_.min_n);
    }

    void wait(const NormalizedText& text) {
        for (const Span span : spans_) {
            const std::uint8_t* const bytes = text.bytes + span.begin;
            const TermKey key = lexicon().token_key(bytes, span.end - span.begin);
            lexicon().prefetch(key);
            waiting_.push_back({key, bytes});
        }
        waiting_ends_[n_waiting_++] = waiting_.size();
    }

    void count_waiting() {
        tokens_.clear();
        for (const Waiting& w : waiting_) {
            const TermId id = id_of(w.key, w.bytes);
            if (Grow || id != kAbsent) __builtin_prefetch(slot_.tallies.data() + id, 1);
            tokens_.push_back(id);
        }
        std::size_t i = 0;
        for (std::size_t d = 0; d < n_waiting_; ++d) {
            begin_document();
            for (; i < waiting_ends_[d]; ++i)
                if (tokens_[i] >= n_stop_words_ && (Grow || tokens_[i] != kAbsent)) tally(tokens_[i]);
            end_document();
        }
        waiting_.clear();
        n_waiting_ = 0;
    }

    const Lexicon& lexicon() const { return Grow ? slot_.lexicon : *fixed_; }

    TermId id_of(const TermKey& key, const std::uint8_t* bytes) {
        if constexpr (Grow) {
            const TermId id = slot_.lexicon.intern(key, bytes);
            if (id >= slot_.tallies.size()) slot_.tallies.resize(std::size_t{id} + 1);
            return id;
        } else {
            return fixed_->find(key, bytes);
        }
    }

    void tally(TermId id) {
        Tally& t = slot_.tallies[id];
        ++t.term_frequency;
        if (t.document == slot_.document) {
            ++rows_.entries[t.entry].count;
            return;
        }
        t.document = slot_.document;
        t.entry = static_cast<std::uint32_t>(rows_.entries.size());
        ++t.document_frequency;
        rows_.entries.push_back({id, 1});
    }

    // Ids of the spans, but for stop words, to tokens_; tallied when count is set.
    void look_up(const std::uint8_t* bytes, const std::vector<Span>& spans, bool count) {
        TermKey keys[kBlock];
        TermId ids[kBlock];
        for (std::size_t base = 0; base < spans.size(); base += kBlock) {
            const std::size_t n = std::min(kBlock, spans.size() - base);
            for (std::size_t i = 0; i < n; ++i) {
                const Span span = spans[base + i];
                keys[i] = lexicon().token_key(bytes + span.begin, span.end - span.begin);
                lexicon().prefetch(keys[i]);
            }
            std::size_t kept = 0;
            for (std::size_t i = 0; i < n; ++i) {
                const TermId id = id_of(keys[i], bytes + spans[base + i].begin);
                if (id < n_stop_words_) continue;
                if (Grow || id != kAbsent) __builtin_prefetch(slot_.tallies.data() + id, 1);
                ids[kept++] = id;
            }
            if (options_.max_n > 1) tokens_.insert(tokens_.end(), ids, ids + kept);
            for (std::size_t i = 0; i < kept && count; ++i)
                if (Grow || ids[i] != kAbsent) tally(ids[i]);
        }
    }

    // grams_[i] becomes the id of tokens_[i .. i + n), from that of tokens_[i .. i + n - 1).
    void look_up_grams(std::size_t n, bool count) {
        if (n == 2) grams_ = tokens_;
        TermKey keys[kBlock];
        const std::size_t n_grams = tokens_.size() - n + 1;
        for (std::size_t base = 0; base < n_grams; base += kBlock) {
            const std::size_t end = std::min(n_grams, base + kBlock);
            for (std::size_t i = base; i < end; ++i) {
                keys[i - base] = lexicon().gram_key(grams_[i], tokens_[i + n - 1]);
                lexicon().prefetch(keys[i - base]);
            }
            for (std::size_t i = base; i < end; ++i) {
                const bool known = Grow || (grams_[i] != kAbsent && tokens_[i + n - 1] != kAbsent);
                grams_[i] = known ? id_of(keys[i - base], nullptr) : kAbsent;
                if (grams_[i] != kAbsent) __builtin_prefetch(slot_.tallies.data() + grams_[i], 1);
            }
            for (std::size_t i = base; i < end && count; ++i)
                if (grams_[i] != kAbsent) tally(grams_[i]);
        }
    }

    const AnalyzeOptions& options_;
    CountingSlot& slot_;
    const Lexicon* fixed_;
    TermId n_stop_words_;
    bool keep_rows_;
    CountedRows& rows_;
    std::vector<Normalizer> normalizers_;  // of the documents that wait, and of the next
    std::vector<Waiting> waiting_;
    std::array<std::size_t, kGroup> waiting_ends_{};
    std::size_t n_waiting_ = 0;
    CharGrams char_grams_;
    std::vector<Span> spans_;
    std::vector<TermId> tokens_, grams_;
    std::size_t begin_ = 0;
};

}  // namespace coterie::text
