#include "text/device_count.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

#include "core/check.hpp"
#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "cuda/algorithms.hpp"
#include "text/encode_utf8.hpp"

namespace coterie::text {
namespace {

using cuda::DeviceArray;
using device::kBytesPerBlock;
using device::kTextThreads;
using device::Token;

constexpr std::int64_t kMostBytes =
    (std::int64_t{1} << 31) - 4096;  // of a document; tokens have 32-bit lengths
constexpr index_t kDocumentsPerTask = 256;
constexpr index_t kBehind = 16;  // zero bytes behind the texts
constexpr int kMostSeeds = 8;

int bits_for(std::int64_t largest) {
    return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(largest)));
}

template <typename T>
DeviceArray<T> on_device(cuda::Device& device, const T* values, std::size_t n, const char* what) {
    DeviceArray<T> array(device, static_cast<index_t>(n), what);
    array.upload(values);
    return array;
}

template <typename T>
T last_of(cuda::Device& device, const DeviceArray<T>& array) {
    T value{};
    device.download(&value, array.data() + array.size() - 1, sizeof value);
    return value;
}

}  // namespace

// A batch on its way through the programs.
struct DeviceWordCounter::OnDevice {
    index_t n_bytes, n_tokens = 0, n_terms = 0;
    DeviceArray<std::int64_t> begin;
    DeviceArray<std::int32_t> document;
    DeviceArray<std::uint32_t> marked;
    DeviceArray<std::uint8_t> lower, kind;
    DeviceArray<Token> tokens, term_token;
    DeviceArray<std::uint64_t> hashes, pairs;
    DeviceArray<std::uint32_t> order, is_first;
    DeviceArray<std::int64_t> before;

    device::Segments segments() { return {begin.data(), document.data(), marked.data(), begin.size()}; }
};

DeviceWordCounter::DeviceWordCounter(std::shared_ptr<cuda::Device> device, const AnalyzeOptions& options,
                                     std::int64_t batch_bytes, std::uint64_t hash_mask)
    : device_(std::move(device)),
      kernels_(device::kernels_for(*device_)),
      options_(options),
      batch_bytes_(batch_bytes),
      hash_mask_(hash_mask) {
    require(options.analyzer == Analyzer::word && options.min_n == 1 && options.max_n == 1 &&
                options.normalize.strip_accents == StripAccents::none,
            "text", "a device counts words: analyzer must be 'word', ngram_range (1, 1), strip_accents None");
    const UnicodeTables tables = unicode_tables();
    block_of_ = on_device(*device_, tables.block_of, tables.n_blocks, "the tables of characters");
    record_of_ = on_device(*device_, tables.record_of, tables.n_places, "the tables of characters");
    records_ = on_device(*device_, tables.records, tables.n_records, "the tables of characters");
}

void DeviceWordCounter::add_documents(TermCounter& counter, const DocumentSource& documents, int n_threads) {
    const index_t n = documents.size(), first_row = counter.n_documents();
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(n));
    parallel_for_rows(n, kDocumentsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i) {
            const std::int64_t size = utf8_size(documents.at(i));
            require(size <= kMostBytes, "text", "document ", first_row + i, " has ", size, " bytes; at most ",
                    kMostBytes, " are supported on a device");
            sizes[static_cast<std::size_t>(i)] = size;
        }
    });
    for (index_t first = 0; first < n;) {
        check_interrupt();
        std::int64_t bytes = 0;
        index_t last = first;
        while (last < n && (last == first || bytes + sizes[static_cast<std::size_t>(last)] < batch_bytes_))
            bytes += sizes[static_cast<std::size_t>(last++)] + 1;
        const Texts raw = texts_of(documents, first, last, sizes, n_threads);
        std::vector<Counts> counts;
        counts.push_back(count(raw, last - first));
        const Texts rest = normalised(documents, first, raw, counts[0].marked, first_row);
        if (!rest.document.empty()) counts.push_back(count(rest, last - first));
        std::vector<CountedDocuments> parts;
        for (const Counts& c : counts)
            parts.push_back({&c.terms, c.document_frequency.data(), c.term_frequency.data(),
                             c.entry_terms.data(), c.entry_counts.data(), c.row_length.data()});
        counter.add_counted(parts, last - first);
        first = last;
    }
}

