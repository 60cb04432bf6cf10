#include "text/count_terms.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <numeric>

#include "core/check.hpp"
#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "text/count_document.hpp"
#include "text/write_rows.hpp"

namespace coterie::text {
namespace {

constexpr index_t kMaxRowsPerTask = 1024;
constexpr index_t kTasks = 256;
constexpr index_t kTermsPerTask = 1 << 14;
// Terms whose slots are on their way from memory while two lexicons are joined.
constexpr index_t kLookAhead = 16;

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

template <typename CountRows>
void TermCounter::add_rows(index_t n_rows, int n_threads, const CountRows& count_rows) {
    const index_t chunk = std::clamp<index_t>(n_rows / kTasks, 1, kMaxRowsPerTask);
    const auto first = rows_.size();
    rows_.resize(first + static_cast<std::size_t>(ceil_div(n_rows, chunk)));
    const auto n_slots = static_cast<std::size_t>(resolve_thread_count(n_threads));
    if (slots_.size() < n_slots) slots_.resize(n_slots);
    parallel_for_rows(n_rows, chunk, n_threads, [&](index_t begin, index_t end, int slot_number) {
        CountedRows& rows = rows_[first + static_cast<std::size_t>(begin / chunk)];
        CountingSlot& s = slot(slot_number);
        rows.slot = slot_number;
        if (vocabulary_ == nullptr) {
            const auto n_stop_words = static_cast<TermId>(stop_words_.size());
            count_rows(DocumentCounter<true>(options_, s, nullptr, n_stop_words, keep_rows_, rows), begin,
                       end);
        } else {
            const TermId n_stop_words = vocabulary_->n_stop_words();
            count_rows(DocumentCounter<false>(options_, s, vocabulary_.get(), n_stop_words, keep_rows_, rows),
                       begin, end);
        }
    });
    if (!keep_rows_) rows_.clear();
    n_documents_ += n_rows;
}

void TermCounter::add_documents(const DocumentSource& documents, int n_threads) {
    const index_t first = n_documents_;
    add_rows(documents.size(), n_threads, [&](auto&& counter, index_t begin, index_t end) {
        counter.add_documents(documents, begin, end, first);
    });
}

void TermCounter::add_terms(const DocumentSource& terms, const std::int64_t* offsets, index_t n_documents,
                            int n_threads) {
    const index_t first = n_documents_;
    add_rows(n_documents, n_threads, [&](auto&& counter, index_t begin, index_t end) {
        for (index_t i = begin; i < end; ++i) {
            counter.begin_document();
            for (index_t t = offsets[i]; t < offsets[i + 1]; ++t) counter.add_term(terms.at(t), first + i);
            counter.end_document();
        }
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

TermId TermCounter::n_stop_words() const {
    return vocabulary_ != nullptr ? vocabulary_->n_stop_words() : static_cast<TermId>(stop_words_.size());
}

// An id of the first slot's lexicon, with room for its tally.
TermId TermCounter::known(TermId id) {
    CountingSlot& s = slot(0);
    if (id != kAbsent && id >= s.tallies.size()) s.tallies.resize(std::size_t{id} + 1);
    return id;
}

std::vector<TermId> TermCounter::token_ids(const TermList& tokens) {
    std::vector<TermId> ids;
    std::string padded;  // readable behind the token
    for (index_t i = 0; i < tokens.size(); ++i) {
        if (vocabulary_ == nullptr) {
            ids.push_back(known(slot(0).lexicon.intern_token(tokens[i])));
            continue;
        }
        padded.assign(tokens[i]).append(8, '\0');
        const auto* const bytes = reinterpret_cast<const std::uint8_t*>(padded.data());
        const Lexicon& lexicon = vocabulary_->lexicon();
        ids.push_back(
            lexicon.find(lexicon.token_key(bytes, static_cast<std::uint32_t>(tokens[i].size())), bytes));
    }
    return ids;
}

std::vector<TermId> TermCounter::gram_ids(const std::vector<std::uint64_t>& keys,
                                          const std::vector<TermId>& prefixes,
                                          const std::vector<TermId>& lasts) {
    std::vector<TermId> ids;
    ids.reserve(keys.size());
    for (const std::uint64_t key : keys) {
        const TermId prefix = prefixes[key >> 32], last = lasts[key & 0xFFFFFFFF];
        if (vocabulary_ == nullptr) {
            Lexicon& lexicon = slot(0).lexicon;
            ids.push_back(known(lexicon.intern(lexicon.gram_key(prefix, last), nullptr)));
        } else {
            const Lexicon& lexicon = vocabulary_->lexicon();
            const bool is_known = prefix != kAbsent && last != kAbsent;
            ids.push_back(is_known ? lexicon.find(lexicon.gram_key(prefix, last), nullptr) : kAbsent);
        }
    }
    return ids;
}

void TermCounter::add_counted(const std::vector<TermId>& ids,
                              const std::vector<std::int64_t>& document_frequency,
                              const std::vector<std::int64_t>& term_frequency, index_t n_documents) {
    CountingSlot& s = slot(0);
    if (vocabulary_ != nullptr) s.tallies.resize(vocabulary_->lexicon().size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] == kAbsent) continue;
        s.tallies[ids[i]].document_frequency += document_frequency[i];
        s.tallies[ids[i]].term_frequency += term_frequency[i];
    }
    n_documents_ += n_documents;
}

std::vector<std::int32_t> TermCounter::columns_of(const std::vector<TermId>& ids) const {
    return vocabulary_ != nullptr ? vocabulary_->columns() : columns_by_slot(ids).front();
}

// map[id] = the id of from's term in the joined lexicon, or kAbsent: on all cores, an n-gram after its first n - 1 tokens.
void TermCounter::find_known(const Lexicon& from, std::vector<TermId>& map, int n_threads) const {
    const Lexicon& joined = slots_.front()->lexicon;
    const auto n = static_cast<index_t>(map.size());
    std::atomic<bool> longer{n > 0};
    for (int length = 1; longer; ++length) {
        longer = false;
        parallel_for_rows(n, kTermsPerTask, n_threads, [&](index_t begin, index_t end, int) {
            bool some_longer = false;
            for (index_t i = begin; i < end; ++i) {
                const auto id = static_cast<TermId>(i);
                const auto ahead = static_cast<TermId>(std::min(i + kLookAhead, end - 1));
                if (from.length(ahead) == length) joined.prefetch_from(from, ahead, map);
                const int tokens = from.length(id);
                if (tokens == length) map[id] = joined.find_from(from, id, map);
                some_longer |= tokens > length;
            }
            if (some_longer) longer = true;
        });
    }
}

void TermCounter::add_slot(const CountingSlot& from, std::vector<TermId>& merged_ids, int n_threads) {
    CountingSlot& joined = *slots_.front();
    const auto n = static_cast<TermId>(from.tallies.size());
    merged_ids.assign(n, kAbsent);
    if (vocabulary_ != nullptr) {
        std::iota(merged_ids.begin(), merged_ids.end(), TermId{0});
    } else {
        find_known(from.lexicon, merged_ids, n_threads);
        for (TermId id = 0; id < n; ++id) {
            if (id % 65536 == 0) check_interrupt();
            if (id + kLookAhead < n && merged_ids[id + kLookAhead] == kAbsent)
                joined.lexicon.prefetch_from(from.lexicon, id + kLookAhead, merged_ids);
            if (merged_ids[id] == kAbsent)
                merged_ids[id] = joined.lexicon.intern_from(from.lexicon, id, merged_ids);
        }
        joined.tallies.resize(joined.lexicon.size());
    }
    // Different terms have different places in the joined lexicon.
    parallel_for_rows(n, kTermsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t id = begin; id < end; ++id) {
            if (id + kLookAhead < end)
                __builtin_prefetch(joined.tallies.data() + merged_ids[id + kLookAhead], 1);
            Tally& to = joined.tallies[merged_ids[id]];
            to.document_frequency += from.tallies[id].document_frequency;
            to.term_frequency += from.tallies[id].term_frequency;
        }
    });
}

void TermCounter::merge(int n_threads) {
    for (std::size_t k = 1; k < slots_.size(); ++k) {
        if (slots_[k] == nullptr) continue;
        add_slot(*slots_[k], slots_[k]->merged_ids, n_threads);
        slots_[k]->tallies.clear();
        if (!keep_rows_) slots_[k].reset();
    }
}

void TermCounter::add_counter(const TermCounter& other, int n_threads) {
    std::vector<TermId> merged_ids;
    add_slot(*other.slots_.front(), merged_ids, n_threads);
    n_documents_ += other.n_documents_;
}

void TermCounter::sort_by_text(std::vector<TermId>& ids, int n_threads) const {
    const TermList all = texts(ids, n_threads);
    // One bucket for each first byte, so that buckets are sorted on their own.
    std::vector<std::vector<SortKey>> buckets(256);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::uint64_t prefix = leading_bytes(all[static_cast<index_t>(i)]);
        buckets[prefix >> 56].push_back({prefix, static_cast<TermId>(i)});
    }
    check_interrupt();
    parallel_for(256, n_threads, [&](index_t b, int) {
        std::vector<SortKey>& keys = buckets[static_cast<std::size_t>(b)];
        std::sort(keys.begin(), keys.end(), [&](const SortKey& a, const SortKey& b) {
            return a.prefix != b.prefix ? a.prefix < b.prefix : all[a.id] < all[b.id];
        });
    });
    std::vector<TermId> sorted;
    sorted.reserve(ids.size());
    for (const std::vector<SortKey>& keys : buckets)
        for (const SortKey& key : keys) sorted.push_back(ids[key.id]);
    ids.swap(sorted);
}

