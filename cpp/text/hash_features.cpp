#include "text/hash_features.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/parallel.hpp"

namespace coterie::text {
namespace {

constexpr index_t kMaxRowsPerTask = 1024;
constexpr index_t kTasks = 256;

std::uint32_t rotate_left(std::uint32_t x, int r) {
    return x << r | x >> (32 - r);
}

std::uint32_t scramble(std::uint32_t k) {
    return rotate_left(k * 0xCC9E2D51u, 15) * 0x1B873593u;
}

// Hashes the terms of one document after the other into rows.
class RowHasher {
  public:
    RowHasher(const AnalyzeOptions& options, const TermList& stop_words, const HashOptions& hashing)
        : options_(options), hashing_(hashing), normalizer_(options.normalize) {
        for (index_t i = 0; i < stop_words.size(); ++i) stop_words_.intern_token(stop_words[i]);
    }

    void add_text(const Document& document, index_t row) {
        const NormalizedText text = normalizer_.run(document, row);
        if (options_.analyzer != Analyzer::word) {
            for (const Span& s : char_grams_.run(text, options_))
                add(char_grams_.bytes() + s.begin, s.end - s.begin);
            return;
        }
        find_tokens(text, options_.min_token_chars, tokens_);
        if (stop_words_.size() > 0) {
            const auto is_stop = [&](const Span& s) {
                const std::uint8_t* const p = text.bytes + s.begin;
                return stop_words_.find(stop_words_.token_key(p, s.end - s.begin), p) != kAbsent;
            };
            tokens_.erase(std::remove_if(tokens_.begin(), tokens_.end(), is_stop), tokens_.end());
        }
        for (std::size_t i = 0; i < tokens_.size(); ++i) {
            gram_.clear();
            for (std::size_t n = 1; n <= static_cast<std::size_t>(options_.max_n) && i + n <= tokens_.size();
                 ++n) {
                const Span& s = tokens_[i + n - 1];
                if (n > 1) gram_ += ' ';
                gram_.append(reinterpret_cast<const char*>(text.bytes) + s.begin, s.end - s.begin);
                if (n >= static_cast<std::size_t>(options_.min_n))
                    add(reinterpret_cast<const std::uint8_t*>(gram_.data()), gram_.size());
            }
        }
    }

    void add_term(const Document& term, index_t row) {
        const NormalizedText text = normalizer_.run(term, row);
        add(text.bytes, text.size);
    }

    // Appends the sorted, summed and normalised row to out.
    template <typename T>
    void finish_row(CountMatrix<T>& out) {
        std::sort(hits_.begin(), hits_.end());
        columns_.clear();
        values_.clear();
        for (const Hit& hit : hits_) {
            if (columns_.empty() || columns_.back() != hit.column) {
                columns_.push_back(hit.column);
                values_.push_back(0);
            }
            values_.back() += hit.sign;
        }
        hits_.clear();
        if (hashing_.binary) std::fill(values_.begin(), values_.end(), 1.0);
        WeightOptions weights;
        weights.norm = hashing_.norm;
        weight_row(values_.data(), columns_.data(), static_cast<index_t>(values_.size()), weights);
        out.indices.insert(out.indices.end(), columns_.begin(), columns_.end());
        for (const double v : values_) out.data.push_back(static_cast<T>(v));
        out.indptr.push_back(static_cast<std::int64_t>(values_.size()));
    }

  private:
    struct Hit {
        std::int32_t column;
        std::int32_t sign;
        bool operator<(const Hit& other) const { return column < other.column; }
    };

    void add(const std::uint8_t* bytes, std::size_t n) {
        const std::int32_t h = murmur3(bytes, n, 0);
        // |-2^31| is not an int32; scikit-learn takes this column for it.
        const index_t magnitude = h == std::numeric_limits<std::int32_t>::min()
                                      ? std::numeric_limits<std::int32_t>::max() - (hashing_.n_features - 1)
                                      : std::abs(static_cast<index_t>(h));
        hits_.push_back({static_cast<std::int32_t>(magnitude % hashing_.n_features),
                         h < 0 && hashing_.alternate_sign ? -1 : 1});
    }