DeviceWordCounter::Texts DeviceWordCounter::texts_of(const DocumentSource& documents, index_t first,
                                                     index_t last, const std::vector<std::int64_t>& sizes,
                                                     int n_threads) const {
    Texts texts;
    std::int64_t at = 0;
    for (index_t i = first; i < last; ++i) {
        texts.begin.push_back(at);
        texts.document.push_back(static_cast<std::int32_t>(i - first));
        at += sizes[static_cast<std::size_t>(i)] + 1;
    }
    texts.bytes.resize(static_cast<std::size_t>(at));
    parallel_for_rows(last - first, kDocumentsPerTask, n_threads, [&](index_t begin, index_t end, int) {
        for (index_t i = begin; i < end; ++i)
            write_utf8(documents.at(first + i),
                       texts.bytes.data() + texts.begin[static_cast<std::size_t>(i)]);
    });
    return texts;
}

// The marked documents, normalised on the host, which also refuses what is not UTF-8.
DeviceWordCounter::Texts DeviceWordCounter::normalised(const DocumentSource& documents, index_t first,
                                                       const Texts& raw,
                                                       const std::vector<std::uint32_t>& marked,
                                                       index_t first_row) const {
    Texts texts;
    texts.is_normalised = true;
    Normalizer normalizer(options_.normalize);
    for (std::size_t s = 0; s < marked.size(); ++s) {
        if (marked[s] == 0) continue;
        const index_t i = first + raw.document[s];
        const NormalizedText text = normalizer.run(documents.at(i), first_row + i);
        texts.begin.push_back(static_cast<std::int64_t>(texts.bytes.size()));
        texts.document.push_back(raw.document[s]);
        texts.bytes.insert(texts.bytes.end(), text.bytes, text.bytes + text.size);
        texts.bytes.push_back(0);
    }
    return texts;
}

DeviceWordCounter::Counts DeviceWordCounter::count(const Texts& texts, index_t n_documents) {
    cuda::Device& device = *device_;
    const auto n = static_cast<index_t>(texts.bytes.size());
    OnDevice there{};
    there.n_bytes = n;
    there.begin = on_device(device, texts.begin.data(), texts.begin.size(), "the places of documents");
    there.document = on_device(device, texts.document.data(), texts.document.size(), "the documents");
    there.marked = DeviceArray<std::uint32_t>(device, there.begin.size(), "the marked documents");
    there.marked.fill_bytes(0);
    there.lower = DeviceArray<std::uint8_t>(device, n + kBehind, "the texts");
    there.kind = DeviceArray<std::uint8_t>(device, n + kBehind, "the classes of characters");
    there.kind.fill_bytes(0);
    {
        DeviceArray<std::uint8_t> bytes(device, n + kBehind, "the texts");
        bytes.fill_bytes(0);
        device.upload(bytes.data(), texts.bytes.data(), texts.bytes.size());
        kernels_.classify_text(device,
                               {bytes.data(),
                                0,
                                n,
                                {block_of_.data(), record_of_.data(), records_.data()},
                                there.segments(),
                                options_.normalize.lowercase,
                                texts.is_normalised,
                                there.lower.data(),
                                there.kind.data()},
                               ceil_div(n, kBytesPerBlock));
    }
    Counts out;
    out.marked = there.marked.to_host();
    std::uint64_t seed = hash_secret();
    for (int attempt = 0;; ++attempt, seed = seed * 0x9E3779B97F4A7C15u + 1) {
        if (attempt == kMostSeeds)
            throw std::runtime_error("[text] hashes of different words are equal for " +
                                     std::to_string(kMostSeeds) + " seeds; device='cpu' compares words");
        find_tokens(there, seed);
        if (number_terms(there)) break;
    }
    gather_terms(there, out);
    count_pairs(there, n_documents, out);
    return out;
}

void DeviceWordCounter::find_tokens(OnDevice& there, std::uint64_t seed) {
    const index_t n_blocks = ceil_div(there.n_bytes, kBytesPerBlock);
    DeviceArray<std::uint32_t> counts(*device_, n_blocks, "counts of words");
    DeviceArray<std::int64_t> offsets(*device_, n_blocks + 1, "places of words");
    device::FindTokens program{};
    program.lower = there.lower.data();
    program.kind = there.kind.data();
    program.n = there.n_bytes;
    program.segments = there.segments();
    program.min_chars = options_.min_token_chars;
    program.seed = seed;
    program.hash_mask = hash_mask_;
    program.counts = counts.data();
    kernels_.find_tokens(*device_, program, n_blocks);
    cuda::running_sum(*device_, counts.data(), offsets.data(), n_blocks);
    there.n_tokens = last_of(*device_, offsets);
    there.tokens = DeviceArray<Token>(*device_, there.n_tokens, "the words");
    there.hashes = DeviceArray<std::uint64_t>(*device_, there.n_tokens, "the hashes of words");
    program.offsets = offsets.data();
    program.tokens = there.tokens.data();
    program.hashes = there.hashes.data();
    there.order = DeviceArray<std::uint32_t>(*device_, there.n_tokens, "the order of words");
    program.order = there.order.data();
    kernels_.find_tokens(*device_, program, n_blocks);
}