TermList TermCounter::texts(const std::vector<TermId>& ids, int n_threads) const {
    const Lexicon& lexicon = vocabulary_ != nullptr ? vocabulary_->lexicon() : slots_.front()->lexicon;
    const auto n = static_cast<index_t>(ids.size());
    TermList list;
    list.offsets = std::vector<std::int64_t>(ids.size() + 1);
    parallel_for_rows(n, kTermsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i)
            list.offsets[i + 1] = static_cast<std::int64_t>(lexicon.text_size(ids[i]));
    });
    for (index_t i = 0; i < n; ++i) list.offsets[i + 1] += list.offsets[i];
    list.bytes.resize(static_cast<std::size_t>(list.offsets.back()));
    parallel_for_rows(n, kTermsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        char* out = list.bytes.data() + list.offsets[begin];
        for (index_t i = begin; i < end; ++i) out = lexicon.write_text(ids[i], out);
    });
    return list;
}

std::vector<TermId> TermCounter::select(double least, double most, int n_threads) const {
    const auto n = static_cast<index_t>(tallies().size());
    std::vector<std::vector<TermId>> found(static_cast<std::size_t>(ceil_div(n, kTermsPerTask)));
    parallel_for_rows(n, kTermsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        std::vector<TermId>& ids = found[static_cast<std::size_t>(begin / kTermsPerTask)];
        for (index_t id = begin; id < end; ++id) {
            const std::int64_t frequency = tallies()[id].document_frequency;
            const auto df = static_cast<double>(frequency);
            if (frequency > 0 && df >= least && df <= most) ids.push_back(static_cast<TermId>(id));
        }
    });
    std::vector<TermId> ids;
    for (const std::vector<TermId>& some : found) ids.insert(ids.end(), some.begin(), some.end());
    return ids;
}

