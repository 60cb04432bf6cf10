#include "text/count_terms.hpp"

#include <algorithm>
#include <limits>

#include "core/check.hpp"
#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "text/count_document.hpp"

namespace coterie::text {
namespace {

constexpr index_t kMaxRowsPerTask = 1024;
constexpr index_t kTasks = 256;

// First bytes of a term as a number that orders as they do.
struct SortKey {
    std::uint64_t prefix;
    TermId id;
};

std::uint64_t leading_bytes(std::string_view text) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i)
        value = value << 8 | (i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0);
    return value;
}

}  // namespace

TermCounter::TermCounter(const AnalyzeOptions& options, const TermList& stop_words,
                         std::shared_ptr<const Vocabulary> vocabulary, bool keep_rows)
    : options_(options), stop_words_(stop_words), vocabulary_(std::move(vocabulary)), keep_rows_(keep_rows) {
    require(options.min_n >= 1 && options.min_n <= options.max_n, "text",
            "ngram_range must be 1 <= min_n <= max_n; got (", options.min_n, ", ", options.max_n, ")");
    slots_.resize(1);
    slot(0);
}

CountingSlot& TermCounter::slot(int i) {
    auto& s = slots_[static_cast<std::size_t>(i)];
    if (s == nullptr) {
        s = std::make_unique<CountingSlot>();
        if (vocabulary_ != nullptr) {
            s->tallies.resize(vocabulary_->lexicon().size());
        } else {
            for (index_t w = 0; w < stop_words_.size(); ++w) s->lexicon.intern_token(stop_words_[w]);
            s->tallies.resize(s->lexicon.size());
        }
    }
    return *s;
}

template <typename CountRow>
void TermCounter::add_rows(index_t n_rows, int n_threads, const CountRow& count_row) {
    const index_t chunk = std::clamp<index_t>(n_rows / kTasks, 1, kMaxRowsPerTask);
    const auto first = rows_.size();
    rows_.resize(first + static_cast<std::size_t>(ceil_div(n_rows, chunk)));
    const auto n_slots = static_cast<std::size_t>(resolve_thread_count(n_threads));
    if (slots_.size() < n_slots) slots_.resize(n_slots);
    parallel_for_rows(n_rows, chunk, n_threads, [&](index_t begin, index_t end, int slot_number) {
        CountedRows& rows = rows_[first + static_cast<std::size_t>(begin / chunk)];
        CountingSlot& s = slot(slot_number);
        rows.slot = slot_number;
        const auto run = [&](auto&& counter) {
            for (index_t i = begin; i < end; ++i) {
                counter.begin_document();
                count_row(counter, i);
                counter.end_document();
                if (!keep_rows_) rows.entries.clear();
            }
        };
        if (vocabulary_ == nullptr) {
            run(DocumentCounter<true>(options_, s, nullptr, static_cast<TermId>(stop_words_.size()), rows));
        } else {
            run(DocumentCounter<false>(options_, s, vocabulary_.get(), vocabulary_->n_stop_words(), rows));
        }
    });
    if (!keep_rows_) rows_.clear();
    n_documents_ += n_rows;
}

void TermCounter::add_documents(const DocumentSource& documents, int n_threads) {
    const index_t first = n_documents_;
    add_rows(documents.size(), n_threads,
             [&](auto& counter, index_t i) { counter.add_text(documents.at(i), first + i); });
}

void TermCounter::add_terms(const DocumentSource& terms, const std::int64_t* offsets, index_t n_documents,
                            int n_threads) {
    const index_t first = n_documents_;
    add_rows(n_documents, n_threads, [&](auto& counter, index_t i) {
        for (index_t t = offsets[i]; t < offsets[i + 1]; ++t) counter.add_term(terms.at(t), first + i);
    });
}

void TermCounter::add_totals(const TermList& terms, const std::int64_t* document_frequency,
                             const std::int64_t* term_frequency, index_t n_documents, bool joined) {
    CountingSlot& s = slot(0);
    for (index_t i = 0; i < terms.size(); ++i) {
        const TermId id = joined ? s.lexicon.intern_joined(terms[i]) : s.lexicon.intern_token(terms[i]);
        if (id >= s.tallies.size()) s.tallies.resize(std::size_t{id} + 1);
        s.tallies[id].document_frequency += document_frequency[i];
        s.tallies[id].term_frequency += term_frequency[i];
    }
    n_documents_ += n_documents;
}

void TermCounter::add_slot(const CountingSlot& from, std::vector<TermId>& merged_ids) {
    CountingSlot& joined = *slots_.front();
    const auto n = static_cast<TermId>(from.tallies.size());
    merged_ids.resize(n);
    for (TermId id = 0; id < n; ++id) {
        if (id % 65536 == 0) check_interrupt();
        const TermId to =
            vocabulary_ != nullptr ? id : joined.lexicon.intern_from(from.lexicon, id, merged_ids);
        merged_ids[id] = to;
        if (to >= joined.tallies.size()) joined.tallies.resize(std::size_t{to} + 1);
        joined.tallies[to].document_frequency += from.tallies[id].document_frequency;
        joined.tallies[to].term_frequency += from.tallies[id].term_frequency;
    }
}

void TermCounter::merge() {
    for (std::size_t k = 1; k < slots_.size(); ++k) {
        if (slots_[k] == nullptr) continue;
        add_slot(*slots_[k], slots_[k]->merged_ids);
        slots_[k]->tallies.clear();
        if (!keep_rows_) slots_[k].reset();
    }
}

void TermCounter::add_counter(const TermCounter& other) {
    std::vector<TermId> merged_ids;
    add_slot(*other.slots_.front(), merged_ids);
    n_documents_ += other.n_documents_;
}