// Sorts the hashes; returns false where different words have the same.
bool DeviceWordCounter::number_terms(OnDevice& there) {
    const index_t n = there.n_tokens, n_blocks = ceil_div(n, kTextThreads);
    there.is_first = DeviceArray<std::uint32_t>(*device_, n, "runs of words");
    there.before = DeviceArray<std::int64_t>(*device_, n + 1, "runs of words");
    DeviceArray<std::uint32_t> collides(*device_, 1, "a flag");
    collides.fill_bytes(0);
    cuda::sort_pairs(*device_, there.hashes, there.order, n, 64);
    kernels_.mark_runs(*device_,
                       {there.hashes.data(), n, there.is_first.data(), there.order.data(),
                        there.tokens.data(), there.lower.data(), collides.data()},
                       n_blocks);
    if (collides.to_host()[0] != 0) return false;
    cuda::running_sum(*device_, there.is_first.data(), there.before.data(), n);
    there.n_terms = last_of(*device_, there.before);
    there.term_token = DeviceArray<Token>(*device_, there.n_terms, "the terms");
    there.pairs = DeviceArray<std::uint64_t>(*device_, n, "documents and terms");
    kernels_.number_terms(*device_,
                          {there.before.data(), there.order.data(), there.tokens.data(), n,
                           there.term_token.data(), there.pairs.data()},
                          n_blocks);
    return true;
}

void DeviceWordCounter::count_pairs(OnDevice& there, index_t n_documents, Counts& out) {
    const index_t n = there.n_tokens;
    cuda::sort_keys(*device_, there.pairs, n, 32 + bits_for(n_documents));
    kernels_.mark_runs(*device_,
                       {there.pairs.data(), n, there.is_first.data(), nullptr, nullptr, nullptr, nullptr},
                       ceil_div(n, kTextThreads));
    cuda::running_sum(*device_, there.is_first.data(), there.before.data(), n);
    const index_t n_entries = last_of(*device_, there.before);
    DeviceArray<std::int64_t> run_begin(*device_, n_entries + 1, "runs of words of a document");
    kernels_.run_begins(*device_, {there.before.data(), n, run_begin.data()}, ceil_div(n, kTextThreads));
    DeviceArray<std::uint32_t> terms(*device_, n_entries, "the entries"),
        counts(*device_, n_entries, "the entries");
    DeviceArray<std::int64_t> df(*device_, there.n_terms, "the frequencies");
    DeviceArray<std::int64_t> tf(*device_, there.n_terms, "the frequencies");
    DeviceArray<std::int64_t> row_length(*device_, n_documents, "the lengths of rows");
    df.fill_bytes(0);
    tf.fill_bytes(0);
    row_length.fill_bytes(0);
    kernels_.count_entries(*device_,
                           {there.pairs.data(), run_begin.data(), n_entries, terms.data(), counts.data(),
                            df.data(), tf.data(), row_length.data()},
                           ceil_div(n_entries, kTextThreads));
    out.entry_terms = terms.to_host();
    out.entry_counts = counts.to_host();
    out.document_frequency = df.to_host();
    out.term_frequency = tf.to_host();
    out.row_length = row_length.to_host();
}

void DeviceWordCounter::gather_terms(const OnDevice& there, Counts& out) {
    const index_t n = there.n_terms, n_blocks = ceil_div(n, kTextThreads);
    DeviceArray<std::uint32_t> lengths(*device_, n, "lengths of terms");
    DeviceArray<std::int64_t> offsets(*device_, n + 1, "places of terms");
    device::GatherTerms program{
        there.term_token.data(), there.lower.data(), n, lengths.data(), nullptr, nullptr};
    kernels_.gather_terms(*device_, program, n_blocks);
    cuda::running_sum(*device_, lengths.data(), offsets.data(), n);
    DeviceArray<std::uint8_t> bytes(*device_, last_of(*device_, offsets), "the terms");
    program.offsets = offsets.data();
    program.out = bytes.data();
    kernels_.gather_terms(*device_, program, n_blocks);
    const std::vector<std::uint8_t> text = bytes.to_host();
    out.terms.bytes.assign(text.begin(), text.end());
    out.terms.offsets = offsets.to_host();
}

}  // namespace coterie::text