Frequencies TermCounter::frequencies(const std::vector<TermId>& ids, int n_threads) const {
    Frequencies f{std::vector<std::int64_t>(ids.size()), std::vector<std::int64_t>(ids.size())};
    const auto n = static_cast<index_t>(ids.size());
    parallel_for_rows(n, kTermsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) {
            if (i + kLookAhead < end) __builtin_prefetch(tallies().data() + ids[i + kLookAhead]);
            f.document[i] = tallies()[ids[i]].document_frequency;
            f.term[i] = tallies()[ids[i]].term_frequency;
        }
    });
    return f;
}

// For each slot, its ids -> column or -1.
std::vector<std::vector<std::int32_t>> TermCounter::columns_by_slot(const std::vector<TermId>& ids) const {
    std::vector<std::vector<std::int32_t>> columns(slots_.size());
    columns[0].assign(slots_[0]->tallies.size(), -1);
    for (std::size_t j = 0; j < ids.size(); ++j) {
        require(ids[j] < columns[0].size(), "text", "term id ", ids[j], " of ", columns[0].size());
        columns[0][ids[j]] = static_cast<std::int32_t>(j);
    }
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
    const auto n_chunks = static_cast<index_t>(rows_.size());
    parallel_for(n_chunks, n_threads, [&](index_t c, int) {
        CountedRows& rows = rows_[static_cast<std::size_t>(c)];
        const auto& columns =
            vocabulary_ != nullptr ? vocabulary_->columns() : by_slot[static_cast<std::size_t>(rows.slot)];
        translate_to_columns(rows, columns);
    });
    CountMatrix<T> out;
    out.indptr.reserve(static_cast<std::size_t>(n_documents_) + 1);
    out.indptr.push_back(0);
    std::vector<std::int64_t> begins;
    for (const CountedRows& rows : rows_) {
        begins.push_back(out.indptr.back());
        for (const std::int64_t n : rows.row_lengths) out.indptr.push_back(out.indptr.back() + n);
    }
    out.data.resize(static_cast<std::size_t>(out.indptr.back()));
    out.indices.resize(out.data.size());
    const index_t n_columns = vocabulary_ != nullptr ? vocabulary_->size() : static_cast<index_t>(ids.size());
    std::vector<RowWriter> writers(static_cast<std::size_t>(resolve_thread_count(n_threads)));
    parallel_for(n_chunks, n_threads, [&](index_t c, int slot_number) {
        CountedRows& rows = rows_[static_cast<std::size_t>(c)];
        const std::int64_t begin = begins[static_cast<std::size_t>(c)];
        writers[static_cast<std::size_t>(slot_number)].write(
            rows, n_columns, weights, out.indices.data() + begin, out.data.data() + begin);
        rows = {};
    });
    rows_.clear();
    return out;
}

template CountMatrix<float> TermCounter::rows(const std::vector<TermId>&, const WeightOptions&, int);
template CountMatrix<double> TermCounter::rows(const std::vector<TermId>&, const WeightOptions&, int);
template CountMatrix<std::int64_t> TermCounter::rows(const std::vector<TermId>&, const WeightOptions&, int);

}  // namespace coterie::text