void TermCounter::sort_by_text(std::vector<TermId>& ids, int) const {
    std::vector<SortKey> keys(ids.size());
    const TermList all = texts(ids);
    for (std::size_t i = 0; i < ids.size(); ++i)
        keys[i] = {leading_bytes(all[static_cast<index_t>(i)]), static_cast<TermId>(i)};
    check_interrupt();
    std::sort(keys.begin(), keys.end(), [&](const SortKey& a, const SortKey& b) {
        return a.prefix != b.prefix ? a.prefix < b.prefix : all[a.id] < all[b.id];
    });
    check_interrupt();
    std::vector<TermId> sorted(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) sorted[i] = ids[keys[i].id];
    ids.swap(sorted);
}

TermList TermCounter::texts(const std::vector<TermId>& ids) const {
    const Lexicon& lexicon = vocabulary_ != nullptr ? vocabulary_->lexicon() : slots_.front()->lexicon;
    TermList list;
    list.offsets.reserve(ids.size() + 1);
    for (const TermId id : ids) {
        lexicon.append_text(id, list.bytes);
        list.offsets.push_back(static_cast<std::int64_t>(list.bytes.size()));
    }
    return list;
}

// For each slot, its ids -> column or -1.
std::vector<std::vector<std::int32_t>> TermCounter::columns_by_slot(const std::vector<TermId>& ids) const {
    std::vector<std::vector<std::int32_t>> columns(slots_.size());
    columns[0].assign(slots_[0]->tallies.size(), -1);
    for (std::size_t j = 0; j < ids.size(); ++j) columns[0][ids[j]] = static_cast<std::int32_t>(j);
    for (std::size_t k = 1; k < slots_.size(); ++k) {
        if (slots_[k] == nullptr) continue;
        columns[k].reserve(slots_[k]->merged_ids.size());
        for (const TermId id : slots_[k]->merged_ids) columns[k].push_back(columns[0][id]);
    }
    return columns;
}

template <typename T>
CountMatrix<T> TermCounter::rows(const std::vector<TermId>& ids, const WeightOptions& weights,
                                 int n_threads) {
    const auto by_slot =
        vocabulary_ != nullptr ? std::vector<std::vector<std::int32_t>>{} : columns_by_slot(ids);
    const auto columns_of = [&](const CountedRows& rows) -> const std::vector<std::int32_t>& {
        return vocabulary_ != nullptr ? vocabulary_->columns() : by_slot[static_cast<std::size_t>(rows.slot)];
    };
    const auto n_chunks = static_cast<index_t>(rows_.size());
    // The number of kept entries of every row replaces its length; entries keep their places until they are
    // written.
    std::vector<std::vector<std::int64_t>> kept(rows_.size());
    parallel_for(n_chunks, n_threads, [&](index_t c, int) {
        const CountedRows& rows = rows_[static_cast<std::size_t>(c)];
        const std::vector<std::int32_t>& columns = columns_of(rows);
        const Entry* entry = rows.entries.data();
        for (const std::int64_t length : rows.row_lengths) {
            kept[static_cast<std::size_t>(c)].push_back(
                std::count_if(entry, entry + length, [&](const Entry& e) { return columns[e.term] >= 0; }));
            entry += length;
        }
    });
    CountMatrix<T> out;
    out.indptr.reserve(static_cast<std::size_t>(n_documents_) + 1);
    out.indptr.push_back(0);
    std::vector<index_t> first_row(rows_.size());
    for (std::size_t c = 0; c < rows_.size(); ++c) {
        first_row[c] = static_cast<index_t>(out.indptr.size()) - 1;
        for (const std::int64_t n : kept[c]) out.indptr.push_back(out.indptr.back() + n);
    }
    out.data.resize(static_cast<std::size_t>(out.indptr.back()));
    out.indices.resize(static_cast<std::size_t>(out.indptr.back()));
    parallel_for(n_chunks, n_threads, [&](index_t c, int) {
        CountedRows& rows = rows_[static_cast<std::size_t>(c)];
        const std::vector<std::int32_t>& columns = columns_of(rows);
        const Entry* entry = rows.entries.data();
        std::int64_t at = out.indptr[static_cast<std::size_t>(first_row[static_cast<std::size_t>(c)])];
        std::vector<std::uint64_t> row;  // column << 32 | count
        std::vector<double> values;
        for (const std::int64_t length : rows.row_lengths) {
            row.clear();
            values.clear();
            for (const Entry* end = entry + length; entry != end; ++entry)
                if (const std::int32_t column = columns[entry->term]; column >= 0)
                    row.push_back(static_cast<std::uint64_t>(column) << 32 | entry->count);
            std::sort(row.begin(), row.end());
            std::int32_t* const indices = out.indices.data() + at;
            for (std::size_t p = 0; p < row.size(); ++p) {
                indices[p] = static_cast<std::int32_t>(row[p] >> 32);
                values.push_back(static_cast<double>(row[p] & 0xFFFFFFFF));
            }
            weight_row(values.data(), indices, static_cast<index_t>(row.size()), weights);
            for (const double v : values) out.data[static_cast<std::size_t>(at++)] = static_cast<T>(v);
        }
        rows = {};
    });
    rows_.clear();
    return out;
}

template CountMatrix<float> TermCounter::rows(const std::vector<TermId>&, const WeightOptions&, int);
template CountMatrix<double> TermCounter::rows(const std::vector<TermId>&, const WeightOptions&, int);
template CountMatrix<std::int64_t> TermCounter::rows(const std::vector<TermId>&, const WeightOptions&, int);

}  // namespace coterie::text
