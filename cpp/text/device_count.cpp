#include "text/device_count.hpp"

#include <stdexcept>

#include "core/check.hpp"
#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "cuda/algorithms.hpp"
#include "text/device_batch.hpp"
#include "text/encode_utf8.hpp"

namespace coterie::text {
namespace {

using cuda::DeviceArray;
using device::kBytesPerBlock;
using device::Token;

constexpr std::int64_t kMostBytes =
    (std::int64_t{1} << 31) - 4096;  // of a document; tokens have 32-bit lengths
constexpr index_t kDocumentsPerTask = 256;
constexpr index_t kBehind = 16;  // zero bytes behind the texts
constexpr int kMostSeeds = 8;

}  // namespace

DeviceTermCounter::DeviceTermCounter(std::shared_ptr<cuda::Device> device, TermCounter& counter,
                                     std::int64_t batch_bytes, std::uint64_t hash_mask)
    : device_(std::move(device)),
      kernels_(device::kernels_for(*device_)),
      counter_(counter),
      batch_bytes_(batch_bytes),
      hash_mask_(hash_mask) {
    require(counter.options().analyzer == Analyzer::word, "text",
            "a device counts words and their n-grams: analyzer must be 'word'");
    const UnicodeTables tables = unicode_tables();
    block_of_ = on_device(*device_, tables.block_of, tables.n_blocks, "the tables of characters");
    record_of_ = on_device(*device_, tables.record_of, tables.n_places, "the tables of characters");
    records_ = on_device(*device_, tables.records, tables.n_records, "the tables of characters");
}

void DeviceTermCounter::add_documents(const DocumentSource& documents, int n_threads) {
    const index_t n = documents.size(), first_row = counter_.n_documents();
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
        CountedBatch batch;
        batch.n_documents = last - first;
        const Texts raw = texts_of(documents, first, last, sizes, n_threads);
        const Texts rest = normalised(documents, first, raw, count(raw, batch), first_row);
        if (!rest.document.empty()) count(rest, batch);
        counter_.add_counted({}, {}, {}, batch.n_documents);
        if (counter_.keeps_rows()) batches_.push_back(std::move(batch));
        first = last;
    }
}

DeviceTermCounter::Texts DeviceTermCounter::texts_of(const DocumentSource& documents, index_t first,
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
DeviceTermCounter::Texts DeviceTermCounter::normalised(const DocumentSource& documents, index_t first,
                                                       const Texts& raw,
                                                       const std::vector<std::uint32_t>& marked,
                                                       index_t first_row) const {
    Texts texts;
    texts.is_normalised = true;
    Normalizer normalizer(counter_.options().normalize);
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

// Adds the terms of these texts to the batch and their totals to the counter; returns which texts are left to the host.
std::vector<std::uint32_t> DeviceTermCounter::count(const Texts& texts, CountedBatch& batch) {
    const AnalyzeOptions& options = counter_.options();
    OnDevice there;
    there.n_documents = batch.n_documents;
    classify(texts, there);
    Runs terms;
    std::uint64_t seed = hash_secret();
    for (int attempt = 0;; ++attempt, seed = seed * 0x9E3779B97F4A7C15u + 1) {
        if (attempt == kMostSeeds)
            throw std::runtime_error("[text] hashes of different words are equal for " +
                                     std::to_string(kMostSeeds) + " seeds; device='cpu' compares words");
        find_tokens(there, seed);
        if (number_tokens(there, terms)) break;
    }
    const std::vector<TermId> token_ids = counter_.token_ids(texts_of_terms(there, terms));
    const Words words = words_of(there, terms, token_ids);
    Pairs pairs;
    pairs.pairs =
        DeviceArray<std::uint64_t>(*device_, words.n * (options.max_n - options.min_n + 1), "the terms");
    std::vector<TermId> ids = token_ids;
    for (int length = 1; length <= options.max_n; ++length) {
        if (length > 1) {
            terms = number_grams(words, terms, length);
            ids = counter_.gram_ids(terms.key.to_host(), ids, token_ids);
        }
        if (length >= options.min_n) add_pairs(words, terms, ids, pairs);
    }
    count_pairs(pairs, batch);
    return there.marked.to_host();
}

void DeviceTermCounter::classify(const Texts& texts, OnDevice& there) {
    const NormalizeOptions& normalize = counter_.options().normalize;
    cuda::Device& device = *device_;
    const auto n = static_cast<index_t>(texts.bytes.size());
    there.n_bytes = n;
    there.begin = on_device(device, texts.begin, "the places of documents");
    there.document = on_device(device, texts.document, "the documents");
    there.marked = DeviceArray<std::uint32_t>(device, there.begin.size(), "the marked documents");
    there.marked.fill_bytes(0);
    there.lower = DeviceArray<std::uint8_t>(device, n + kBehind, "the texts");
    there.kind = DeviceArray<std::uint8_t>(device, n + kBehind, "the classes of characters");
    there.kind.fill_bytes(0);
    DeviceArray<std::uint8_t> bytes(device, n + kBehind, "the texts");
    bytes.fill_bytes(0);
    device.upload(bytes.data(), texts.bytes.data(), texts.bytes.size());
    device::ClassifyText program{};
    program.bytes = bytes.data();
    program.end = n;
    program.tables = {block_of_.data(), record_of_.data(), records_.data()};
    program.segments = there.segments();
    program.lowercase = normalize.lowercase;
    program.is_normalised = texts.is_normalised;
    program.marks_all = normalize.strip_accents == StripAccents::ascii;
    program.marked_flags =
        normalize.strip_accents == StripAccents::none ? std::uint8_t{0} : std::uint8_t{kStripped};
    program.lower = there.lower.data();
    program.kind = there.kind.data();
    kernels_.classify_text(device, program, ceil_div(n, kBytesPerBlock));
}

void DeviceTermCounter::find_tokens(OnDevice& there, std::uint64_t seed) {
    const index_t n_blocks = ceil_div(there.n_bytes, kBytesPerBlock);
    DeviceArray<std::uint32_t> counts(*device_, n_blocks, "counts of words");
    DeviceArray<std::int64_t> offsets(*device_, n_blocks + 1, "places of words");
    device::FindTokens program{};
    program.lower = there.lower.data();
    program.kind = there.kind.data();
    program.n = there.n_bytes;
    program.segments = there.segments();
    program.min_chars = counter_.options().min_token_chars;
    program.seed = seed;
    program.hash_mask = hash_mask_;
    program.counts = counts.data();
    kernels_.find_tokens(*device_, program, n_blocks);
    cuda::running_sum(*device_, counts.data(), offsets.data(), n_blocks);
    there.n_tokens = last_of(*device_, offsets);
    there.tokens = DeviceArray<Token>(*device_, there.n_tokens, "the words");
    there.hashes = DeviceArray<std::uint64_t>(*device_, there.n_tokens, "the hashes of words");
    there.order = DeviceArray<std::uint32_t>(*device_, there.n_tokens, "the order of words");
    program.offsets = offsets.data();
    program.tokens = there.tokens.data();
    program.hashes = there.hashes.data();
    program.order = there.order.data();
    kernels_.find_tokens(*device_, program, n_blocks);
}

}  // namespace coterie::text