    const AnalyzeOptions& options_;
    const HashOptions& hashing_;
    Normalizer normalizer_;
    Lexicon stop_words_;
    CharGrams char_grams_;
    std::vector<Span> tokens_;
    std::string gram_;
    std::vector<Hit> hits_;
    std::vector<std::int32_t> columns_;
    std::vector<double> values_;
};

template <typename T, typename HashRow>
CountMatrix<T> hash_rows(index_t n_rows, const AnalyzeOptions& options, const TermList& stop_words,
                         const HashOptions& hashing, int n_threads, const HashRow& hash_row) {
    const index_t chunk = std::clamp<index_t>(n_rows / kTasks, 1, kMaxRowsPerTask);
    std::vector<CountMatrix<T>> parts(static_cast<std::size_t>(ceil_div(n_rows, chunk)));
    parallel_for_rows(n_rows, chunk, n_threads, [&](index_t begin, index_t end, int) {
        RowHasher hasher(options, stop_words, hashing);
        for (index_t i = begin; i < end; ++i) {
            hash_row(hasher, i);
            hasher.finish_row(parts[static_cast<std::size_t>(begin / chunk)]);
        }
    });
    CountMatrix<T> out;
    out.indptr.push_back(0);
    std::vector<std::size_t> begins;
    for (const auto& part : parts) {
        begins.push_back(static_cast<std::size_t>(out.indptr.back()));
        for (const std::int64_t n : part.indptr) out.indptr.push_back(out.indptr.back() + n);
    }
    out.data.resize(static_cast<std::size_t>(out.indptr.back()));
    out.indices.resize(out.data.size());
    parallel_for(static_cast<index_t>(parts.size()), n_threads, [&](index_t c, int) {
        CountMatrix<T>& part = parts[static_cast<std::size_t>(c)];
        const auto at = static_cast<std::ptrdiff_t>(begins[static_cast<std::size_t>(c)]);
        std::copy(part.data.begin(), part.data.end(), out.data.begin() + at);
        std::copy(part.indices.begin(), part.indices.end(), out.indices.begin() + at);
        part = {};
    });
    return out;
}

}  // namespace

std::int32_t murmur3(const std::uint8_t* bytes, std::size_t n, std::uint32_t seed) {
    std::uint32_t h = seed;
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        std::uint32_t k;
        std::memcpy(&k, bytes + i, 4);
        h = rotate_left(h ^ scramble(k), 13) * 5 + 0xE6546B64u;
    }
    std::uint32_t tail = 0;
    for (std::size_t b = n; b > i; --b) tail = tail << 8 | bytes[b - 1];
    if (i < n) h ^= scramble(tail);
    h ^= static_cast<std::uint32_t>(n);
    h = (h ^ h >> 16) * 0x85EBCA6Bu;
    h = (h ^ h >> 13) * 0xC2B2AE35u;
    return static_cast<std::int32_t>(h ^ h >> 16);
}

template <typename T>
CountMatrix<T> hash_documents(const DocumentSource& documents, const AnalyzeOptions& options,
                              const TermList& stop_words, const HashOptions& hashing, int n_threads) {
    return hash_rows<T>(documents.size(), options, stop_words, hashing, n_threads,
                        [&](RowHasher& hasher, index_t i) { hasher.add_text(documents.at(i), i); });
}

template <typename T>
CountMatrix<T> hash_terms(const DocumentSource& terms, const std::int64_t* offsets, index_t n_documents,
                          const HashOptions& hashing, int n_threads) {
    AnalyzeOptions verbatim;
    verbatim.normalize.lowercase = false;
    return hash_rows<T>(n_documents, verbatim, TermList{}, hashing, n_threads,
                        [&](RowHasher& hasher, index_t i) {
                            for (index_t t = offsets[i]; t < offsets[i + 1]; ++t)
                                hasher.add_term(terms.at(t), i);
                        });
}

template CountMatrix<float> hash_documents(const DocumentSource&, const AnalyzeOptions&, const TermList&,
                                           const HashOptions&, int);
template CountMatrix<double> hash_documents(const DocumentSource&, const AnalyzeOptions&, const TermList&,
                                            const HashOptions&, int);
template CountMatrix<float> hash_terms(const DocumentSource&, const std::int64_t*, index_t,
                                       const HashOptions&, int);
template CountMatrix<double> hash_terms(const DocumentSource&, const std::int64_t*, index_t,
                                        const HashOptions&, int);

}  // namespace coterie::text
